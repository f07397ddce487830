"""Containers that functions run in, through the Docker SDK; the local cloud knows it from here only.

Rules:
- A container is told to the watchdog by its name before it is made, and until it is gone. If the daemon is
  killed, the watchdog runs `python -m lambdify.cli.local.functions.engine NAME...`, which removes the rest.
- Each has a label that says whose it is. A cloud that opens the engine removes those of its home folder that
  are there already: their daemon died together with its watchdog.
- A container has what a function has on Lambda: a user without rights, files that are read-only but for those
  in /tmp, its memory and no swap.
"""

import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig
from docker.utils.socket import frames_iter
from requests.exceptions import RequestException

from lambdify.cli.errors import DockerUnavailable, LocalCloudFailed
from lambdify.cli.local.processes import Children
from lambdify.cli.packing.wheels import docker_host

KIND = {"lambdify": "function"}
"""Label of every function's container; packing/wheels/docker.py looks for it, too."""
HOME = "lambdify.home"
"""Label that says which cloud's it is."""
USER = "993:990"
"""Who a function is on Lambda."""
_HINT = f"Start Docker, or point DOCKER_HOST at an engine. {docker_host.ZIPS_HINT}"
_TIMEOUT = 60
"""Seconds for one answer of the engine."""
STDERR = 2
"""The number of the stream."""
_SIGNAL_BASE = 128
"""What an engine adds to the number of the signal that ended a container's process."""


class Container:
    """A function's container, from before its start until it is removed."""

    def __init__(self, client: docker.DockerClient, name: str, gone: Callable[[], None]) -> None:
        self._api, self.name, self._gone = client.api, name, gone

    def start(self) -> Iterator[tuple[int, bytes]]:
        """Start it; what it writes, as pieces with the number of the stream (1, 2), until it ends."""
        with _translated("start a function's container"):
            # Before it runs, or the first lines would be missed: no log of them is kept.
            params = {"stdout": 1, "stderr": 1, "stream": 1}
            connection = self._api.attach_socket(self.name, params=params)
            try:
                self._api.start(self.name)
            except BaseException:
                _close_connection(connection)
                raise
        return _read(connection)

    def pause(self) -> bool:
        """Freeze it; False where that is not possible: it has ended, or the engine cannot."""
        return self._try_call(self._api.pause)

    def unpause(self) -> None:
        """Let it go on."""
        self._try_call(self._api.unpause)

    def send(self, number: signal.Signals) -> None:
        """Send its first process a signal, unless it has ended."""
        self._try_call(lambda name: self._api.kill(name, number.name))

    def wait(self) -> int:
        """Its return code as `subprocess` has it, when its output has ended."""
        with suppress(APIError, RequestException):
            code = int(self._api.wait(self.name)["StatusCode"])
            return _SIGNAL_BASE - code if code > _SIGNAL_BASE else code
        return -signal.SIGKILL  # somebody has removed it

    def pid(self) -> int:
        """Of its first process, on the engine's machine; 0 when it has ended."""
        with suppress(APIError, RequestException):
            return int(self._api.inspect_container(self.name)["State"]["Pid"])
        return 0

    def remove(self) -> None:
        """End it at once, with its /tmp."""
        if self._try_call(lambda name: self._api.remove_container(name, v=True, force=True)):
            self._gone()

    def _try_call(self, call: Callable[[str], object]) -> bool:
        try:
            call(self.name)
        except NotFound:
            return True
        except (APIError, RequestException):
            return False
        return True


class Engine:
    """The container engine, and the containers of one cloud in it."""

    def __init__(
        self, client: docker.DockerClient, home: Path, children: Children, reach: docker_host.HostRoute
    ) -> None:
        self._client, self._home, self._children = client, home, children
        self.reach = reach

    def check(self, image: str) -> None:
        """Return when the engine has the image. Raises LocalCloudFailed."""
        with _translated(f"look for the image {image}"):
            try:
                self._client.images.get(image)
            except ImageNotFound as error:
                raise LocalCloudFailed(
                    f"The container engine no longer has the image {image}.",
                    hint="Deploy again. If DOCKER_HOST has changed since the local cloud began, end that "
                    "first: `lambdify local stop`.",
                ) from error

    def create(
        self, image: str, command: Sequence[str], environment: Mapping[str, str], *, memory: int
    ) -> Container:
        """A container that is to be started; `memory` in MB. Raises LocalCloudFailed, DockerUnavailable."""
        api = self._client.api
        name = f"lambdify-function-{uuid.uuid4().hex[:12]}"
        self._children.watch_container(name)
        container = Container(self._client, name, lambda: self._children.unwatch_container(name))
        limits = api.create_host_config(
            network_mode=self.reach.network or None,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=memory << 20,
            memswap_limit=memory << 20,
            # What it writes is read as it comes; nobody asks the engine for it later.
            log_config=LogConfig(type="none"),
        )
        try:
            with _translated("make a function's container"):
                api.create_container(
                    image,
                    list(command) or None,
                    name=name,
                    environment=dict(environment),
                    user=USER,
                    labels={**KIND, HOME: str(self._home)},
                    # Not in memory, which on Lambda is not taken from the function's own.
                    volumes=["/tmp"],  # noqa: S108 - of the container
                    host_config=limits,
                )
        except BaseException:
            container.remove()
            raise
        return container

    def sweep(self) -> None:
        """Remove the containers that a dead daemon of this home folder has left."""
        with _translated("look for containers that were left"):
            found = self._client.api.containers(all=True, filters={"label": f"{HOME}={self._home}"})
        remove(self._client, [each["Id"] for each in found])

    def close(self) -> None:
        """Let go of the engine."""
        self._client.close()


def connect(home: Path, children: Children) -> Engine:
    """The engine, with nothing left in it of earlier clouds of this home. Raises DockerUnavailable."""
    with _translated("answer"):
        client = docker.from_env(timeout=_TIMEOUT)
        reach = docker_host.find(
            client.info(), hostname=socket.gethostname(), kernel=os.uname().release, platform=sys.platform
        )
    engine = Engine(client, home, children, reach)
    engine.sweep()
    return engine


def remove(client: docker.DockerClient, names: Sequence[str]) -> None:
    """End these containers; those that are gone already are no error."""
    for name in names:
        with suppress(APIError, RequestException):
            client.api.remove_container(name, v=True, force=True)


def _read(connection: Any) -> Iterator[tuple[int, bytes]]:
    try:
        with suppress(OSError, DockerException):  # the engine has gone
            yield from _frames(connection)
    finally:
        _close_connection(connection)


def _frames(connection: Any) -> Iterator[tuple[int, bytes]]:
    pieces: Iterator[tuple[int, bytes]] = frames_iter(connection, tty=False)  # type: ignore[no-untyped-call]
    return pieces


def _close_connection(connection: Any) -> None:
    # The SDK keeps the response there, which has to be closed for the connection to be.
    connection._response.close()
    connection.close()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except APIError as error:
        raise LocalCloudFailed(
            f"The container engine could not {what}: {error.explanation or error}", hint="Its log says more."
        ) from error
    except (DockerException, RequestException, OSError) as error:
        raise DockerUnavailable(
            f"The function is a container image, and no container engine answers: {error}", hint=_HINT
        ) from error


def main(names: Sequence[str]) -> None:
    """Remove what a daemon that was killed has left."""
    with suppress(DockerException, RequestException, OSError):
        client = docker.from_env(timeout=_TIMEOUT)
        remove(client, names)
        client.close()


if __name__ == "__main__":
    main(sys.argv[1:])
