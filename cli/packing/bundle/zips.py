"""Zips by their names, which of those that are there are ours, and how long they are kept.

    OUT/KIND-DIGEST.zip              the zips
    .lambdify/builds/STAGE-OUT.json  what the last builds of a stage came to, under our seal

Rules:
- A zip is named by what it was made from (names, modes, contents, target, format), not by its own bytes:
  other builds of zlib deflate otherwise, and bytecode differs between patch releases.
- A zip that is there already is not made again. One is there whole, or not at all.
- A name says what a zip should hold, and anybody can write a file of that name: a repository can bring one
  along. So one is taken only with the contents that a build of ours is on record with. While its stamp stays
  (see `fingerprint`) they are not read for it: a copy, a checkout or a write gives a file another.
- The project's own folder keeps what the last builds of each stage came to. A folder that the user named is
  the user's.
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
"""Raise it when the same input comes to something else: it is part of every name."""
RECORDS = "builds"
MAX_BUILDS = 3
"""Builds of a stage."""


class KnownZip(NamedTuple):
    """What a zip of ours holds, and what the file looked like then."""

    sha256: str
    stamp: Stamp


KnownZips = Mapping[str, KnownZip]
"""Zips of ours by their paths; those in the project are relative to it, and go where it goes."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip that is ready to be uploaded."""

    path: Path
    digest: str
    """Identity by what it was made from: sha256, hex."""
    zipped: int
    unzipped: int
    files: int


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A zip that has not been weighed yet."""

    path: Path
    digest: str
    entries: tuple[Entry, ...]
    written: bool
    """Whether it was there, and ours."""
    foreign: bool
    """Whether one was there that somebody else has made, or changed."""
    owners: Mapping[str, str]
    """The distribution that a file of it belongs to; a file of the project's is missing."""


@dataclass(frozen=True, kw_only=True)
class _Record:
    """The last builds of a stage into one folder, the newest first."""

    builds: tuple[KnownZips, ...]


def find_known(root: Path) -> dict[str, KnownZip]:
    """Every zip that a build of this project is on record with."""
    records = [_read(root, f"{RECORDS}/{path.name}") for path in _record_files(root)]
    # A build that is on record later may have looked at the file later.
    return {path: each for builds in records for build in reversed(builds) for path, each in build.items()}


def is_ours(root: Path, path: Path, known: KnownZips) -> bool:
    """Whether the zip is there, with the contents that we gave it."""
    recorded = known.get(_name(root, path))
    if recorded is None or not path.is_file():
        return False
    same = fingerprint.stamp(path.stat()) == recorded.stamp
    return same or fingerprint.digest(path) == recorded.sha256


def locate(out: Path, target: Target, kind: str, made_from: object, *, compiled: bool) -> tuple[Path, str]:
    """Where a zip belongs, and its digest."""
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
    """A zip by its place: the one that is there if it is ours, or what `make` gives for it."""
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
    """The draft as a file."""
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
    """Put on record that a build of the stage came to these zips."""
    name = f"{RECORDS}/{stage}-{hashlib.sha256(_name(root, out).encode()).hexdigest()[:8]}.json"
    before, recorded = _read(root, name), find_known(root)
    build = {_name(root, each.path): _contents(root, each.path, recorded) for each in archives}
    if before[:1] != (build,):
        others = tuple(each for each in before if each.keys() != build.keys())
        record = _Record(builds=(build, *others)[:MAX_BUILDS])
        seal.write(root, name, json.dumps(serialization.serialize(record)))


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Keep the project's zips there until the block ends."""
    if not folders.may_write(root):
        yield
        return
    with _open_folder(folders.workspace(root)) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def sweep(root: Path, now: Sequence[Archive]) -> None:
    """Remove zips of the project's own folder that neither `now` nor a build on record came to.

    Another run that packs the project just now may need one: then they stay until the next time.
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
    """A folder to be locked itself: nothing is left of it when a run is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _name(root: Path, path: Path) -> str:
    whole = path.absolute()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)
