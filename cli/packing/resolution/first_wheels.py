"""First wheels: from which version on a package, that would have to be built, has a wheel for the function.

A project that was pinned years ago names versions that are older than the function's Python. This is asked
only once a build has failed or cannot begin.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution.advice import describe_first_wheels
from lambdify.cli.packing.resolution.resolver import TIME_LIMIT, find_first_wheel
from lambdify.cli.packing.target import Target

MAX_ASKED = 8
"""Packages that the index is asked about, at most."""
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
        found = [
            (one.name, one.version, version) for one, version in zip(asked, first, strict=True) if version
        ]
    return describe_first_wheels(found, f"Python {target.python} on {target.architecture}")
