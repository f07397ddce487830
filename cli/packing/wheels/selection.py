"""The selection of what is packed, by what the app imports: what only serves is left out, and an extra or a
group that has what it imports is taken.

    imports, settings ▶ selection ▶ wheels ▶ what they require, and what they have ▶ a better one, or none

The wheels tell what names cannot: who requires a server as a library, and what an import finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.detection import distributions
from lambdify.cli.packing.requirements import optional_parts
from lambdify.cli.packing.requirements.optional_parts import Part
from lambdify.cli.packing.requirements.sources import LOCKS, Source
from lambdify.cli.packing.resolution import requirers, serving
from lambdify.cli.packing.resolution.plan import names_in, requested_extras
from lambdify.cli.packing.resolution.serving import NOTHING, Exclusion
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels import provision
from lambdify.cli.packing.wheels.provision import Unmet
from lambdify.cli.settings.tables import Build

if TYPE_CHECKING:
    from lambdify.cli.detection.imports import Import
    from lambdify.cli.packing.wheels.wheelhouse import Wheelhouse

_FLAT = frozenset({"Pipfile.lock", "pylock.toml", "pdm.lock", "requirements.lock"})
"""Locks that do not say who requires what."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is asked of the dependency file, and what is left out of it."""

    build: Build
    """The settings, with the extras and groups that are taken."""
    excluded: Exclusion
    notes: tuple[str, ...] = ()
    gave_in: bool = False
    """Whether servers stay since something that the app imports comes with them."""


def begin(source: Source | None, build: Build, wanted: Sequence["Import"]) -> Selection:
    """Return the first selection, before anything is resolved."""
    if source is None:
        return Selection(build=build, excluded=NOTHING)
    modules = {each.module for each in wanted}
    excluded = serving.choose(build, modules, names_in(source))
    if source.kind in _FLAT:
        imported = {
            distributions.normalize(name) for each in wanted for name in distributions.names_of(each.full)
        }
        here = names_in(source)
        excluded = replace(excluded, companions=_companions(source, excluded) & here - imported)
    return Selection(build=build, excluded=excluded)


def revise(
    selection: Selection,
    source: Source,
    found: "Wheelhouse",
    wanted: Sequence["Import"],
    target: Target,
    root: Path,
) -> Selection | None:
    """Return a better selection, or None if this one will do."""
    packed = requirers.read(found.requires, requested_extras(source), target.markers())
    locked = names_in(source) if source.kind in LOCKS else frozenset()
    if needed := requirers.find_needed(selection.excluded, packed, locked):
        return replace(selection, excluded=selection.excluded.without(needed))
    unmet = provision.find_unmet(wanted, found.distributions)
    sure = [each for each in unmet if each.place.sure]
    if sure and (taken := _find_part(sure, source, selection.build, root)):
        return _take(selection, *taken)
    return _give_in(selection, source, unmet)


def describe(selection: Selection, source: Source, found: "Wheelhouse", target: Target) -> tuple[str, ...]:
    """Return the notes on what was left out, and on what was taken."""
    asked = requirers.read(found.requires, requested_extras(source), target.markers())
    here = names_in(source) | requirers.find_asked(asked)
    packed = set(found.requires)
    served = (selection.excluded.serving & here) - packed
    omitted = (selection.excluded.omitted & here) - packed
    notes = list(selection.notes)
    if served:
        notes.append(serving.describe(served))
    if omitted:
        notes.append(f"left out, as [build] omit says: {', '.join(sorted(omitted))}")
    return tuple(notes)


def _companions(source: Source, excluded: Exclusion) -> frozenset[str]:
    named = names_in(source)
    there = replace(excluded, serving=excluded.serving & named)
    declared: frozenset[str] = frozenset()
    if source.kind == "Pipfile.lock":
        from lambdify.cli.packing.requirements.pipenv import read_declared

        declared = read_declared(source.path.with_name("Pipfile"))
    return serving.companions(there) - declared


def _find_part(sure: Sequence[Unmet], source: Source, build: Build, root: Path) -> tuple[Part, Unmet] | None:
    """Return the extra or group that has most of what is missing, and an import that it serves."""
    if source.kind not in provision.WITH_PARTS:
        return None
    best: tuple[int, Part, Unmet] | None = None
    for part in optional_parts.read(optional_parts.find_file(source, root)):
        chosen = build.extras if part.kind == "extra" else build.groups
        if part.is_of_development or part.name in chosen:
            continue
        served = [each for each in sure if part.requires & set(map(distributions.normalize, each.names))]
        if served and (best is None or len(served) > best[0]):
            best = (len(served), part, served[0])
    return best[1:] if best else None


def _take(selection: Selection, part: Part, why: Unmet) -> Selection:
    build = selection.build
    if part.kind == "extra":
        option, chosen = "extras", (*build.extras, part.name)
        build = replace(build, extras=chosen)
    else:
        option, chosen = "groups", (*build.groups, part.name)
        build = replace(build, groups=chosen)
    listed = ", ".join(f'"{name}"' for name in chosen)
    note = (
        f"the {part.kind} {part.name} is packed too: {why.line}, which {why.names[0]} has "
        f"([build] {option} = [{listed}] says it for good)"
    )
    return replace(selection, build=build, notes=(*selection.notes, note))


def _give_in(selection: Selection, source: Source, unmet: Sequence[Unmet]) -> Selection | None:
    """Return a selection with the servers that bring others, if the app imports what may come with them."""
    if selection.gave_in:
        return None
    bringing = {server.name for server in serving.known() if server.brings}
    brought = serving.companions(selection.excluded) | selection.excluded.companions
    missing = [
        each for each in unmet if each.place.sure or brought & set(map(distributions.normalize, each.names))
    ]
    back = selection.excluded.serving & bringing
    if not missing or not (back & names_in(source) or selection.excluded.companions):
        return None
    excluded = replace(selection.excluded, serving=selection.excluded.serving - back, companions=frozenset())
    note = f"servers are packed: {missing[0].line}, which nothing but them requires"
    if missing[0].names:
        note += f"; with {missing[0].requirement} in {source.name} they are left out"
    return replace(selection, excluded=excluded, notes=(*selection.notes, note), gave_in=True)
