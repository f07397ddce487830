"""The extras and groups that a pyproject.toml offers, with the names of what each of them requires.

https://packaging.python.org/en/latest/specifications/dependency-groups/,
https://python-poetry.org/docs/managing-dependencies/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from packaging.utils import canonicalize_name

from lambdify.cli.packing.requirements.requirements import find_name
from lambdify.cli.packing.requirements.sources import Source, read_toml

Table = Mapping[str, Any]
OF_DEVELOPMENT = re.compile(
    r"(dev|test|lint|doc|typ(e|ing)|check|format|style|ci|release|build|bench|debug|tox|nox)"
)
"""How parts begin that nobody installs where the app runs."""


class Part(NamedTuple):
    """An extra or a dependency group."""

    kind: Literal["extra", "group"]
    name: str
    requires: frozenset[str]
    """Normalised names."""

    @property
    def is_of_development(self) -> bool:
        """Whether its name says that it is for those who work on the project."""
        return bool(OF_DEVELOPMENT.match(self.name.lower()))


def find_file(source: Source, root: Path) -> Path:
    """Return the pyproject.toml whose parts a dependency file has: that of the member of a workspace, too."""
    if source.member and (root / "pyproject.toml").is_file():
        return root / "pyproject.toml"
    return source.path.with_name("pyproject.toml")


def read(pyproject: Path) -> tuple[Part, ...]:
    """Return the parts of a pyproject.toml; () if there is no such file. Raises RequirementsError."""
    if not pyproject.is_file():
        return ()
    content = read_toml(pyproject)
    project, poetry = content.get("project", {}), content.get("tool", {}).get("poetry", {})
    found = [*_extras(project), *_groups(content.get("dependency-groups", {}))]
    found += [
        Part("extra", extra, frozenset(map(canonicalize_name, names)))
        for extra, names in poetry.get("extras", {}).items()
    ]
    found += [
        Part("group", group, frozenset(map(canonicalize_name, table.get("dependencies", {}))))
        for group, table in poetry.get("group", {}).items()
    ]
    return tuple(found)


def _extras(project: Table) -> Iterator[Part]:
    optional: Mapping[str, list[str]] = project.get("optional-dependencies", {})
    own = canonicalize_name(project.get("name", ""))
    for extra in optional:
        names: set[str] = set()
        waiting, done = [extra], set()
        while waiting:
            current = waiting.pop()
            if current in done:
                continue
            done.add(current)
            for line in optional.get(current, ()):
                # "shop[db]" in an extra of shop takes that extra in.
                if (name := find_name(line)) == own and (inner := re.search(r"\[([^]]*)\]", line)):
                    waiting += [each.strip() for each in inner[1].split(",")]
                elif name:
                    names.add(name)
        yield Part("extra", extra, frozenset(names))


def _groups(groups: Mapping[str, list[Any]]) -> Iterator[Part]:
    for group in groups:
        yield Part("group", group, frozenset(_group(groups, group, frozenset())))


def _group(groups: Mapping[str, list[Any]], group: str, above: frozenset[str]) -> Iterable[str]:
    for entry in groups.get(group, ()) if group not in above else ():
        if isinstance(entry, str) and (name := find_name(entry)):
            yield name
        elif isinstance(entry, dict):
            yield from _group(groups, str(entry.get("include-group", "")), above | {group})
