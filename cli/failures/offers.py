"""Where the project names a distribution that is not packed: an extra, a group, a file that is not used."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lambdify.cli.detection.distributions import normalize
from lambdify.cli.packing.requirements.sources import find_likely

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A place that names a distribution, and the option that has it packed."""

    distribution: str
    """The normalized name."""
    place: str
    """Such as: the extra "app" of pyproject.toml."""
    option: str
    """The line for [build], such as: extras = ["app"]; "" if the used dependency file knows no such thing."""


def find(root: Path, used: str) -> tuple[Offer, ...]:
    """Return the offers of a project, of which the dependency file `used` is packed already."""
    in_parts = list(_of_pyproject(root))
    if used.endswith((".txt", "Pipfile.lock")):
        in_parts = [replace(each, option="") for each in in_parts]
    return (*in_parts, *_of_files(root, used))


def _of_pyproject(root: Path) -> Iterator[Offer]:
    try:
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return
    poetry = _table(_table(content, "tool"), "poetry")
    tables = (
        ("extra", "extras", _table(_table(content, "project"), "optional-dependencies")),
        ("group", "groups", _table(content, "dependency-groups")),
        ("extra", "extras", _table(poetry, "extras")),
        (
            "group",
            "groups",
            {key: _table(value, "dependencies") for key, value in _table(poetry, "group").items()},
        ),
    )
    for what, option, table in tables:
        for key, listed in table.items():
            for name in _names(listed):
                place = f'the {what} "{key}" of pyproject.toml'
                yield Offer(distribution=name, place=place, option=f'{option} = ["{key}"]')


def _of_files(root: Path, used: str) -> Iterator[Offer]:
    for path in find_likely(root):
        if path == used:
            continue
        try:
            lines = (root / path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError:
            continue
        for name in _names(line for line in lines if not line.lstrip().startswith(("-", "#"))):
            yield Offer(distribution=name, place=path, option=f'requirements = "{path}"')


def _table(value: object, key: str) -> Mapping[str, Any]:
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _names(listed: Iterable[object]) -> Iterator[str]:
    for each in listed:
        if isinstance(each, str) and (found := _NAME.match(each)):
            yield normalize(found[1])
