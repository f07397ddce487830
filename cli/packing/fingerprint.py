"""What a project looked like, so that it can be told without reading it whether it still does.

Rules:
- A file is as it was while its size, both of its times and its inode are. A program can set a file's mtime,
  but not its ctime: that one gives away a file that was exchanged for one of the same date.
- A file that was changed as late as the fingerprint was taken may have been changed again within the same
  tick of the clock, and look the same. Its content is asked, as git does:
  https://git-scm.com/docs/racy-git
- A folder is as it was while it lists the same names, each of the same kind. What is left out of the bundle
  has a say by its name alone.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.storage import folders

CLOCK_TICK = 2_000_000_000
"""Nanoseconds: the coarsest clock of a file system that is in use (FAT's) ticks every two seconds."""


class Stamp(NamedTuple):
    """What is known of a file without reading it."""

    size: int
    modified: int
    changed: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Files and folders by their paths."""

    root: str
    """The project, whose `.lambdify/` is ours and comes and goes."""
    files: Mapping[str, Stamp]
    folders: Mapping[str, tuple[str, ...]]
    """The words of what is in them, sorted."""
    young: Mapping[str, str]
    """Digests of the files whose stamps cannot be relied on."""

    def is_unchanged(self) -> bool:
        """Whether all is as it was."""
        try:
            return (
                all(list_folder(path, self.root) == listed for path, listed in self.folders.items())
                # A Path for each of thousands of files would cost more than the question.
                and all(stamp(os.stat(path)) == known for path, known in self.files.items())  # noqa: PTH116
                and all(digest(Path(path)) == known for path, known in self.young.items())
            )
        except OSError:
            return False

    def as_of(self, now: int) -> "Fingerprint":
        """The same at a later time, in nanoseconds: for what holds then, fewer files are young."""
        young = {path: known for path, known in self.young.items() if is_young(self.files[path], now)}
        return replace(self, young=young)


EMPTY = Fingerprint(root="", files={}, folders={}, young={})
"""Of what is not there, and so never changes."""


def list_folder(folder: str, root: str) -> tuple[str, ...]:
    """The words of what is in a folder, sorted; `root` is the project, whose `.lambdify/` is ours."""
    with os.scandir(folder) as entries:
        listed = (entry for entry in entries if entry.name != folders.WORKSPACE or folder != root)
        return tuple(sorted(map(describe_entry, listed)))


def stamp(status: os.stat_result) -> Stamp:
    """What stays the same while a file does."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def is_young(known: Stamp, now: int) -> bool:
    """Whether a file could change after `now` and keep this stamp."""
    return max(known.modified, known.changed) >= now - CLOCK_TICK


def describe_entry(entry: "os.DirEntry[str]") -> str:
    """A word that stays the same while an entry is of the same kind, whatever becomes of its content."""
    link = entry.is_symlink()
    # Of a link that leads to itself, only Path says that it is no folder.
    kind = "/" if (Path(entry.path).is_dir() if link else entry.is_dir()) else ""
    if kind and is_environment(entry.path):
        kind = "/ environment"
    if link:
        target = os.path.realpath(entry.path)
        kind = f"{kind} -> {target}{'' if os.path.lexists(target) else ' (gone)'}"
    return entry.name + kind


def is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment: by its pyvenv.cfg (PEP 405), or conda's, which has none."""
    # Of a folder that may not be entered, these say no. Whoever enters it says what is wrong.
    return os.path.isfile(f"{folder}/pyvenv.cfg") or os.path.isdir(f"{folder}/conda-meta")  # noqa: PTH112, PTH113


def digest(path: Path) -> str:
    """The sha256 of a file; "" of one that is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
