"""Where lambdify keeps things: what it runs (home), what can be made again (cache), a project's bundles.

LAMBDIFY_HOME and LAMBDIFY_CACHE move the first two; otherwise the XDG base directories decide.
https://specifications.freedesktop.org/basedir-spec/latest/
"""

import os
import stat
import tempfile
from pathlib import Path

from lambdify.cli.errors import FileRefused

WORKSPACE = ".lambdify"
PRIVATE = 0o700
"""The mode of folders that are for their owner alone."""


def home() -> Path:
    """The folder of the local cloud's state and unpacked functions: one folder, one cloud."""
    return _folder("LAMBDIFY_HOME", "XDG_STATE_HOME", Path(".local", "state"))


def cache() -> Path:
    """The folder of built wheels and runtime clients; deleting it costs time and nothing else."""
    return _folder("LAMBDIFY_CACHE", "XDG_CACHE_HOME", Path(".cache"))


def workspace(root: Path) -> Path:
    """The project's own `.lambdify/`, which keeps itself out of git; deleting it costs time only.

    Raises FileRefused for one that leads elsewhere.
    """
    folder = root / WORKSPACE
    _refuse_link(folder)
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        _refuse_link(entry)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        # As `venv` and the test runners do: nobody has to remember a line in their own .gitignore.
        ignore.write_text("*\n")
    return folder


def may_write(root: Path) -> bool:
    """Whether the project has a `.lambdify/`, or can be given one.

    Nothing is written to a project that may only be read: what would be kept is made again each time.
    """
    return (root / WORKSPACE).is_dir() or os.access(root, os.W_OK)


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def foreign_owner(path: Path, start: Path) -> int | None:
    """Whose a file is that was found above `start`, if it is nobody's who may decide there; else None.

    Who may: the user, also one who has become root by sudo; root; and whoever `start` belongs to, since a
    project can be another user's as a whole. It takes the file, the link to it, and the folder, whose files
    count with it.
    As git has it: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    trusted = {os.geteuid(), 0, start.stat().st_uid}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        trusted.add(int(os.environ["SUDO_UID"]))
    if path.parent == start:
        return None
    owners = (path.lstat().st_uid, path.stat().st_uid, path.parent.stat().st_uid)
    return next((owner for owner in owners if owner not in trusted), None)


def make_private(folder: Path) -> Path:
    """Make a folder that its owner alone may enter; one that others may enter is closed, if it is ours.

    Ours is not what a variable may name that others use too: the user's home, or a folder like /tmp.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    status = folder.stat()
    shared = status.st_mode & stat.S_ISVTX or folder in (Path.home(), Path("/"))
    if status.st_uid == os.geteuid() and status.st_mode & ~PRIVATE & 0o777 and not shared:
        folder.chmod(PRIVATE)
    return folder


def _refuse_link(path: Path) -> None:
    """A repository can hold links, and what is written through one lands where its author likes."""
    if path.is_symlink():
        raise FileRefused(
            f"{path} is a link to {path.readlink()}, and lambdify writes to the project's own folder only.",
            hint="Remove the link. What is large lies in the cache, which LAMBDIFY_CACHE moves.",
        )


def _folder(own: str, standard: str, fallback: Path) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).absolute()
    base = os.environ.get(standard, "")
    # The specification says that a relative path in an XDG variable is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / fallback) / "lambdify"
