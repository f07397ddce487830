"""Where lambdify keeps things: what it runs (home), what can be made again (cache), a project's bundles.

LAMBDIFY_HOME and LAMBDIFY_CACHE move the first two; otherwise the XDG base directories decide.
https://specifications.freedesktop.org/basedir-spec/latest/
"""

import os
import tempfile
from pathlib import Path

WORKSPACE = ".lambdify"


def home() -> Path:
    """The folder of the local cloud's state and unpacked functions: one folder, one cloud."""
    return _folder("LAMBDIFY_HOME", "XDG_STATE_HOME", Path(".local", "state"))


def cache() -> Path:
    """The folder of built wheels and runtime clients; deleting it costs time and nothing else."""
    return _folder("LAMBDIFY_CACHE", "XDG_CACHE_HOME", Path(".cache"))


def workspace(root: Path) -> Path:
    """The project's own `.lambdify/`, which keeps itself out of git; deleting it costs time only."""
    folder = root / WORKSPACE
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        # As `venv` and the test runners do: nobody has to remember a line in their own .gitignore.
        ignore.write_text("*\n")
    return folder


def write(root: Path, name: str, text: str) -> None:
    """Write a file of the project's `.lambdify/`: it is there whole, or not at all.

    Nothing is written to a project that may only be read: what would be kept is made again each time.
    """
    if may_write(root):
        write_whole(workspace(root) / name, text)


def may_write(root: Path) -> bool:
    """Whether the project has a `.lambdify/`, or can be given one."""
    return (root / WORKSPACE).is_dir() or os.access(root, os.W_OK)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _folder(own: str, standard: str, fallback: Path) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).absolute()
    base = os.environ.get(standard, "")
    # The specification says that a relative path in an XDG variable is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / fallback) / "lambdify"
