"""Dependency files: the choice of the file that declares the project's dependencies.

The most exact file is chosen:

    uv.lock, poetry.lock, Pipfile.lock   every version and hash, kept up to date by the project's own tool
    pylock.toml                          the same, but often exported from one of those, so it can be older
    requirements.txt                     written by hand, or a list of versions
    pyproject.toml                       versions that the project accepts, not those that it was tested with

[build] requirements names another file, whose name may differ (requirements/production.txt).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from lambdify.cli.errors import RequirementsError
from lambdify.cli.settings.tables import Build
from lambdify.cli.storage import texts

Kind = Literal["uv.lock", "poetry.lock", "Pipfile.lock", "pylock.toml", "requirements.txt", "pyproject.toml"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, the most exact first."""

REPAIR_HINT = "Correct it; or, if a tool wrote it, have that write it again."
"""The hint for a broken file."""
_LIKELY_FILES = ("requirements/*.txt", "requirements*.txt", "requirements*.in")
_WITH_EXTRAS = frozenset({"uv.lock", "poetry.lock", "pylock.toml", "pyproject.toml"})
_WITH_GROUPS = _WITH_EXTRAS | {"Pipfile.lock"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """The chosen dependency file."""

    kind: Kind
    path: Path
    others: tuple[str, ...]
    """Names of the project's other dependency files."""

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name


def find_source(root: Path, build: Build) -> Source | None:
    """Return the project's dependency file; None if it has none. Raises RequirementsError."""
    present = [kind for kind in KINDS if (root / kind).is_file() and _declares(root / kind, build)]
    if build.requirements:
        path = root / build.requirements
        if not path.is_file():
            raise RequirementsError(
                f"[build] requirements names {build.requirements}, and there is no such file",
                hint=f"The project has {', '.join(present) or 'no dependency file'}.",
            )
        kind = _kind_of(path)
    elif present:
        kind, path = present[0], root / present[0]
    else:
        _refuse_unlocked(root / "Pipfile", root, "pipenv lock")
        return None
    if (
        kind == "pyproject.toml"
        and _declares_in_poetry(content := read_toml(path))
        and not _declares_in_project(content, build)
    ):
        _refuse_unlocked(path, root, "poetry lock")
    _refuse_unusable_settings(kind, path, build)
    return Source(kind=kind, path=path, others=tuple(other for other in present if root / other != path))


def find_likely(root: Path) -> tuple[str, ...]:
    """Return the paths of files with other names that look like dependency files, relative to the project."""
    found = {path for pattern in _LIKELY_FILES for path in root.glob(pattern) if path.is_file()}
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content. Raises RequirementsError for a broken file."""
    try:
        return tomllib.loads(texts.read(path))
    # The text is not UTF-8, not TOML, or exceeds Python's limits for numbers or nesting.
    except (OSError, ValueError, RecursionError) as error:
        raise RequirementsError(f"{path.name} cannot be read: {error}", hint=REPAIR_HINT) from error


def _kind_of(path: Path) -> Kind:
    for kind in KINDS:
        if path.name == kind:
            return kind
    # The import takes long, and most projects have no such file.
    from packaging.pylock import is_valid_pylock_path

    # PEP 751 allows pylock.NAME.toml. Any other file is read as lines of requirements.
    return "pylock.toml" if is_valid_pylock_path(path) else "requirements.txt"


def _declares(path: Path, build: Build) -> bool:
    """Whether the file declares dependencies: a pyproject.toml may only configure tools."""
    if path.name != "pyproject.toml":
        return True
    content = read_toml(path)
    return _declares_in_project(content, build) or _declares_in_poetry(content)


def _declares_in_poetry(content: Mapping[str, Any]) -> bool:
    """Whether a pyproject.toml declares dependencies in [tool.poetry]."""
    poetry: Mapping[str, Any] = content.get("tool", {}).get("poetry", {})
    return bool(poetry.get("dependencies", {}).keys() - {"python"})


def _declares_in_project(content: Mapping[str, Any], build: Build) -> bool:
    """Whether a pyproject.toml declares dependencies in [project], or extras or groups are chosen."""
    project: Mapping[str, Any] = content.get("project", {})
    declared = project.get("dependencies") or "dependencies" in project.get("dynamic", ())
    return bool(declared or build.extras or build.groups)


def _refuse_unlocked(path: Path, root: Path, command: str) -> None:
    if path.is_file():
        raise RequirementsError(
            f"{path.relative_to(root)} says what the project depends on, and has not been locked",
            hint=f"`{command}` writes down its versions, and that file is read; so is a requirements.txt.",
        )


def _refuse_unusable_settings(kind: Kind, path: Path, build: Build) -> None:
    """Raise RequirementsError for extras or groups that the file cannot have, instead of ignoring them."""
    for option, chosen, usable in (
        ("extras", build.extras, _WITH_EXTRAS),
        ("groups", build.groups, _WITH_GROUPS),
    ):
        if chosen and kind not in usable:
            raise RequirementsError(
                f"[build] {option} names {', '.join(chosen)}, but {path.name} knows no {option}",
                hint="Name the file that declares them with [build] requirements.",
            )
