"""What is kept of a stage's static files, so that neither the app is asked again nor a file zipped again.

    .lambdify/static/STAGE.json   the answer, what was read for it, and names with a hash, under our seal
    .lambdify/static/STAGE.zip    files that the bundle gets, and zipped copies; as a zip stores them

An answer holds as long as nothing that was read for it has changed: files by their content, folders by the
names in them, what was missing by being missing. A Python file that was imported may change where nothing
ran, see outline.py. A zip with another content than the recorded one counts for nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambdify.cli.packing import archive, serialization
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.static.answer import Answer
from lambdify.cli.static.outlines import Outline
from lambdify.cli.storage import folders, seal

FORMAT = 4
"""The version of what is kept; increase it when the same app would be answered for in another way."""
FOLDER = "static"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the last build of a stage left."""

    signed: str = ""
    """What the answer depends on besides the project's files; "" for no answer."""
    answer: Answer = field(default_factory=Answer)
    state: Mapping[str, str] = field(default_factory=dict)
    """What was read for the answer, see `describe`."""
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    """Those of Python files among it that were imported, by name."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Digests of the files that the bundle gets by the answer, by their names in it."""
    hashed: Mapping[str, str] = field(default_factory=dict)
    """Digests of the files whose names have a hash, by path; "" for one that has changed all the same."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """The content of the zip, by name."""


@dataclass(frozen=True, kw_only=True)
class _Record:
    format: int
    signed: str
    answer: Answer
    state: Mapping[str, str]
    outlines: Mapping[str, Outline]
    given: Mapping[str, str]
    hashed: Mapping[str, str]
    zip: str
    """The digest of the zip."""


def load(root: Path, stage: str) -> Kept:
    """Return what was kept; nothing if it is broken, or not ours."""
    text = seal.read(root, _name(stage))
    try:
        record: _Record = serialization.deserializer(_Record)(json.loads(text or ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Kept()
    entries = archive.find(_zip(root, stage), record.zip) if record.format == FORMAT else None
    if entries is None:
        return Kept()
    return Kept(
        signed=record.signed,
        answer=record.answer,
        state=record.state,
        outlines=record.outlines,
        given=record.given,
        hashed=record.hashed,
        entries={each.name: each for each in entries},
    )


def store(root: Path, stage: str, kept: Kept) -> None:
    """Keep it, if this project's folder may be written to."""
    if not seal.may_keep(root):
        return
    folders.workspace(root)
    path = _zip(root, stage)
    path.parent.mkdir(exist_ok=True)
    archive.write(path, [kept.entries[name] for name in sorted(kept.entries)])
    record = _Record(
        format=FORMAT,
        signed=kept.signed,
        answer=kept.answer,
        state=kept.state,
        outlines=kept.outlines,
        given=kept.given,
        hashed=kept.hashed,
        zip=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    seal.write(root, _name(stage), json.dumps(serialization.serialize(record)))


def describe(names: Iterable[str], members: Sequence[Member]) -> dict[str, str]:
    """Return the state of files and folders of an app, by name; "" for what is not there."""
    contents = {member.name: member.content for member in members}
    inner: dict[str, set[str]] = {}
    for name in contents:
        while name:
            above, _, own = name.rstrip("/").rpartition("/")
            inner.setdefault(above, set()).add(own)
            name = above
    found = {}
    for name in names:
        if name in contents:
            found[name] = hashlib.sha256(contents[name]).hexdigest()
        else:
            # A name has no slash, and so the names in a folder are told apart by it.
            listed = "/".join(sorted(inner[name])) if name in inner else None
            found[name] = "" if listed is None else hashlib.sha256(f"{listed}/".encode()).hexdigest()
    return found


def _name(stage: str) -> str:
    return f"{FOLDER}/{stage}.json"


def _zip(root: Path, stage: str) -> Path:
    return root / folders.WORKSPACE / FOLDER / f"{stage}.zip"
