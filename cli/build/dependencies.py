"""From a project's dependency file to a tree of installed distributions that fits the function.

    find the file ▶ plan with uv ▶ build what has no wheel ▶ install ▶ gate

This is the one door of the dependency rooms: `sources`, `plan`, `wheels`, `install` and `gate` stand behind
it, in that order.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

from lambdify.cli import folders
from lambdify.cli.build import fingerprint
from lambdify.cli.build.distributions import Dependencies, Distribution
from lambdify.cli.build.elf import Elf
from lambdify.cli.build.gate import find_natives, inspect
from lambdify.cli.build.install import install_wheels
from lambdify.cli.build.kept import inputs
from lambdify.cli.build.native import Site
from lambdify.cli.build.plan import Plan, make_plan
from lambdify.cli.build.sources import KINDS, Source, find_source
from lambdify.cli.build.target import Target
from lambdify.cli.build.wheel_cache import Wheel, WheelCache
from lambdify.cli.build.wheels import make_wheels
from lambdify.cli.console import Console
from lambdify.cli.errors import BundleRefused
from lambdify.cli.settings import Settings


def install_dependencies(
    settings: Settings,
    target: Target,
    extra: tuple[str, ...],
    dest: Path,
    console: Console,
    *,
    upgrade: bool = False,
) -> Dependencies:
    """Install the project's dependencies, and the `extra` requirements beside them, into the empty `dest`.

    With `upgrade` what nothing locks is resolved again.
    """
    source = find_source(settings.root, settings.build)
    # Before anything of them is read: what changes while it is read is seen as a change by the next run.
    given = _inputs(source, settings.root)
    _tell_source(source, console)
    subject = source.name if source else ", ".join(extra)
    if not subject:
        return _dependencies(source, (), (), given, settled=True)
    with console.step(f"Resolve {subject} for {target.runtime} on {target.architecture}"):
        plan = make_plan(source, settings.root, target, settings.build, extra, upgrade=upgrade)
    wheels = _wheels(plan, settings, target, console)
    by_container = {wheel.package.name for wheel in wheels}
    ready = [package for package in plan.wheels if package.name not in by_container]
    count = len(plan.packages)
    with console.step(f"Install {count} package{'' if count == 1 else 's'}"):
        distributions = install_wheels(
            ready, wheels, indexes=plan.indexes, target=target, root=settings.root, dest=dest
        )
        remarks = _check(dest, distributions, target)
    notes = (*plan.notes, *(note for wheel in wheels for note in wheel.notes), *remarks)
    for note in notes:
        console.note(note)
    return _dependencies(source, distributions, notes, given, settled=plan.settled)


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
    )
    return make_wheels(plan, site, store, console)


def _check(tree: Path, distributions: Sequence[Distribution], target: Target) -> tuple[str, ...]:
    """Hold native files against the runtime; return what is worth knowing, refuse what would not load."""
    natives: Mapping[str, Mapping[str, Elf]] = {
        distribution.name: find_natives(tree, distribution.files) for distribution in distributions
    }
    provided = [PurePosixPath(path).name for files in natives.values() for path in files]
    findings = {name: inspect(files, target, provided=provided) for name, files in natives.items()}
    refusals = [f"{name}: {refusal}" for name, found in findings.items() for refusal in found.refusals]
    if refusals:
        told = "\n".join(refusals)
        raise BundleRefused(
            f"these would not load on Lambda ({target.runtime}, {target.architecture}):\n{told}",
            hint="Pin another version, or a variant without the missing libraries (such as a -headless one).",
        )
    return tuple(f"{name}: {remark}" for name, found in findings.items() for remark in found.remarks)


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
        inputs=given,
        settled=settled,
    )
