"""Incremental builds: the parts of the last build that can be used again.

    dependency files, settings, lambdify itself    unchanged ▶ the same dependencies, without a resolution
    each file of the project                       unchanged ▶ the same member of the zip, and bytecode

A file is unchanged if its content is that in the zip. Names, dates and checksums are no proof.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import bytecode, secret_scan
from lambdify.cli.packing.bundle.secret_scan import Leak
from lambdify.cli.packing.wheels.distributions import Dependencies


@dataclass(frozen=True, kw_only=True)
class PreviousBuild:
    """The parts of the last build that can be used again."""

    dependencies: Dependencies | None = None
    """None if they have to be found again."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Entries of unchanged files of the project, and of their bytecode, by name."""
    unchanged: frozenset[str] = frozenset()
    """Names of the unchanged files."""
    leaks: tuple[Leak, ...] = ()
    """Leaks in the unchanged files."""


def compare(
    zipped: Path | None,
    dependencies: Dependencies | None,
    leaks: Sequence[Leak],
    extra: tuple[str, ...],
    members: Sequence[Member],
    minor: str,
) -> PreviousBuild:
    """Return the parts of the last build that can be used again for a build that packs `members`.

    `zipped` is the app zip of the last build; None if it is missing or was changed.
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


def make_entries(
    members: Sequence[Member], previous: PreviousBuild, compiler: bytecode.Compiler | None
) -> tuple[Entry, ...]:
    """Return the members as a zip stores them, with bytecode, sorted by name."""
    # An unchanged module without bytecode does not compile, so it is not tried again.
    changed = [member for member in members if member.name not in previous.entries]
    compiled = bytecode.build(compiler, changed)
    made = (*archive.deflate(changed), *compiled.values())
    return tuple(sorted((*previous.entries.values(), *made), key=lambda entry: entry.name))


def find_leaks(members: Sequence[Member], previous: PreviousBuild) -> tuple[Leak, ...]:
    """Return the leaks in the members; those that have not changed are not read again."""
    changed = (member for member in members if member.name not in previous.unchanged)
    found = (leak for member in changed for leak in secret_scan.scan(member.name, member.content))
    return tuple(sorted((*previous.leaks, *found), key=lambda leak: leak.path))


def _is_intact(entry: Entry) -> bool:
    content = _content(entry)
    return content is not None and zlib.crc32(content) == entry.crc


def _is_same(entry: Entry, member: Member) -> bool:
    return (
        entry.unzipped == len(member.content)
        and entry.executable == member.executable
        and entry.crc == zlib.crc32(member.content)
        # Different contents can have the same checksum.
        and _content(entry) == member.content
    )


def _content(entry: Entry) -> bytes | None:
    try:
        return archive.inflate(entry)
    except zlib.error:
        return None


def _are_usable(dependencies: Dependencies, extra: tuple[str, ...]) -> bool:
    """Whether they include the same extra requirements, and all their wheels exist."""
    return dependencies.extra == extra and all(each.wheel.is_file() for each in dependencies.distributions)
