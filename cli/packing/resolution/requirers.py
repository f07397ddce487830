"""Requirers: which packed distributions require one that is excluded, by the metadata of their wheels.

What only serves stays if something that is packed requires it: it may import it. What the project asks for as
an extra, as fastapi[standard] does with uvicorn, is no such need, unless the distribution has other uses.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lambdify.cli.packing.resolution import serving
from lambdify.cli.packing.resolution.serving import Exclusion

Extras = Mapping[str, frozenset[str]]
"""Extras by the normalised name of the distribution that offers them."""


class Packed(NamedTuple):
    """What is packed, as far as requirements go."""

    requires: Mapping[str, tuple[Requirement, ...]]
    """By normalised name."""
    asked: Extras
    """The extras that the project asks for."""
    markers: Mapping[str, str]
    """Of the function."""


def read(requires: Mapping[str, tuple[str, ...]], asked: Extras, markers: Mapping[str, str]) -> Packed:
    """Return the requirements of distributions; what is no valid requirement is left out."""
    parsed = {name: tuple(_parse(lines)) for name, lines in requires.items()}
    return Packed(parsed, asked, markers)


def find_needed(excluded: Exclusion, packed: Packed, locked: frozenset[str | None]) -> frozenset[str]:
    """Return the excluded distributions that are needed all the same.

    `locked` are the names in a lock that does not say which extras the project asks for: of those with other
    uses, any extra counts.
    """
    libraries = {server.name for server in serving.known() if server.library} | excluded.companions
    ours = excluded.serving | excluded.companions
    inner = _requested(packed, {})
    outer = _requested(packed, packed.asked)
    needed = _required(packed, inner) | (_required(packed, outer) & libraries)
    for requirement in (each for lines in packed.requires.values() for each in lines):
        name = canonicalize_name(requirement.name)
        if name in libraries and name in locked:
            needed.add(name)
    return frozenset(needed) & ours


def find_asked(packed: Packed) -> frozenset[str]:
    """Return all names that the packed distributions and the extras of the project require."""
    return frozenset(_required(packed, _requested(packed, packed.asked)))


def find_required(
    requires: Mapping[str, tuple[str, ...]], markers: Mapping[str, str]
) -> Mapping[str, frozenset[str]]:
    """Return the names that each distribution requires on the function, with extras that others ask of it."""
    packed = read(requires, {}, markers)
    extras = _requested(packed, {})
    return {
        name: frozenset(canonicalize_name(each.name) for each in _holding(packed, name, extras.get(name, ())))
        for name in requires
    }


def _requested(packed: Packed, asked: Extras) -> Extras:
    """Return the extras that the project and the packed distributions ask of each other."""
    found = {name: set(extras) for name, extras in asked.items()}
    changed = True
    while changed:
        changed = False
        for name in packed.requires:
            for requirement in _holding(packed, name, found.get(name, ())):
                extras = found.setdefault(canonicalize_name(requirement.name), set())
                changed = changed or not requirement.extras <= extras
                extras |= requirement.extras
    return {name: frozenset(extras) for name, extras in found.items()}


def _required(packed: Packed, extras: Extras) -> set[str]:
    return {
        canonicalize_name(requirement.name)
        for name in packed.requires
        for requirement in _holding(packed, name, extras.get(name, ()))
    }


def _holding(
    packed: Packed, name: str, extras: "frozenset[str] | set[str] | tuple[()]"
) -> Iterator[Requirement]:
    """Yield the requirements of a distribution with some extras that hold on the function."""
    for requirement in packed.requires[name]:
        marker = requirement.marker
        if marker is None or any(
            marker.evaluate({**packed.markers, "extra": each}) for each in ("", *extras)
        ):
            yield requirement


def _parse(lines: tuple[str, ...]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue
