"""What before_package reads and makes, so that it does not run again where neither has changed.

    files of `inputs` ──digest──▶ as at the last run?  files that it made ──▶ still there, as it left them?

Rules:
- The digest is of names and contents, so that a fresh checkout and a changed date say nothing. What the
  commands make is known by looking at the project before and after: its dates and sizes have to be the same.
- A file that was there before and matches `inputs` is an input, even if the commands change it.
- The commands, the stage and what they are told of it belong to the digest: other ones may make other files.
- The last run is in the project's `.lambdify/`, under our seal. Where none can be kept, they run each time.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.packing import serialization
from lambdify.cli.settings import Settings
from lambdify.cli.storage import folders, seal
from lambdify.cli.version import VERSION

FILE = "hooks/before_package.json"
NOT_LOOKED_INTO = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", folders.WORKSPACE})
"""Folders that hold neither inputs nor what commands make for the bundle, and may hold very many files."""
ENVIRONMENT = "pyvenv.cfg"
"""Every virtual environment has it: https://peps.python.org/pep-0405/"""

Stamps = Mapping[str, str]
"""Size and date of change of files, as a text, by their names relative to the project."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of the commands that went well."""

    digest: str
    """Of its inputs, and of what it was told."""
    made: Stamps
    """The files that it made or changed."""
    at: str
    """"2026-11-29 08:50 UTC"."""
    host: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """The project before the commands run."""

    digest: str
    """Of the inputs, and of what the commands are told; "" if there are none, and they run each time."""
    inputs: frozenset[str]
    stamps: Stamps
    last: Run | None


def look(settings: Settings, about: Mapping[str, str], console: Console) -> Look:
    """Look at the project's files; `about` is what the commands are told. Warn of inputs that match none."""
    if not settings.hooks.inputs:
        return Look(digest="", inputs=frozenset(), stamps={}, last=None)
    last, stamps = _recall(settings), dict(_walk(settings.root))
    matches = _matcher(settings, stamps, console)
    own = last.made if last else {}
    inputs = frozenset(name for name in stamps if matches(name) and name not in own)
    hooks = settings.hooks
    told = [VERSION, hooks.before_package, hooks.inputs, settings.full_name, sorted(about.items())]
    digest = _digest(settings.root, inputs, json.dumps(told))
    return Look(digest=digest, inputs=inputs, stamps=stamps, last=last)


def last_run(found: Look) -> Run | None:
    """Return the last run if it had these inputs, and what it made is as it was; else None."""
    last = found.last
    if not last or not found.digest or last.digest != found.digest:
        return None
    return last if last.made.items() <= found.stamps.items() else None


def record(settings: Settings, before: Look, host: str) -> None:
    """Record that the commands have run, and what they have made since the look `before`."""
    if not before.digest:
        return
    after = dict(_walk(settings.root))
    own = before.last.made if before.last else {}
    made = {
        name: stamp
        for name, stamp in after.items()
        if name not in before.inputs and (name in own or before.stamps.get(name) != stamp)
    }
    run = Run(digest=before.digest, made=made, at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", host=host)
    seal.write(settings.root, FILE, json.dumps(asdict(run)))


def _recall(settings: Settings) -> Run | None:
    try:
        run: Run = serialization.deserializer(Run)(json.loads(seal.read(settings.root, FILE) or ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return run


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every file of the project with its stamp; no link is followed."""
    for folder, below, names in os.walk(root):
        if ENVIRONMENT in names:
            below.clear()
            continue
        below[:] = [each for each in below if each not in NOT_LOOKED_INTO]
        for path in (Path(folder, name) for name in names):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                yield path.relative_to(root).as_posix(), f"{status.st_size} {status.st_mtime_ns}"


def _matcher(settings: Settings, stamps: Stamps, console: Console) -> Callable[[str], bool]:
    """Return a function that says whether a file is an input; warn of patterns that match none."""
    # The import takes 40 ms, and is needed only for patterns.
    import pathspec

    for pattern in settings.hooks.inputs:
        alone = pathspec.GitIgnoreSpec.from_lines([pattern.removeprefix("!")])
        if not pattern.startswith("!") and not any(map(alone.match_file, stamps)):
            console.warn(f'[hooks] inputs: no file of the project matches "{pattern}".')
    return pathspec.GitIgnoreSpec.from_lines(settings.hooks.inputs).match_file


def _digest(root: Path, names: frozenset[str], told: str) -> str:
    whole = hashlib.sha256(told.encode())
    for name in sorted(names):
        path = root / name
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        entry = f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape")
        whole.update(entry + content)
    return whole.hexdigest()
