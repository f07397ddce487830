"""Build containers and container images, through the Docker SDK.

Only this module and local/functions/engine.py, which runs functions in containers, import the SDK.

Files are copied in and out, not mounted. That works with an engine on another machine or in a container,
leaves no files that belong to root, and needs no SELinux labels.

A container lives as long as its `with` block. Its first process reads from a connection that is open for the
same time. If this process cannot remove the container (kill -9, a lost network), the engine closes the other
end of the connection, the container's process ends, and the engine removes the container.

The engine is that of DOCKER_HOST, or of the docker command's context. LAMBDIFY_DOCKER_NETWORK names the
container's network, such as "host" if only the host can connect to the index.
"""

import os
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container as SdkContainer
from requests.exceptions import RequestException

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError, DockerUnavailable
from lambdify.cli.packing.target import Target
from lambdify.cli.redaction import redact

_TIMEOUT = 600
"""Seconds without an answer of the engine, which sends nothing while it unpacks a large image."""
_MAX_LIFETIME = "21600"
"""Seconds after which a container ends by itself, if the engine does not notice a lost connection."""
_MAX_IN_MEMORY = 32 << 20
_NO_ENGINE_HINT = (
    "Start Docker, or point DOCKER_HOST at an engine. "
    "Or pin versions that have a wheel, so that nothing needs to be built."
)
_PUSH_HINT = (
    "The credentials need the permission to push images: `lambdify policy` prints all that is needed. "
    "If they have it, try again: what has arrived is not sent twice."
)


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The exit code and the output of a command in a container."""

    code: int
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether the exit code is 0."""
        return self.code == 0


