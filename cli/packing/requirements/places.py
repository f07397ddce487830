"""Places: the folders in which dependency files are looked for, the nearest to the app first.

    the app's import root ▶ up to the project's folder ▶ between import root and app ▶ above the project

Above the project the search ends at the repository's root, the nearest folder with .git; without one, three
folders up, as pipenv has it. It never reaches the user's home, a folder like /tmp, or one of another user:
what lies there is no part of the project, and would decide what is installed.

https://pipenv.pypa.io/en/latest/configuration.html (PIPENV_MAX_DEPTH)
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lambdify.cli.storage import folders

_MOST_ABOVE = 3
"""Folders above the project, without a repository."""


def find_inside(root: Path, import_root: str, file: str) -> tuple[Path, ...]:
    """Return the folders of the project for an app that is in `file`, imported from `import_root`."""
    start = root / import_root
    up = [folder for folder in (start, *start.parents) if folder == root or root in folder.parents]
    inner = [folder for folder in (root / file).parents if start in folder.parents] if file else []
    return tuple(dict.fromkeys((*up, *reversed(inner))))


def find_above(root: Path) -> tuple[Path, ...]:
    """Return the folders above the project."""
    above = [folder for folder in root.resolve().parents if folder != Path(folder.anchor)]
    repository = next(
        (number for number, folder in enumerate((root, *above)) if (folder / ".git").exists()), _MOST_ABOVE
    )
    return tuple(_until_a_stranger(root, above[:repository]))


def _until_a_stranger(root: Path, above: list[Path]) -> Iterator[Path]:
    home = Path.home()
    for folder in above:
        if folder == home or folder in home.parents or folder.stat().st_mode & stat.S_ISVTX:
            return
        if folders.foreign_owner(folder, root) is not None or not os.access(folder, os.R_OK | os.X_OK):
            return
        yield folder
