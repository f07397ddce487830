"""lambdify's folders: home, for state and the local cloud; the cache; and a project's `.lambdify/`.

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
"""The mode of folders that only their owner may enter."""


def home() -> Path:
    """Return the folder for the local cloud's state and unpacked functions; each has its own local cloud."""
    return _folder("LAMBDIFY_HOME", "XDG_STATE_HOME", Path(".local", "state"))


def cache() -> Path:
    """Return the cache's folder. Its content is made again if it is deleted."""
    return _folder("LAMBDIFY_CACHE", "XDG_CACHE_HOME", Path(".cache"))


def workspace(root: Path) -> Path:
    """Return the project's `.lambdify/`, which is created, with a .gitignore, if it is missing.

    Raises FileRefused if it, or an entry of it, is a link.
    """
    folder = root / WORKSPACE
    _refuse_link(folder)
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        _refuse_link(entry)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        # The folder ignores itself, as pytest's cache does, so the project's .gitignore needs no line for it.
        ignore.write_text("*\n")
    return folder


def may_write(root: Path) -> bool:
    """Whether the project has a `.lambdify/`, or it can be created.

    In a read-only project nothing is cached.
    """
    return (root / WORKSPACE).is_dir() or os.access(root, os.W_OK)


def write_atomically(path: Path, text: str) -> None:
    """Write a file atomically; its folder is created if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def foreign_owner(path: Path, start: Path) -> int | None:
    """Return the user id of the owner of a file above `start` if the owner is not trusted; else None.

    Trusted are the user, also as root by sudo; root; and the owner of `start`, since the whole project can
    belong to another user. The owners of the file, of a link to it, and of its folder are all checked.
    git has the same rule: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    trusted = {os.geteuid(), 0, start.stat().st_uid}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        trusted.add(int(os.environ["SUDO_UID"]))
    if path.parent == start:
        return None
    owners = (path.lstat().st_uid, path.stat().st_uid, path.parent.stat().st_uid)
    return next((owner for owner in owners if owner not in trusted), None)


def repository(root: Path) -> Path:
    """Return the folder of the git repository that a project is in; the project's own if it is in none.

    A repository that belongs to another user is none, and so is one of the whole home folder, where some keep
    their dotfiles: a project is a part of neither.
    """
    if (root / ".git").exists():
        return root
    for folder in root.parents:
        if (folder / ".git").exists():
            others = folder in (Path.home(), Path("/")) or foreign_owner(folder / ".git", root) is not None
            return root if others else folder
    return root


def make_private(folder: Path) -> Path:
    """Create a folder that only its owner may enter, and return it; an existing one is made private.

    Shared folders, which a variable may name, are not changed: the user's home, /, or a folder like /tmp.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    status = folder.stat()
    shared = status.st_mode & stat.S_ISVTX or folder in (Path.home(), Path("/"))
    if status.st_uid == os.geteuid() and status.st_mode & ~PRIVATE & 0o777 and not shared:
        folder.chmod(PRIVATE)
    return folder


def _refuse_link(path: Path) -> None:
    """Raise FileRefused for a link: a repository can contain one, which leads to any folder."""
    if path.is_symlink():
        raise FileRefused(
            f"{path} is a link to {path.readlink()}, and lambdify writes to the project's own folder only.",
            hint="Remove the link. What is large lies in the cache, which LAMBDIFY_CACHE moves.",
        )


def _folder(own: str, standard: str, fallback: Path) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).absolute()
    base = os.environ.get(standard, "")
    # According to the specification, a relative path in an XDG variable is ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / fallback) / "lambdify"
