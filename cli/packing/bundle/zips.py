"""The zips of builds: their names, which existing ones are ours, and how long they are kept.

    OUT/KIND-DIGEST.zip              the zips
    .lambdify/builds/STAGE-OUT.json  a record of the zips of a stage's last builds, under our seal

Rules:
- A zip is named by a digest of its input (names, modes, contents, target, format), not of its own bytes:
  builds of zlib deflate differently, and bytecode differs between patch releases.
- An existing zip is not made again. Zips are written atomically.
- The name proves nothing about the content: a repository can contain a file with that name. So a zip is used
  only if its content is that of a recorded build. The content is not read again while the file's stamp is the
  same (see `fingerprint`): a copy, a checkout or a write changes the stamp.
- The project's own folder keeps the zips of the last builds of each stage. Files in a folder that the user
  named are never removed.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.packing import archive, fingerprint, serialization
from lambdify.cli.packing.archive import Entry
from lambdify.cli.packing.bundle import layer, strip
from lambdify.cli.packing.fingerprint import Stamp
from lambdify.cli.packing.target import Target
from lambdify.cli.storage import caches, folders, seal

FORMAT = 1
"""The version of zips, part of every name; increase it when the same input gives another result."""
RECORDS = "builds"
MAX_BUILDS = 3
"""The number of builds of a stage whose zips are kept."""


class KnownZip(NamedTuple):
    """The digest of a recorded zip, and the stamp of its file at that time."""

    sha256: str
    stamp: Stamp


KnownZips = Mapping[str, KnownZip]
"""Recorded zips by path. Paths in the project are relative to it, so that they stay valid if it is moved."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip that is ready to be uploaded."""

    path: Path
    digest: str
    """The digest of its input: sha256, in hex."""
    zipped: int
    unzipped: int
    files: int


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A zip whose size has not been checked yet."""

    path: Path
    digest: str
    entries: tuple[Entry, ...]
    written: bool
    """Whether it exists already, and is ours."""
    foreign: bool
    """Whether a zip of this name exists that somebody else has made, or changed."""
    owners: Mapping[str, str]
    """The distribution of each file; files of the project are missing."""


@dataclass(frozen=True, kw_only=True)
class _Record:
    """The last builds of a stage into one folder, the newest first."""

    builds: tuple[KnownZips, ...]


def find_known(root: Path) -> dict[str, KnownZip]:
    """Return the zips of all recorded builds of this project."""
    records = [_read(root, f"{RECORDS}/{path.name}") for path in _record_files(root)]
    # The newer record of a zip has the newer stamp.
    return {path: each for builds in records for build in reversed(builds) for path, each in build.items()}


def is_ours(root: Path, path: Path, known: KnownZips) -> bool:
    """Whether the zip exists, with the content that we recorded."""
    recorded = known.get(_name(root, path))
    if recorded is None or not path.is_file():
        return False
    same = fingerprint.stamp(path.stat()) == recorded.stamp
    return same or fingerprint.digest(path) == recorded.sha256


def locate(out: Path, target: Target, kind: str, made_from: object, *, compiled: bool) -> tuple[Path, str]:
    """Return the path of a zip, and the digest of its input."""
    formats = [FORMAT, layer.FORMAT, strip.FORMAT, archive.LEVEL]
    identity = [formats, target.id, compiled, kind, made_from]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return out / f"{kind}-{digest[:16]}.zip", digest


def draft(
    root: Path,
    at: tuple[Path, str],
    known: KnownZips,
    make: Callable[[], tuple[Entry, ...]],
    owners: Mapping[str, str],
) -> Draft:
    """Return the draft of a zip: the existing one `at` its path if it is ours, else the entries of `make`."""
    path, digest = at
    recorded = known.get(_name(root, path))
    found = archive.find(path, recorded.sha256) if recorded else None
    return Draft(
        path=path,
        digest=digest,
        entries=make() if found is None else found,
        written=found is not None,
        foreign=found is None and path.exists() and seal.may_keep(root),
        owners=owners,
    )


def write(draft: Draft) -> Archive:
    """Write the draft if it does not exist yet, and return it."""
    if not draft.written:
        draft.path.parent.mkdir(parents=True, exist_ok=True)
        archive.write(draft.path, draft.entries)
    return Archive(
        path=draft.path,
        digest=draft.digest,
        zipped=draft.path.stat().st_size,
        unzipped=sum(entry.unzipped for entry in draft.entries),
        files=len(draft.entries),
    )


def record(root: Path, stage: str, out: Path, archives: Sequence[Archive]) -> None:
    """Record the zips of a build of the stage."""
    name = f"{RECORDS}/{stage}-{hashlib.sha256(_name(root, out).encode()).hexdigest()[:8]}.json"
    before, recorded = _read(root, name), find_known(root)
    build = {_name(root, each.path): _contents(root, each.path, recorded) for each in archives}
    if before[:1] != (build,):
        others = tuple(each for each in before if each.keys() != build.keys())
        record = _Record(builds=(build, *others)[:MAX_BUILDS])
        seal.write(root, name, json.dumps(serialization.serialize(record)))


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Prevent the removal of the project's zips until the block ends."""
    if not folders.may_write(root):
        yield
        return
    with _open_folder(folders.workspace(root)) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def sweep(root: Path, now: Sequence[Archive]) -> None:
    """Remove zips of the project's own folder that are neither in `now` nor of a recorded build.

    They are not removed while another run packs the project, since it may need one.
    """
    folder = root / folders.WORKSPACE / "build"
    if not folder.is_dir():
        return
    with _open_folder(folder.parent) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        needed = find_known(root).keys() | {_name(root, each.path) for each in now}
        for path in folder.glob("*.zip"):
            if caches.OWN_FILES.fullmatch(path.name) and _name(root, path) not in needed:
                path.unlink(missing_ok=True)


def _contents(root: Path, path: Path, recorded: KnownZips) -> KnownZip:
    now, before = fingerprint.stamp(path.stat()), recorded.get(_name(root, path))
    if before and before.stamp == now:
        return before
    return KnownZip(sha256=fingerprint.digest(path), stamp=now)


def _read(root: Path, name: str) -> tuple[KnownZips, ...]:
    text = seal.read(root, name)
    try:
        record: _Record = serialization.deserializer(_Record)(json.loads(text or ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()
    return record.builds


def _record_files(root: Path) -> Iterator[Path]:
    return (root / folders.WORKSPACE / RECORDS).glob("*.json")


@contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    """Yield a descriptor of the folder for a lock, which leaves no file if the run is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _name(root: Path, path: Path) -> str:
    whole = path.absolute()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)
