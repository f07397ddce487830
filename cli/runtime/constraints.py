"""Ranges of Python versions, as PEP 440, Poetry, PDM and setuptools write them, asked about minor versions.

Poetry adds ^ and ~, "||" for alternatives, and spaces for commas.
https://packaging.python.org/en/latest/specifications/version-specifiers/
https://python-poetry.org/docs/dependency-specification/#version-constraints
"""

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

CLAUSE = re.compile(r"\s*(\^|~=|~|===|==|!=|>=|<=|>|<|=)?\s*v?(\d+(?:\.\d+)*(?:\.[*xX])?[\w.+-]*|\*)\s*,?")
PATCHES = 60
"""More patch releases than any minor version of Python has had."""


def allows(versions: str, minor: str, full: str = "") -> bool:
    """Whether a range has the full version; without one, whether it has any patch release of the minor one.

    What is no range excludes nothing.
    """
    asked = [full] if full else [f"{minor}.{patch}" for patch in range(PATCHES)]
    try:
        ranges = [SpecifierSet(",".join(_clauses(part))) for part in re.split(r"\|\|?", versions)]
    except (InvalidSpecifier, ValueError):
        return True
    return any(each.contains(version, prereleases=True) for each in ranges for version in asked)


def _clauses(text: str) -> Iterator[str]:
    """Yield the clauses of a range in PEP 440's notation. Raises ValueError for what is none."""
    at = 0
    text = text.strip()
    while at < len(text):
        found = CLAUSE.match(text, at)
        if not found:
            raise ValueError(text)
        at = found.end()
        yield from _as_pep440(found[1] or "", found[2])


def _as_pep440(operator: str, version: str) -> Iterator[str]:
    if version == "*":
        return
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("-")[0])]
    if re.search(r"\.[*xX]$", version):
        yield f"{operator if operator in ('==', '!=') else '=='}{version[:-1]}*"
    elif operator == "^":
        yield from (f">={version}", f"<{numbers[0] + 1}")
    elif operator == "~":
        yield f">={version}"
        yield f"<{numbers[0]}.{numbers[1] + 1}" if len(numbers) > 1 else f"<{numbers[0] + 1}"
    elif operator in ("", "=") and len(numbers) <= 2:
        # "3.12" means all of 3.12, whatever a tool makes of it.
        yield f"=={version}.*"
    else:
        yield f"{operator if operator not in ('', '=') else '=='}{version}"
