"""Sizes of a bundle's parts, and the refusal of a bundle that is too large for Lambda."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lambdify.cli.errors import BundleRefused
from lambdify.cli.formatting import size
from lambdify.cli.packing.archive import Entry
from lambdify.cli.packing.bundle import bytecode
from lambdify.cli.packing.bundle.app import ADAPTER
from lambdify.cli.packing.bundle.files import ProjectFile
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.packing.wheels.gate import NATIVE
from lambdify.cli.static import serving

UNZIPPED_LIMIT = 262_144_000
"""Bytes of the function and its layers together, unpacked.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MAX_NAMED = 10
"""The number of largest parts that an error names."""
APPLICATION, ADAPTER_NAME = "the application", "lambdify.adapter"
OURS = frozenset({APPLICATION, ADAPTER_NAME, serving.STATIC})
"""The parts that are no distributions."""
KINDS = ("python", "bytecode", "native", "data")
"""The kinds of files."""


@dataclass(frozen=True, kw_only=True)
class BundlePart:
    """The files of a distribution, of the adapter or of the application in the bundle; sizes in bytes."""

    name: str
    zipped: int
    unzipped: int
    files: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Unzipped bytes of each of its KINDS."""


def owners(distributions: Iterable[Distribution], prefix: str) -> dict[str, str]:
    """Return the distribution, "NAME VERSION", of each file, by the file's name in a zip."""
    return {f"{prefix}{path}": f"{one.name} {one.version}" for one in distributions for path in one.files}


def owner(name: str, owned: Mapping[str, str]) -> str:
    """Return the owner of a file of a zip: a distribution, the adapter or the application."""
    project = ADAPTER_NAME if name.startswith(f"{ADAPTER}/") else APPLICATION
    return owned.get(bytecode.source_path(name), project)


def kind(name: str) -> str:
    """Return the kind of a file, one of KINDS, by its name."""
    if name.endswith(".py"):
        return "python"
    if name.endswith(".pyc"):
        return "bytecode"
    return "native" if NATIVE.search(name) else "data"


def parts(zips: Iterable[tuple[Iterable[Entry], Mapping[str, str]]]) -> tuple[BundlePart, ...]:
    """Return the parts of zips, each given as its entries and their owners; the largest part first."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entries, owned in zips:
        for entry in entries:
            groups[owner(entry.name, owned)].append(entry)
    weighed = [
        BundlePart(
            name=name,
            zipped=sum(entry.zipped for entry in entries),
            unzipped=sum(entry.unzipped for entry in entries),
            files=len(entries),
            kinds=_kinds(entries),
        )
        for name, entries in groups.items()
    ]
    return tuple(sorted(weighed, key=lambda part: (-part.unzipped, part.name)))


def _kinds(entries: Iterable[Entry]) -> dict[str, int]:
    sizes = dict.fromkeys(KINDS, 0)
    for entry in entries:
        sizes[kind(entry.name)] += entry.unzipped
    return {each: count for each, count in sizes.items() if count}


def refuse(weighed: Sequence[BundlePart], limit: int) -> None:
    """Raise BundleRefused if the parts have more than `limit` unzipped bytes in total."""
    total = sum(part.unzipped for part in weighed)
    if total > limit:
        largest = ", ".join(f"{part.name} {size(part.unzipped)}" for part in weighed[:MAX_NAMED])
        raise BundleRefused(
            f"The bundle is {size(total)} unpacked, and Lambda takes {size(limit)}. Largest: {largest}.",
            hint="Remove requirements that the app does not import, leave data out by .lambdifyignore, or "
            "set [build] bytecode = false, which saves about a fifth and makes cold starts slower.",
        )


def refuse_files(project: Sequence[ProjectFile], limit: int) -> None:
    """Raise BundleRefused if the project's own files have more than `limit` bytes; before they are read."""
    total = sum(file.size for file in project)
    if total > limit:
        # To leave out a file of less than 1 % would not help.
        worth = [file for file in project if file.size * 100 > total] or project
        largest = sorted(worth, key=lambda file: -file.size)[:MAX_NAMED]
        named = ", ".join(f"{file.name} {size(file.size)}" for file in largest)
        raise BundleRefused(
            f"The project's files are {size(total)}, and Lambda takes {size(limit)} with all dependencies. "
            f"Largest: {named}.",
            hint="Leave out what the app does not read at run time, by .lambdifyignore or [build] exclude.",
        )
