"""From a project's dependency file to a tree of installed distributions that fits the function.

    find the file ▶ plan with uv ▶ build what has no wheel ▶ install ▶ gate

This is the one door of the dependency rooms: `sources`, `plan`, `wheels`, `install` and `gate` stand behind
it, in that order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from lambdify.cli import folders
from lambdify.cli.build.elf import Elf
from lambdify.cli.build.gate import find_natives, inspect
from lambdify.cli.build.install import Distribution, install_wheels
from lambdify.cli.build.native import Site
from lambdify.cli.build.plan import Plan, make_plan
from lambdify.cli.build.sources import Source, find_source
from lambdify.cli.build.target import Target
from lambdify.cli.build.wheel_cache import Wheel, WheelCache
from lambdify.cli.build.wheels import make_wheels
from lambdify.cli.console import Console
from lambdify.cli.errors import BundleRefused
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What was installed."""

    source_name: str
    """The file the requirements came from, "" when the project has none."""
    distributions: tuple[Distribution, ...]
    """By name."""
    notes: tuple[str, ...]
    """What the user was told about the choice of versions and the state of native files."""
    key: str
    """Identifies the set: names, versions and the content of every file (sha256, hex)."""


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
    _tell_source(source, console)
    subject = source.name if source else ", ".join(extra)
    if not subject:
        return _dependencies(source, (), ())
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
    return _dependencies(source, distributions, notes)


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


def _dependencies(
    source: Source | None, distributions: tuple[Distribution, ...], notes: tuple[str, ...]
) -> Dependencies:
    digest = sha256("\n".join(distribution.key for distribution in distributions).encode())
    return Dependencies(
        source_name=source.name if source else "",
        distributions=distributions,
        notes=notes,
        key=digest.hexdigest(),
    )
