"""What is installed on this machine: lambdify and what it needs, Pythons, uv, a container engine, room."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from lambdify.cli import programs
from lambdify.cli.doctor.finding import Finding
from lambdify.cli.errors import BuildError, DockerUnavailable
from lambdify.cli.formatting import size
from lambdify.cli.packing.resolution.uv import find_uv
from lambdify.cli.packing.target import Target, runtimes
from lambdify.cli.packing.wheels import docker
from lambdify.cli.programs import pythons
from lambdify.cli.settings import Settings
from lambdify.cli.storage import disk
from lambdify.cli.version import DISTRIBUTION, VERSION

OUR_COMMAND = "lambdify.cli.main:main"
PATIENCE = 20.0
"""Seconds for a program or an engine that was asked."""
OTHER_PLACES = "TMPDIR, LAMBDIFY_CACHE and LAMBDIFY_HOME choose other places."
LITTLE, TOO_LITTLE = 2 << 30, 200 << 20
"""Bytes: below them a large project may find no room, and hardly any does."""


def look_at_versions(path: list[str] | None = None) -> Iterator[Finding]:
    """Yield whether lambdify is whole, and whether another project of its name is beside it.

    `path` has the folders where distributions are looked for, instead of this process's own.
    """
    installed = metadata.distributions() if path is None else metadata.distributions(path=path)
    # The first one of a name counts, as it does for an import.
    found = {_normalize(each.name): each for each in reversed(list(installed))}
    ours, foreign = found.get(DISTRIBUTION), found.get("lambdify")
    here = f"{VERSION}, in {Path(__file__).parents[2]}"
    wrong = list(_unmet(ours, found)) if ours else []
    if wrong:
        yield Finding(
            name="lambdify",
            state="failed",
            said=f"{here}; {'; '.join(wrong)}",
            way_out=f"{Path(sys.executable)} -m pip install --upgrade {DISTRIBUTION}",
        )
    else:
        yield Finding(name="lambdify", state="ok", said=here)
    if foreign:
        yield _judge(foreign)


def _unmet(ours: metadata.Distribution, found: Mapping[str, metadata.Distribution]) -> Iterator[str]:
    """Yield what lambdify needs and does not have."""
    from packaging.requirements import Requirement

    for text in ours.requires or ():
        needed = Requirement(text)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        has = found.get(_normalize(needed.name))
        if has is None:
            yield f"{needed.name} is not installed"
        elif not needed.specifier.contains(has.version, prereleases=True):
            yield f"{needed.name} {has.version} is installed, and {needed.specifier} is needed"


def _normalize(name: str) -> str:
    """Return a name as the index compares it."""
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def _judge(foreign: metadata.Distribution) -> Finding:
    """Return what to say of a distribution that is called lambdify."""
    is_ours = any(each.value == OUR_COMMAND for each in foreign.entry_points)
    what = "an older one of this project" if is_ours else "another project"
    return Finding(
        name="namesake",
        state="warning" if is_ours else "failed",
        said=f'the distribution "lambdify" {foreign.version} is installed as well: {what}',
        way_out=f"{Path(sys.executable)} -m pip uninstall lambdify, then install {DISTRIBUTION} again",
    )


def look_at_pythons(
    find: Callable[[str], Path | None] = pythons.find, environ: Mapping[str, str] = os.environ
) -> Finding:
    """Return which interpreters are here: that of lambdify, and those that functions run on locally."""
    here = {minor: find(minor) for minor in runtimes()}
    has = [minor for minor, python in here.items() if python]
    lacks = [minor for minor, python in here.items() if not python]
    said = (
        f"{'.'.join(map(str, sys.version_info[:3]))} runs lambdify; for functions: {', '.join(has) or 'none'}"
    )
    fetched = environ.get("UV_PYTHON_DOWNLOADS") not in {"never", "manual"}
    if not lacks or fetched:
        later = f"; uv installs {', '.join(lacks)} when it is needed" if lacks else ""
        return Finding(name="Python", state="ok", said=f"{said}{later}")
    return Finding(
        name="Python",
        state="warning",
        said=f"{said}; {', '.join(lacks)} is not here, and UV_PYTHON_DOWNLOADS lets uv install none",
        way_out="Install the one that your function has, on PATH or under pyenv: --local and the "
        "rehearsal need it.",
    )


def look_at_uv(find: Callable[[], str] = find_uv) -> Finding:
    """Return whether uv runs, which resolves and installs."""
    try:
        program = find()
        asked = programs.run([program, "--version"], cwd=Path("/"), environment=os.environ, limit=PATIENCE)
    except OSError as error:
        return _no_uv(str(error))
    if not asked.succeeded:
        return _no_uv(f"{program} does not run: {asked.errors.strip() or f'it ended with {asked.code}'}")
    return Finding(name="uv", state="ok", said=f"{asked.output.strip()}, {program}")


def _no_uv(said: str) -> Finding:
    way_out = f"{Path(sys.executable)} -m pip install --force-reinstall uv"
    return Finding(name="uv", state="failed", said=said, way_out=way_out)


def look_at_containers(settings: Settings | None) -> Finding:
    """Return whether a container engine answers, and whether a container of an image that it has runs."""
    name = "containers"
    try:
        with docker.open_engine("What has no wheel is built in a container", timeout=int(PATIENCE)) as engine:
            about = engine.describe()
            said = f"{about.get('OperatingSystem') or 'an engine'}, version {about.get('ServerVersion', '?')}"
            image = next(filter(engine.find_image, _images(settings)), None)
            if image is None:
                build_image = Target().build_image
                return Finding(
                    name=name,
                    state="ok",
                    said=f"{said}; it has no image of ours yet, so no container was tried",
                    way_out=f"docker pull {build_image}, and ask again",
                )
            with engine.container(image) as container:
                ran = container.run(["true"])
    except DockerUnavailable as error:
        return Finding(name=name, state="warning", said=error.message, way_out=error.hint)
    except BuildError as error:
        return Finding(name=name, state="failed", said=error.message, way_out=error.hint)
    if not ran.succeeded:
        told = f"{said}; a container of {image} ended with {ran.code}: {ran.output.strip()}"
        return Finding(name=name, state="failed", said=told, way_out="Look into the log of the engine.")
    return Finding(name=name, state="ok", said=f"{said}; a container of {image} ran")


def _images(settings: Settings | None) -> Iterator[str]:
    """Yield the images that may be tried: those of the settings first, then those of every runtime."""
    if settings:
        yield from filter(None, (settings.build.image, settings.build.base))
    for minor in runtimes():
        for architecture in ("x86_64", "arm64"):
            target = Target(python=minor, architecture=architecture)
            yield from (target.build_image, target.base_image)


def look_at_room(find: Callable[[], Mapping[str, disk.Place]] = disk.find_places) -> Iterator[Finding]:
    """Yield how much room there is where lambdify writes, and which of these folders it may not write to."""
    places = find()
    for name, place in places.items():
        if not place.writable:
            yield Finding(
                name="disk",
                state="failed",
                said=f"{place.path} ({name}) may not be written to",
                way_out=f"Change its rights. {OTHER_PLACES}",
            )
    name, least = min(places.items(), key=lambda each: each[1].free)
    said = f"{size(least.free)} are free for {name}"
    if least.free >= LITTLE:
        yield Finding(name="disk", state="ok", said=said)
        return
    yield Finding(
        name="disk",
        state="failed" if least.free < TOO_LITTLE else "warning",
        said=f"{said}; a large project takes 2 GiB",
        way_out=f"`lambdify cache clear` makes room. {OTHER_PLACES}",
    )
