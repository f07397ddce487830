"""Containers to build in, and images to deploy, through the Docker SDK.

Beside this module only local/functions/engine.py imports it, for the containers that functions run in.

Files are copied in and out rather than mounted: that works with an engine on another machine or in a
container, leaves no file that belongs to root, and asks nothing of SELinux.

A container lives as long as the `with` block around it, whatever ends that. Its first process reads from a
connection that is open just as long. Where nobody is left to remove the container (kill -9, a lost network),
the engine closes the other end, the process ends, and the engine removes it.

Which engine: DOCKER_HOST, or the context that the docker command uses. LAMBDIFY_DOCKER_NETWORK names another
network for the container than the engine's default, such as "host" where only the host reaches the index.
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
"""Seconds that one answer of the engine may take; unpacking a large image is silent for long."""
_MAX_LIFETIME = "21600"
"""Seconds after which a container ends by itself, where an engine does not notice that we have gone."""
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
    """How a command in a container ended."""

    code: int
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether the command says so."""
        return self.code == 0


class Container:
    """A running container: files go in and out, commands run in it one after the other."""

    def __init__(self, container: SdkContainer) -> None:
        self._container = container

    def run(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command to its end; its output has lost its credentials."""
        # The environment of one command is not part of what `docker inspect` shows of the container.
        with _translated("run a command in the build container"):
            code, output = self._container.exec_run(list(argv), environment=dict(environment or {}))
        text = output.decode(errors="replace") if isinstance(output, bytes) else ""
        return CommandResult(code=-1 if code is None else code, output=redact(text))

    def put(self, folder: Path, into: PurePosixPath) -> None:
        """Copy what is in a folder to a path in the container, which is made if need be."""
        with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, arcname=str(into.relative_to("/")), filter=_as_root)
            file.seek(0)
            with _translated("copy sources into the build container"):
                self._container.put_archive("/", file)

    def get(self, folder: PurePosixPath, into: Path) -> tuple[Path, ...]:
        """Copy the files that lie in a folder of the container into one of ours, and return them."""
        with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as file:
            with _translated("copy files out of the build container"):
                blocks, _ = self._container.get_archive(str(folder))
                for block in blocks:
                    file.write(block)
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                return tuple(_unpack(archive, into))


class Engine:
    """A container engine that answers."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def find_image(self, name: str) -> str | None:
        """Return the id of an image that the engine has, which is that of its content."""
        with _translated(f"look for the image {name}"), suppress(ImageNotFound):
            return self._client.images.get(name).id
        return None

    def fetch_image(self, name: str, target: Target, console: Console) -> str:
        """Return the id of an image for the target's CPU, pulled if the engine does not have it."""
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
        """Make an image of that name from a tar with a Dockerfile in it."""
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
        """Send an image to the registry that its name begins with."""
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
        """Remove the tags of a repository from this engine, all but one; the registry keeps its own."""
        with _translated(f"tidy up the images of {repository}"):
            for image in self._client.images.list(name=repository):
                for name in image.tags:
                    if name != but and name.rpartition(":")[0] == repository:
                        self._client.images.remove(name, noprune=False)

    def describe(self) -> Mapping[str, Any]:
        """What the engine says of itself: https://docs.docker.com/reference/api/engine/"""
        with _translated("describe itself"):
            found: Mapping[str, Any] = self._client.info()
        return found

    def remove_images(self, repository: str, tags: Iterable[str] | None = None) -> None:
        """Remove these tags of a repository (None: all) from this engine, and the functions that run them."""
        with _translated(f"remove the images of {repository}"):
            for image in self._client.images.list(name=repository):
                for name in image.tags:
                    place, _, tag = name.rpartition(":")
                    if place == repository and (tags is None or tag in set(tags)):
                        self._remove(name)

    def _remove(self, name: str) -> None:
        """An image that a container runs would stay, without its name."""
        running: dict[str, str | list[str] | bool] = {"ancestor": name, "label": "lambdify=function"}
        for each in self._client.containers.list(all=True, filters=running, ignore_removed=True):
            with suppress(APIError):
                each.remove(v=True, force=True)
        self._client.images.remove(name, force=True)

    @contextmanager
    def container(self, image: str) -> Iterator[Container]:
        """Keep a container of that image running while the block runs."""
        # The name is ours, so that the container is found again even if creating it was interrupted.
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
                # The SDK keeps the response there, which has to be closed for the connection to be.
                for each in (connection, connection._response):
                    opened.callback(each.close)
                container = self._client.containers.get(name)
                container.start()
            yield Container(container)
        finally:
            opened.close()
            # Not found: it never came to be. A conflict: it is being removed already.
            with suppress(APIError, RequestException):
                self._client.api.remove_container(name, v=True, force=True)


@contextmanager
def open_engine(need: str, *, timeout: int = _TIMEOUT, hint: str = _NO_ENGINE_HINT) -> Iterator[Engine]:
    """Connect to the container engine; `need` begins the message when none answers in `patience` seconds."""
    try:
        client = docker.from_env(timeout=timeout)
    except DockerException as error:
        raise DockerUnavailable(
            f"{need}, but no container engine answers: {_explain(error)}", hint=hint
        ) from error
    try:
        # Making a client asks nothing of the engine unless the version is negotiated.
        client.ping()
        yield Engine(client)
    finally:
        client.close()


@contextmanager
def _translated(during: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
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
    """What went wrong, of all that the engine says of a long work; read to its end, which closes it."""
    return [redact(line["error"].strip()) for line in lines if "error" in line]


def _explain(error: Exception) -> str:
    """Return the engine's own words, without the layers of exceptions around them."""
    if isinstance(error, APIError) and error.explanation:
        return redact(str(error.explanation))
    return redact(str(error))


def _unpack(archive: tarfile.TarFile, into: Path) -> Iterator[Path]:
    """Write the regular files of an archive under their bare names, wherever it says they belong."""
    for entry in archive:
        content = archive.extractfile(entry) if entry.isfile() else None
        if content is not None:
            target = into / PurePosixPath(entry.name).name
            with content, target.open("wb") as copy:
                shutil.copyfileobj(content, copy)
            yield target


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    # Git refuses a repository that belongs to somebody else.
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
