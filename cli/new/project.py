"""A new project from a template: all of it or nothing, in a folder that was not there."""

import re
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError, UsageError
from lambdify.cli.settings.validators import READERS, InvalidValue

FOLDER = Path(__file__).with_name("templates")
COMMON = "common"
"""The folder of what all templates have."""
SUFFIX = ".template"
NAME = "<<name>>"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project that was made."""

    folder: Path
    template: str
    files: tuple[str, ...]
    """Relative to the folder."""


def templates() -> list[str]:
    """Return the names of the templates."""
    return sorted(each.name for each in FOLDER.iterdir() if each.is_dir() and each.name != COMMON)


def create(folder: Path, template: str) -> Project:
    """Make a project in `folder`, which has its name. Raises UsageError, SettingsError."""
    if template not in templates():
        raise UsageError(
            f'There is no template "{template}".',
            hint=hints.nearest(template, templates()) or f"There are {_list(templates())}.",
        )
    return make(folder, FOLDER / template)


def make(folder: Path, source: Path) -> Project:
    """Make a project in `folder` of the template in `source`; if anything is raised, nothing is left.

    Raises UsageError, SettingsError, OSError.
    """
    files = _read(source, folder.name)
    _check(folder, files["pyproject.toml"])
    with tempfile.TemporaryDirectory(prefix=".lambdify-new-", dir=folder.parent) as unfinished:
        made = Path(unfinished) / folder.name
        for name, text in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # Onto a folder that somebody makes meanwhile this fails, unless it is empty.
        made.rename(folder)
    return Project(folder=folder, template=source.name, files=tuple(sorted(files, key=_order)))


def _read(source: Path, name: str) -> dict[str, str]:
    """Return the files of a template and their texts, with the project's name in them."""
    found = {}
    for root in (source.parent / COMMON, source):
        for path in sorted(root.rglob(f"*{SUFFIX}")):
            inner = path.relative_to(root).as_posix().removesuffix(SUFFIX)
            found[re.sub(r"(^|/)dot-", r"\1.", inner)] = path.read_text(encoding="utf-8").replace(NAME, name)
    return found


def _check(folder: Path, pyproject: str) -> None:
    """Raise UsageError for a folder that cannot be made, SettingsError for a name that no project has."""
    name = folder.name
    try:
        READERS["name"](name)
    except InvalidValue as error:
        raise SettingsError(f'"{name}" cannot be the name of a project.', hint=f"It has {error}.") from error
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            f"{folder} is there already.",
            hint="Choose another name; in a folder with code, `lambdify init` writes the settings.",
        )
    if not folder.parent.is_dir():
        raise UsageError(f"{folder.parent} is no folder.", hint="Make it first.")
    dependencies = tomllib.loads(pyproject)["project"]["dependencies"]
    needed = {re.split(r"[^\w-]", each)[0].lower() for each in dependencies}
    if name.lower() in needed:
        raise SettingsError(
            f'A project cannot be called "{name}": it depends on a distribution of that name.',
            hint=f'Choose another name, such as "my-{name}".',
        )


def _order(file: str) -> tuple[bool, str]:
    """Return what sorts the files of the folder itself before those of inner ones."""
    return len(PurePosixPath(file).parts) > 1, file


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
