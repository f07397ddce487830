"""What of the last build is still good for the next one, where only some of the project has changed.

    dependency files · settings · lambdify itself     the same? so are the dependencies: nothing is resolved
    each file of the project                          the same? so are its member of the zip and its bytecode

Nothing is taken for the same by its name, date or checksum: contents are compared with what is in the zip.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import bytecode
from lambdify.cli.packing.bundle.secret_scan import Leak
from lambdify.cli.packing.wheels.distributions import Dependencies


@dataclass(frozen=True, kw_only=True)
class PreviousBuild:
    """The last build, as far as it can be used."""

    dependencies: Dependencies | None = None
    """None where they have to be found anew."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Files of the project, and their bytecode, by name: only what is the same now."""
    unchanged: frozenset[str] = frozenset()
    """Names of the files of the project that are the same."""
    leaks: tuple[Leak, ...] = ()
    """In those."""


def compare(
    zipped: Path | None,
    dependencies: Dependencies | None,
    leaks: Sequence[Leak],
    extra: tuple[str, ...],
    members: Sequence[Member],
    minor: str,
) -> PreviousBuild:
    """Say what can be used of a build that led to the app zip `zipped`, for one that packs `members`.

    None of the zip if it is no longer the one that was made.
    """
    before = {entry.name: entry for entry in (zipped and archive.find(zipped)) or ()}
    same: dict[str, Entry] = {}
    compiled: dict[str, Entry] = {}
    for member in members:
        entry, pyc = before.get(member.name), before.get(bytecode.cache_path(member.name, minor))
        if entry is None or not _is_same(entry, member) or (pyc and not _is_intact(pyc)):
            continue
        same[member.name] = entry
        if pyc and member.name.endswith(".py"):
            compiled[pyc.name] = pyc
    return PreviousBuild(
        dependencies=dependencies if dependencies and _are_usable(dependencies, extra) else None,
        entries=same | compiled,
        unchanged=frozenset(same),
        leaks=tuple(leak for leak in leaks if leak.path in same),
    )


def _is_intact(entry: Entry) -> bool:
    content = _content(entry)
    return content is not None and zlib.crc32(content) == entry.crc


def _is_same(entry: Entry, member: Member) -> bool:
    return (
        entry.unzipped == len(member.content)
        and entry.executable == member.executable
        and entry.crc == zlib.crc32(member.content)
        # A checksum alone is no proof.
        and _content(entry) == member.content
    )


def _content(entry: Entry) -> bytes | None:
    try:
        return archive.inflate(entry)
    except zlib.error:
        return None


def _are_usable(dependencies: Dependencies, extra: tuple[str, ...]) -> bool:
    """Whether they are all that is wanted, and none of their wheels has been cleared away."""
    return dependencies.extra == extra and all(each.wheel.is_file() for each in dependencies.distributions)
