"""Caches: their folders and sizes, and how they are cleared.

    <cache>/wheels        built wheels                           shared by all projects
    <cache>/downloads     wheels as they came from an index
    <cache>/contents      the contents of each wheel
    <cache>/fragments     distributions, stripped, compiled and deflated
    <cache>/runtime       AWS's runtime client for each Python, and the local cloud's replacement of AWS
    <cache>/unpacked      layers, unpacked, for rehearsals
    .lambdify/build       a project's own zips

Rules:
- Entries are written under a temporary name with a dot, and renamed. A killed run leaves temporary files; a
  later run removes them if they have not changed for longer than any write takes.
- A removed entry is made again when it is needed; only time is lost.
- Entries in use are not removed: runs and the local cloud share the cache's lock, `clear` holds it alone.
- uv's cache is cleared by `uv cache clean`, and images by the container engine.
"""

import fcntl
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lambdify.cli.errors import CacheInUse
from lambdify.cli.storage import folders

CACHE_FOLDERS = {
    "wheels": "wheels that were built",
    "downloads": "wheels from an index",
    "contents": "what is in them",
    "fragments": "distributions, ready to be put into a zip",
    "runtime": "what the local cloud runs on",
    "unpacked": "layers, as an app starts on this machine",
}
"""Folders of the cache, with descriptions of their content."""
BUNDLES = "bundles"
"""The name for the project's own zips."""
UNFINISHED = re.compile(r"\.(?:(?P<place>.+)\.)?[a-z0-9_]{8}")
"""Names of unfinished files and folders, as `tempfile` generates them."""
OWN_FILES = re.compile(
    r"(app|layer|dependencies|static)-[0-9a-f]{16}\.zip|lambdify-report\.html|lambdify-sbom\.cdx\.json"
)
"""Names of our files in folders that may have other files, too."""
ABANDONED_AFTER = 3600
"""Seconds without a change after which an unfinished entry is abandoned."""


@dataclass(frozen=True, kw_only=True)
class CacheFolder:
    """A folder of a cache, with its size."""

    name: str
    holds: str
    folder: Path
    entries: int
    bytes: int
    newest: datetime | None
    """The date of the newest entry, in UTC; None if there is none."""


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """The number and the bytes of removed entries."""

    entries: int
    bytes: int


@contextmanager
def in_use() -> Iterator[None]:
    """Prevent the removal of cache entries until the block ends."""
    with _lock_file().open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def find_all(root: Path) -> tuple[CacheFolder, ...]:
    """Return all folders of the cache, and the project's own."""
    return tuple(_measure(name, holds, folder) for name, holds, folder in _folders_of(root))


def clear(root: Path, names: Sequence[str] = (), *, before: datetime | None = None) -> Cleared:
    """Remove the entries of the folders `names` (none: all), or only those from `before` a date.

    Returns what was removed. Raises CacheInUse.
    """
    with _lock_file().open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CacheInUse(
                "The cache is in use, by a run of lambdify or by the local cloud.",
                hint="Wait until the run has ended; `lambdify local stop` ends the local cloud.",
            ) from error
        gone = [
            remove(entry)
            for name, _, folder in _folders_of(root)
            if not names or name in names
            for entry in _entries(folder)
            if before is None or _last_modified(entry) < before
        ]
    return Cleared(entries=len(gone), bytes=sum(gone))


def sweep(root: Path, out: Path) -> int:
    """Remove unfinished entries of killed runs in the cache, the project and `out`; return their number.

    An entry that cannot be removed is skipped.
    """
    cache_folders = [folders.cache() / name for name in CACHE_FOLDERS]
    own = root / folders.WORKSPACE
    places = [*cache_folders, *_subfolders(folders.cache() / "wheels"), own, *_subfolders(own)]
    found = [entry for place in places for entry in _unfinished(place)]
    found += [entry for entry, place in _unfinished(out).items() if OWN_FILES.fullmatch(place)]
    swept = 0
    for entry in dict.fromkeys(found):
        with suppress(OSError):
            if _last_changed(entry) < time.time() - ABANDONED_AFTER:
                remove(entry)
                swept += 1
    return swept


def _subfolders(parent: Path) -> list[Path]:
    return [entry for entry in _entries(parent) if entry.is_dir()]


def _unfinished(folder: Path) -> dict[Path, str]:
    """Return the unfinished entries of a folder, with their final names."""
    names = {entry: UNFINISHED.fullmatch(entry.name) for entry in _entries(folder)}
    return {entry: name["place"] or "" for entry, name in names.items() if name}


def _last_changed(entry: Path) -> float:
    """Return the time of the last change of an entry or of its files, in seconds since 1970."""
    inner = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else ()
    times: list[float] = [each.lstat().st_mtime for each in (entry, *inner)]
    return max(times)


def _lock_file() -> Path:
    return folders.make_private(folders.cache()) / ".lock"


def _folders_of(root: Path) -> Iterator[tuple[str, str, Path]]:
    for name, holds in CACHE_FOLDERS.items():
        yield name, holds, folders.cache() / name
    yield BUNDLES, "this project's zips", root / folders.WORKSPACE / "build"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _measure(name: str, holds: str, folder: Path) -> CacheFolder:
    entries = _entries(folder)
    return CacheFolder(
        name=name,
        holds=holds,
        folder=folder,
        entries=len(entries),
        bytes=sum(map(_size, entries)),
        newest=max(map(_last_modified, entries), default=None),
    )


def _size(entry: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 for a file that disappears meanwhile."""
    try:
        if entry.is_dir() and not entry.is_symlink():
            return sum(_size(inner) for inner in entry.iterdir())
        return entry.lstat().st_size
    except FileNotFoundError:
        return 0


def _last_modified(entry: Path) -> datetime:
    return datetime.fromtimestamp(entry.lstat().st_mtime, UTC)


def remove(entry: Path) -> int:
    """Remove a file or folder, and return its bytes."""
    size = _size(entry)
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
    return size
