"""Containers of functions, through the Docker SDK, which the local cloud uses in this module only.

Rules:
- The watchdog knows the name of a container from before its creation until it is removed. If the daemon is
  killed, the watchdog runs `python -m lambdify.cli.local.functions.engine NAME...`, which removes the rest.
- A label names the home folder of the cloud. A cloud that connects to the engine removes the containers that
  its home folder has already: their daemon was killed together with its watchdog.
- A container has the limits of a function on Lambda: a user without rights, files that are read-only except
  in /tmp, its memory, and no swap.
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
"""Label with the home folder of the cloud."""
USER = "993:990"
"""User and group of a function on Lambda."""
_HINT = f"Start Docker, or point DOCKER_HOST at an engine. {docker_host.ZIPS_HINT}"
_TIMEOUT = 60
"""Seconds for one response of the engine."""
STDERR = 2
"""The number of the stream in the engine's output."""
_SIGNAL_BASE = 128
"""An engine's exit code for a process that a signal ended is this plus the signal's number."""


class Container:
    """A function's container, from before its start until it is removed."""

    def __init__(self, client: docker.DockerClient, name: str, gone: Callable[[], None]) -> None:
        self._api, self.name, self._gone = client.api, name, gone

    def start(self) -> Iterator[tuple[int, bytes]]:
        """Start the container; yield its output, as pieces with the number of the stream (1, 2).

        Raises LocalCloudFailed, DockerUnavailable.
        """
        with _translated("start a function's container"):
            # We attach before the start, since no log keeps the first lines.
            params = {"stdout": 1, "stderr": 1, "stream": 1}
            connection = self._api.attach_socket(self.name, params=params)
            try:
                self._api.start(self.name)
            except BaseException:
                _close_connection(connection)
                raise
        return _read(connection)

    def pause(self) -> bool:
        """Pause the container. Return False if the engine cannot."""
        return self._try_call(self._api.pause)

    def unpause(self) -> None:
        """Let the container run."""
        self._try_call(self._api.unpause)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process, unless that has ended."""
        self._try_call(lambda name: self._api.kill(name, number.name))

    def wait(self) -> int:
        """Wait for the container to end; return its return code as `subprocess` defines it."""
        with suppress(APIError, RequestException):
            code = int(self._api.wait(self.name)["StatusCode"])
            return _SIGNAL_BASE - code if code > _SIGNAL_BASE else code
        return -signal.SIGKILL  # somebody has removed it

    def pid(self) -> int:
        """Return the pid of its first process, on the engine's machine; 0 if that has ended."""
        with suppress(APIError, RequestException):
            return int(self._api.inspect_container(self.name)["State"]["Pid"])
        return 0

    def remove(self) -> None:
        """Kill and remove the container with its /tmp."""
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
    """The container engine, with the containers of one cloud."""

    def __init__(
        self, client: docker.DockerClient, home: Path, children: Children, reach: docker_host.HostRoute
    ) -> None:
        self._client, self._home, self._children = client, home, children
        self.reach = reach

    def check(self, image: str) -> None:
        """Return if the engine has the image. Raises LocalCloudFailed, DockerUnavailable."""
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
        """Return a new container, not yet started; `memory` is in MB.

        Raises LocalCloudFailed, DockerUnavailable.
        """
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
            # We read the output as it comes, so the engine needs no log.
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
                    # /tmp is a volume, not a tmpfs: on Lambda it takes nothing of the function's memory.
                    volumes=["/tmp"],  # noqa: S108 - of the container
                    host_config=limits,
                )
        except BaseException:
            container.remove()
            raise
        return container

    def sweep(self) -> None:
        """Remove the containers that a killed daemon of this home folder has left."""
        with _translated("look for containers that were left"):
            found = self._client.api.containers(all=True, filters={"label": f"{HOME}={self._home}"})
        remove(self._client, [each["Id"] for each in found])

    def close(self) -> None:
        """Close the connection to the engine."""
        self._client.close()


def connect(home: Path, children: Children) -> Engine:
    """Connect to the engine, and remove containers of earlier clouds of this home.

    Raises DockerUnavailable, LocalCloudFailed.
    """
    with _translated("answer"):
        client = docker.from_env(timeout=_TIMEOUT)
        reach = docker_host.find(
            client.info(), hostname=socket.gethostname(), kernel=os.uname().release, platform=sys.platform
        )
    engine = Engine(client, home, children, reach)
    engine.sweep()
    return engine


def remove(client: docker.DockerClient, names: Sequence[str]) -> None:
    """Kill and remove these containers; a missing one is no error."""
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
    # The SDK keeps the HTTP response in this attribute; the connection stays open until it is closed.
    connection._response.close()
    connection.close()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into LocalCloudFailed and DockerUnavailable."""
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
    """Remove the containers of a killed daemon."""
    with suppress(DockerException, RequestException, OSError):
        client = docker.from_env(timeout=_TIMEOUT)
        remove(client, names)
        client.close()


if __name__ == "__main__":
    main(sys.argv[1:])