class Container:
    """A running container, for copying files and for running commands one after the other."""

    def __init__(self, container: SdkContainer) -> None:
        self._container = container

    def run(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command, and return its result; credentials are removed from the output."""
        # `docker inspect` does not show the environment of a single command.
        with _translated("run a command in the build container"):
            code, output = self._container.exec_run(list(argv), environment=dict(environment or {}))
        text = output.decode(errors="replace") if isinstance(output, bytes) else ""
        return CommandResult(code=-1 if code is None else code, output=redact(text))

    def put(self, folder: Path, into: PurePosixPath) -> None:
        """Copy the content of a folder to a path in the container, which is created if it is missing."""
        with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, arcname=str(into.relative_to("/")), filter=_as_root)
            file.seek(0)
            with _translated("copy sources into the build container"):
                self._container.put_archive("/", file)

    def get(self, folder: PurePosixPath, into: Path) -> tuple[Path, ...]:
        """Copy the files of a folder in the container into a folder here, and return their paths."""
        with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as file:
            with _translated("copy files out of the build container"):
                blocks, _ = self._container.get_archive(str(folder))
                for block in blocks:
                    file.write(block)
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                return tuple(_unpack(archive, into))


class Engine:
    """A running container engine."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def find_image(self, name: str) -> str | None:
        """Return the id, a digest of the content, of an image that the engine has; else None."""
        with _translated(f"look for the image {name}"), suppress(ImageNotFound):
            return self._client.images.get(name).id
        return None

    def fetch_image(self, name: str, target: Target, console: Console) -> str:
        """Return the id of an image for the target's CPU, and pull it if it is missing. Raises BuildError."""
        if self.find_image(name) is None:
            with console.step(f"Pull {name}"), _translated(f"pull {name}"):
                try:
                    self._client.images.pull(name, platform=target.docker_platform)
                except APIError as error:
                    raise BuildError(
                        f"the build image {name} could not be pulled: {_explain(error)}",
                        hint="Name another with [build] image; one that the engine has is not pulled.",
                    ) from error
        with _translated(f"look at the image {name}"):
            image = self._client.images.get(name)
        wanted = target.docker_platform.rpartition("/")[2]
        if image.attrs["Architecture"] != wanted:
            raise BuildError(
                f"the build image {name} is for {image.attrs['Architecture']}, the function is for {wanted}",
                hint=f"Name an image for {wanted} with [build] image, or change [function] architecture.",
            )
        return str(image.id)

    def build_image(self, context: IO[bytes], name: str, target: Target) -> None:
        """Build an image from a tar with a Dockerfile. Raises BuildError."""
        with _translated(f"build the image {name}"):
            lines = self._client.api.build(
                fileobj=context,
                custom_context=True,
                tag=name,
                platform=target.docker_platform,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for error in _errors(lines):
                raise BuildError(f"the image {name} could not be built: {error}")

    def push_image(self, name: str, username: str, password: str) -> None:
        """Push an image to the registry that its name begins with. Raises BuildError."""
        repository, _, tag = name.rpartition(":")
        with _translated(f"push the image {name}"):
            lines = self._client.images.push(
                repository,
                tag=tag,
                auth_config={"username": username, "password": password},
                stream=True,
                decode=True,
            )
            for error in _errors(lines):
                raise BuildError(
                    f"the image {name} could not be pushed: {error.replace(password, '***')}",
                    hint=_PUSH_HINT,
                    during="pushing the image",
                )

    def forget_images(self, repository: str, *, but: str) -> None:
        """Remove all tags of a repository from this engine, except `but`; the registry keeps them."""
        with _translated(f"tidy up the images of {repository}"):
            for image in self._client.images.list(name=repository):
                for name in image.tags:
                    if name != but and name.rpartition(":")[0] == repository:
                        self._client.images.remove(name, noprune=False)

    def describe(self) -> Mapping[str, Any]:
        """Return the engine's description of itself: https://docs.docker.com/reference/api/engine/"""
        with _translated("describe itself"):
            found: Mapping[str, Any] = self._client.info()
        return found

    def remove_images(self, repository: str, tags: Iterable[str] | None = None) -> None:
        """Remove these tags of a repository (None: all) from this engine, and their functions' containers."""
        with _translated(f"remove the images of {repository}"):
            for image in self._client.images.list(name=repository):
                for name in image.tags:
                    place, _, tag = name.rpartition(":")
                    if place == repository and (tags is None or tag in set(tags)):
                        self._remove(name)

    def _remove(self, name: str) -> None:
        """Remove an image and the containers that run it: they would keep it, without its name."""
        running: dict[str, str | list[str] | bool] = {"ancestor": name, "label": "lambdify=function"}
        for each in self._client.containers.list(all=True, filters=running, ignore_removed=True):
            with suppress(APIError):
                each.remove(v=True, force=True)
        self._client.images.remove(name, force=True)

    @contextmanager
    def container(self, image: str) -> Iterator[Container]:
        """Run a container of that image as long as the block runs."""
        # We choose the name, so that the container can be removed even if its creation is interrupted.
        name = f"lambdify-build-{uuid.uuid4().hex[:12]}"
        opened = ExitStack()
        try:
            with _translated("start the build container"):
                self._client.api.create_container(
                    image,
                    name=name,
                    entrypoint=["timeout", _MAX_LIFETIME, "cat"],
                    stdin_open=True,
                    user="0",
                    labels={"lambdify": "build"},
                    host_config=self._client.api.create_host_config(
                        network_mode=os.environ.get("LAMBDIFY_DOCKER_NETWORK") or None, auto_remove=True
                    ),
                )
                connection = self._client.api.attach_socket(name, params={"stdin": 1, "stream": 1})
                # The connection is closed only if the response is, which the SDK stores there.
                for each in (connection, connection._response):
                    opened.callback(each.close)
                container = self._client.containers.get(name)
                container.start()
            yield Container(container)
        finally:
            opened.close()
            # "Not found" means that it was never created, a conflict that it is being removed already.
            with suppress(APIError, RequestException):
                self._client.api.remove_container(name, v=True, force=True)


@contextmanager
def open_engine(need: str, *, timeout: int = _TIMEOUT, hint: str = _NO_ENGINE_HINT) -> Iterator[Engine]:
    """Connect to the container engine. Raises DockerUnavailable if none answers in `timeout` seconds.

    `need` is the beginning of that message.
    """
    try:
        client = docker.from_env(timeout=timeout)
    except DockerException as error:
        raise DockerUnavailable(
            f"{need}, but no container engine answers: {_explain(error)}", hint=hint
        ) from error
    try:
        # Creating a client may not connect to the engine, so it is pinged.
        client.ping()
        yield Engine(client)
    finally:
        client.close()


@contextmanager
def _translated(during: str) -> Iterator[None]:
    """Turn the SDK's errors into BuildError and DockerUnavailable."""
    try:
        yield
    except (NotFound, APIError) as error:
        raise BuildError(
            f"the container engine could not {during}: {_explain(error)}",
            hint="Its log says more. An image to build in ([build] image) needs a shell, cat and timeout.",
        ) from error
    except (DockerException, RequestException, OSError) as error:
        raise DockerUnavailable(
            f"the container engine went away: {_explain(error)}", hint=_NO_ENGINE_HINT, during=during
        ) from error


def _errors(lines: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the errors in the engine's progress messages; all are read, which closes the connection."""
    return [redact(line["error"].strip()) for line in lines if "error" in line]


def _explain(error: Exception) -> str:
    """Return the engine's own message, without the text of the exceptions around it."""
    if isinstance(error, APIError) and error.explanation:
        return redact(str(error.explanation))
    return redact(str(error))


def _unpack(archive: tarfile.TarFile, into: Path) -> Iterator[Path]:
    """Write the regular files of an archive into a folder, without their paths in the archive; yield them."""
    for entry in archive:
        content = archive.extractfile(entry) if entry.isfile() else None
        if content is not None:
            target = into / PurePosixPath(entry.name).name
            with content, target.open("wb") as copy:
                shutil.copyfileobj(content, copy)
            yield target


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    # Git refuses a repository that belongs to another user.
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
