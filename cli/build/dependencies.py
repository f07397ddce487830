"""From a project's dependency file to the wheels that fit the function.

    find the file ▶ plan with uv ▶ build what has no wheel, download what has ▶ look into them ▶ gate

This is the one door of the dependency rooms: `sources`, `plan`, `wheels`, `downloads`, `site_packages` and
`gate` stand behind it, in that order. Nothing is installed: what is packed is copied out of the wheels.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from lambdify.cli import folders
from lambdify.cli.build import fingerprint
from lambdify.cli.build.distributions import Dependencies, Distribution
from lambdify.cli.build.downloads import fetch_wheels, find_wheels
from lambdify.cli.build.gate import inspect
from lambdify.cli.build.kept import inputs
from lambdify.cli.build.local_sources import look
from lambdify.cli.build.native import Site
from lambdify.cli.build.plan import Plan, make_plan
from lambdify.cli.build.pylock import Package
from lambdify.cli.build.site_packages import Contents, read_contents
from lambdify.cli.build.sources import KINDS, Source, find_source
from lambdify.cli.build.target import Target
from lambdify.cli.build.wheel_cache import Wheel, WheelCache
from lambdify.cli.build.wheels import make_wheels
from lambdify.cli.console import Console
from lambdify.cli.errors import BundleRefused
from lambdify.cli.settings import Settings


def find_dependencies(
    settings: Settings,
    target: Target,
    extra: tuple[str, ...],
    console: Console,
    *,
    upgrade: bool = False,
    expect: Callable[[Sequence[Distribution]], object] | None = None,
) -> Dependencies:
    """Return the project's dependencies, and the `extra` requirements beside them, as wheels on this machine.

    With `upgrade` what nothing locks is resolved again. While an index is asked, `expect` gets what will most
    likely be in the answer, as far as its wheels are here.
    """
    source = find_source(settings.root, settings.build)
    # Before anything of them is read: what changes while it is read is seen as a change by the next run.
    given = _inputs(source, settings.root)
    moment = time.time_ns()
    _tell_source(source, console)
    subject = source.name if source else ", ".join(extra)
    if not subject:
        return _dependencies(source, (), (), (), given, settled=True)

    def begin(packages: Iterable[Package]) -> None:
        wheels = find_wheels(package for package in packages if package.kind == "wheel")
        if expect:
            expect([read_contents(wheel).distribution for wheel in wheels])

    with console.step(f"Resolve {subject} for {target.runtime} on {target.architecture}"):
        plan = make_plan(source, settings.root, target, settings.build, extra, upgrade=upgrade, expect=begin)
    local = look(plan.packages, settings.root, moment)
    built = _wheels(plan, settings, target, console)
    by_container = {wheel.package.name for wheel in built}
    ready = [package for package in plan.wheels if package.name not in by_container]
    wheels = (*built, *fetch_wheels(ready, plan.indexes, console))
    with ThreadPoolExecutor() as threads:
        found = sorted(threads.map(read_contents, wheels), key=_name)
    remarks = _check(found, target)
    notes = (*plan.notes, *(note for wheel in built for note in wheel.notes), *remarks)
    for note in notes:
        console.note(note)
    distributions = tuple(each.distribution for each in found)
    known = _dependencies(source, distributions, notes, extra, given, settled=plan.settled)
    image = settings.build.image or target.build_image
    images = {(image, wheel.image) for wheel in built if wheel.image}
    return replace(known, local=local, images=tuple(sorted(images)))


def _tell_source(source: Source | None, console: Console) -> None:
    if source is None:
        console.note("no dependency file, so no dependencies of the project are packed")
        return
    others = f" ({', '.join(source.others)} not used)" if source.others else ""
    console.note(f"dependencies from {source.name}{others}")


def _wheels(plan: Plan, settings: Settings, target: Target, console: Console) -> tuple[Wheel, ...]:
    site = Site(
        target=target,
        build=settings.build,
        indexes=plan.indexes,
        root=settings.root,
    )
    store = WheelCache(
        folder=folders.cache() / "wheels",
        target=target,
        image=site.image,
        packages=settings.build.packages,
        before=settings.build.before,
    )
    return make_wheels(plan, site, store, console)


def _name(contents: Contents) -> str:
    return canonicalize_name(contents.distribution.name)


def _check(found: Sequence[Contents], target: Target) -> tuple[str, ...]:
    """Hold native files against the runtime; return what is worth knowing, refuse what would not load."""
    natives = {contents.distribution.name: contents.natives for contents in found}
    provided = [PurePosixPath(path).name for files in natives.values() for path in files]
    findings = {name: inspect(files, target, provided=provided) for name, files in natives.items()}
    refusals = [f"{name}: {refusal}" for name, told in findings.items() for refusal in told.refusals]
    if refusals:
        lines = "\n".join(refusals)
        raise BundleRefused(
            f"these would not load on Lambda ({target.runtime}, {target.architecture}):\n{lines}",
            hint="Pin another version, or a variant without the missing libraries (such as a -headless one).",
        )
    return tuple(f"{name}: {remark}" for name, told in findings.items() for remark in told.remarks)


def _inputs(source: Source | None, root: Path) -> tuple[tuple[str, str], ...]:
    """Every file that has a say in what is installed, with its digest; also where one could appear."""
    resolved = (source.path,) if source and source.kind in ("requirements.txt", "pyproject.toml") else ()
    named = (source.path,) if source else ()
    possible = (root / name for name in (*KINDS, "Pipfile"))
    paths = dict.fromkeys((*possible, *named, *inputs(resolved, root)))
    return tuple((str(path), fingerprint.digest(path)) for path in paths)


def _dependencies(
    source: Source | None,
    distributions: tuple[Distribution, ...],
    notes: tuple[str, ...],
    extra: tuple[str, ...],
    given: tuple[tuple[str, str], ...],
    *,
    settled: bool,
) -> Dependencies:
    digest = sha256("\n".join(distribution.key for distribution in distributions).encode())
    return Dependencies(
        source_name=source.name if source else "",
        distributions=distributions,
        notes=notes,
        key=digest.hexdigest(),
        extra=extra,
        inputs=given,
        settled=settled,
    )
