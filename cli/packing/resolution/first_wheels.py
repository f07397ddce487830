"""First wheels: from which version on a package, that would have to be built, has a wheel for the function.

A project that was pinned years ago names versions that are older than the function's Python. This is asked
only once a build has failed or cannot begin.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution.resolver import find_first_wheel
from lambdify.cli.packing.target import Target

MAX_ASKED = 8
"""Packages that the index is asked about, at most."""
TIME_LIMIT = 10.0
"""Seconds to wait for the index, for each of them."""
_AT_ONCE = 4


def tell(
    packages: Sequence[Package],
    indexes: Indexes,
    root: Path,
    target: Target,
    *,
    limit: float = TIME_LIMIT,
) -> str:
    """Return a sentence that names the packages that have a wheel in a later version; "" if none is known.

    `root` is the project's folder, whose settings of uv count; `limit` is in seconds, for each package.
    """
    asked = [each for each in packages if each.kind == "sdist" and each.version][:MAX_ASKED]

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        first = threads.map(lambda each: find_first_wheel(each, indexes, root, target, limit=limit), asked)
        found = [(one, version) for one, version in zip(asked, first, strict=True) if version]
    later = [(one, version) for one, version in found if version != one.version]
    platform = f"Python {target.python} on {target.architecture}"
    if len(later) == 1:
        ((one, version),) = later
        line = f"{version} is the first that has: write {one.name}=={version}."
        return f"{one.label} has no wheel for {platform}; {line}"
    lines = ", ".join(f"{one.name}=={version} (not {one.version})" for one, version in later)
    return f"The first versions that have a wheel for {platform}: write {lines}." if later else ""
