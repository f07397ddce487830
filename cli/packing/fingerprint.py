"""Fingerprints of files and folders, which show a change without reading the files.

Rules:
- A file is unchanged if its size, mtime, ctime and inode are. A program can set a file's mtime, but not its
  ctime, so the ctime shows that a file was replaced by one with the same mtime.
- A file that was changed right before the fingerprint was taken is "young": it may have been changed again
  within the same tick of the clock, with the same stamp. Its content is compared, as git does:
  https://git-scm.com/docs/racy-git
- A folder is unchanged if it lists the same names, each of the same kind. Of files that are left out of the
  bundle only the names count.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.storage import folders

CLOCK_TICK = 2_000_000_000
"""Nanoseconds of the coarsest clock of a file system, FAT's."""


class Stamp(NamedTuple):
    """The part of a file's status that changes when the file does; times in nanoseconds."""

    size: int
    modified: int
    changed: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Files and folders by their paths, as they were at a moment."""

    root: str
    """The project's folder; its `.lambdify/` is not compared, since we write to it."""
    files: Mapping[str, Stamp]
    folders: Mapping[str, tuple[str, ...]]
    """A description of each entry (see `describe_entry`), sorted."""
    young: Mapping[str, str]
    """Digests of the files whose stamps are not reliable, by path."""

    def is_unchanged(self) -> bool:
        """Whether all files and folders are as they were."""
        try:
            return (
                all(list_folder(path, self.root) == listed for path, listed in self.folders.items())
                # To create a Path for each of thousands of files would take longer than os.stat.
                and all(stamp(os.stat(path)) == known for path, known in self.files.items())  # noqa: PTH116
                and all(digest(Path(path)) == known for path, known in self.young.items())
            )
        except OSError:
            return False

    def as_of(self, now: int) -> "Fingerprint":
        """Return the fingerprint as if taken at `now`, in nanoseconds: fewer files are young then."""
        young = {path: known for path, known in self.young.items() if is_young(self.files[path], now)}
        return replace(self, young=young)


EMPTY = Fingerprint(root="", files={}, folders={}, young={})
"""The fingerprint of no files."""


def list_folder(folder: str, root: str) -> tuple[str, ...]:
    """Return a description of each entry of a folder, sorted; without `.lambdify/` in the project `root`."""
    with os.scandir(folder) as entries:
        listed = (entry for entry in entries if entry.name != folders.WORKSPACE or folder != root)
        return tuple(sorted(map(describe_entry, listed)))


def stamp(status: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def is_young(known: Stamp, now: int) -> bool:
    """Whether a file could change after `now`, in nanoseconds, and keep this stamp."""
    return max(known.modified, known.changed) >= now - CLOCK_TICK


def describe_entry(entry: "os.DirEntry[str]") -> str:
    """Return the entry's name and kind, which do not change with its content."""
    link = entry.is_symlink()
    # DirEntry.is_dir raises an error for a link to itself; Path.is_dir returns False.
    kind = "/" if (Path(entry.path).is_dir() if link else entry.is_dir()) else ""
    if kind and is_environment(entry.path):
        kind = "/ environment"
    if link:
        target = os.path.realpath(entry.path)
        kind = f"{kind} -> {target}{'' if os.path.lexists(target) else ' (gone)'}"
    return entry.name + kind


def is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment: it has a pyvenv.cfg (PEP 405), or conda's conda-meta/."""
    # These return False for a folder that may not be entered. Entering it later raises the error.
    return os.path.isfile(f"{folder}/pyvenv.cfg") or os.path.isdir(f"{folder}/conda-meta")  # noqa: PTH112, PTH113


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex; "" if it does not exist."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
