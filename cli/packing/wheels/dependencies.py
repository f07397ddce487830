"""The project's dependencies: from the dependency file to wheels that fit the function.

    find the file ▶ plan with uv ▶ build or download the wheels ▶ read their contents ▶ gate

Other rooms call only this module, not `sources`, `plan` and `wheelhouse`, which do the steps. Nothing is
installed: files are copied out of the wheels.
"""

import importlib
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.console import Console
from lambdify.cli.detection import distributions
from lambdify.cli.detection.imports import Import
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.requirements.local_sources import take_fingerprint
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.sources import (
    UNKNOWN,
    App,
    Source,
    find_inputs,
    find_likely,
    find_source,
)
from lambdify.cli.packing.resolution import resolution_cache
from lambdify.cli.packing.resolution.plan import Plan, make_plan
from lambdify.cli.packing.resolution.resolver import Prefetch
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels import provision
from lambdify.cli.packing.wheels import selection as selections
from lambdify.cli.packing.wheels.distributions import Dependencies, Distribution
from lambdify.cli.packing.wheels.selection import Selection
from lambdify.cli.settings import Settings

if TYPE_CHECKING:
    from lambdify.cli.packing.resolution.resolver import ContainerUv

_PRELOADED = ("packaging.pylock", "lambdify.cli.packing.wheels.wheelhouse")


def find_dependencies(
    settings: Settings,
    target: Target,
    extra: tuple[str, ...],
    console: Console,
    *,
    wanted: Sequence[Import] = (),
    upgrade: bool = False,
    prefetch: Callable[[Sequence[Distribution]], object] | None = None,
    app: App = UNKNOWN,
) -> Dependencies:
    """Return the project's dependencies and the `extra` requirements, as wheels on this machine.

    `wanted` is what the app imports: it decides what is left out, and which extras are taken. With `upgrade`,
    unlocked requirements are resolved again. While uv waits for an index, `prefetch` gets the distributions
    that are probably in the result, if their wheels are here. Raises RequirementsError, BuildError,
    BundleRefused, DockerUnavailable and ImportUnmet.
    """
    source = find_source(settings.root, settings.build, app)
    # The digests are taken before the files are read, so that the next run notices a change meanwhile.
    given = _inputs(source, settings.root, app)
    moment = time.time_ns()
    if source is None:
        provision.check(wanted, (), source, settings, console)
    _show_source(source, settings.root, console)
    asked = distributions.key(wanted)
    if source is None and not extra:
        return replace(_dependencies(source, (), (), (), given, settled=True), wanted=asked)
    selection = selections.begin(source, settings.build, wanted)
    prefetched = (lambda packages: _prefetch(packages, prefetch)) if prefetch else None
    while True:
        chosen = replace(settings, build=selection.build)
        plan = _make_plan(source, chosen, target, extra, selection, console, upgrade, prefetched)
        local = take_fingerprint(plan.packages, settings.root, moment)
        from lambdify.cli.packing.wheels import wheelhouse

        found = wheelhouse.fill(plan, chosen, target, console)
        better = (
            selections.revise(selection, source, found, wanted, target, settings.root) if source else None
        )
        if better is None:
            break
        selection = better
    told = selections.describe(selection, source, found, target) if source else ()
    provision.check(wanted, found.distributions, source, chosen, console)
    notes = (*plan.notes, *told, *(note for wheel in found.built for note in wheel.notes), *found.remarks)
    for note in notes:
        console.note(note)
    known = _dependencies(source, found.distributions, notes, extra, given, settled=plan.settled)
    image = settings.build.image or target.build_image
    images = {(image, wheel.image) for wheel in found.built if wheel.image}
    return replace(known, local=local, images=tuple(sorted(images)), wanted=asked)


def _make_plan(
    source: Source | None,
    settings: Settings,
    target: Target,
    extra: tuple[str, ...],
    selection: Selection,
    console: Console,
    upgrade: bool,
    prefetch: Prefetch | None,
) -> Plan:
    """Return the plan of a selection; the modules for the next steps are imported while uv runs."""
    subject = source.name if source else ", ".join(extra)
    with (
        console.step(f"Resolve {subject} for {target.runtime} on {target.architecture}"),
        ThreadPoolExecutor(1) as aside,
    ):
        aside.submit(lambda: [importlib.import_module(name) for name in _PRELOADED])
        return make_plan(
            source,
            settings.root,
            target,
            settings.build,
            extra,
            excluded=selection.excluded,
            upgrade=upgrade,
            prefetch=prefetch,
            container_uv=_container_uv(settings, target, console),
        )


def _container_uv(settings: Settings, target: Target, console: Console) -> "ContainerUv | None":
    """Return the function that runs uv in the container, if packages' code must not run here; else None."""
    if settings.build.strategy != "docker":
        return None
    from lambdify.cli.packing.wheels.container_resolver import uv_in_container

    return uv_in_container(settings, target, console)


def _prefetch(packages: Iterable[Package], prefetch: Callable[[Sequence[Distribution]], object]) -> None:
    from lambdify.cli.packing.wheels import wheelhouse

    prefetch(wheelhouse.find_distributions(packages))


def _show_source(source: Source | None, root: Path, console: Console) -> None:
    likely = find_likely(root) if source is None else ()
    if likely:
        console.warn(
            f"No dependency file, so no dependencies of the project are packed; but {', '.join(likely)} "
            f'looks like one. [build] requirements = "{likely[0]}" has it read.'
        )
        return
    if source is None:
        console.note("no dependency file, so no dependencies of the project are packed")
        return
    also = "".join(f" and {path.name}" for path in source.more)
    reason = f", {source.reason}" if source.reason else ""
    others = f" ({', '.join(source.others)} not used)" if source.others else ""
    console.note(f"dependencies from {source.name}{also}{reason}{others}")


def _inputs(source: Source | None, root: Path, app: App) -> tuple[tuple[str, str], ...]:
    """Return the paths of all files that influence the dependencies, with digests; some may not exist."""
    named = (source.path, *source.more) if source else ()
    resolved = named if source and source.kind in ("requirements.txt", "pyproject.toml") else ()
    possible = find_inputs(root, app)
    further = resolution_cache.find_inputs(resolved, source.folder if source else root)
    paths = dict.fromkeys((*possible, *named, *further))
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
