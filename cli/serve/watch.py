"""The watch over a project: whether what is packed has changed since it was looked at, and which files.

Files that are not packed count only where they decide on the rest: the settings, and what names dependencies.
Nothing is waited for: a look reads the status of each file, some microseconds each, so there is one before
each answer.
"""

import os
import stat
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.bundle import app
from lambdify.cli.packing.bundle.files import IGNORE_FILE
from lambdify.cli.packing.fingerprint import Fingerprint, Stamp
from lambdify.cli.settings import Settings, config_file

ALWAYS = (config_file.LAMBDIFY_TOML, config_file.PYPROJECT_TOML, IGNORE_FILE, ".python-version")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was changed since the last look."""

    names: tuple[str, ...]
    """The files, relative to the project."""
    settings: bool
    """Whether a file is among them that decides on the app, its settings or its dependencies."""


class _Deciding(NamedTuple):
    """A file that decides on more than itself."""

    stamp: Stamp | None
    """None if it is not there."""
    digest: str


class Watch:
    """The files of a project, as they were at the last look. One thread at a time may look."""

    def __init__(self, settings: Settings, written: Collection[int] = ()) -> None:
        """`written` are the inodes of files that we write to ourselves. Raises what packing's scan raises."""
        self._written = written
        self._settings, self._root = settings, settings.root.resolve()
        named = [settings.root / name for name in (*ALWAYS, settings.environment_file) if name]
        self._deciding: dict[Path, _Deciding] = {}
        self.follow([*named, *([settings.source] if settings.source else [])])
        self._packed, self._fingerprint = _take(settings, written)

    def follow(self, paths: Iterable[Path]) -> None:
        """Look at these files as well: they decide on the dependencies."""
        for path in dict.fromkeys(paths):
            self._deciding.setdefault(path, _Deciding(_stamp(path), fingerprint.digest(path)))

    def look(self) -> Change | None:
        """Return what has changed since the last look; None if nothing has.

        Raises what packing's scan raises; the next look finds the same change then.
        """
        now = time.time_ns()
        deciding = {path: _look_again(path, known) for path, known in self._deciding.items()}
        told = {path for path in deciding if deciding[path].digest != self._deciding[path].digest}
        names = {self._name(path) for path in told}
        if self._fingerprint.is_unchanged():
            self._fingerprint = self._fingerprint.as_of(now)
        else:
            before, young = self._packed, self._fingerprint.young
            self._packed, self._fingerprint = _take(self._settings, self._written)
            names |= {name for name in {*before, *self._packed} if before.get(name) != self._packed.get(name)}
            # A file may have been changed and kept its stamp.
            again = {path for path in young if self._fingerprint.young.get(path, young[path]) != young[path]}
            names |= {self._name(Path(path)) for path in again}
        self._deciding = deciding
        return Change(names=tuple(sorted(names)), settings=bool(told)) if names else None

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)


def find_written() -> tuple[int, ...]:
    """Return the inodes of the files that our own output goes to, if it goes to files."""
    found = []
    for number in (1, 2):
        with suppress(OSError):  # it is closed
            status = os.fstat(number)
            found += [status.st_ino] if stat.S_ISREG(status.st_mode) else []
    return tuple(found)


def _take(settings: Settings, written: Collection[int]) -> tuple[Mapping[str, Stamp | None], Fingerprint]:
    """Return the stamps of what is packed, by name, and all of its files and folders by path."""
    selection = app.select(settings)
    files = [file for file in selection.files if file.stamp.inode not in written]
    now = time.time_ns()
    packed = {file.name: None if file.is_folder else file.stamp for file in files}
    return packed, Fingerprint(
        root=str(settings.root.resolve()),
        files={str(file.path): file.stamp for file in files},
        folders={str(listing.path): listing.entries for listing in selection.listings},
        young={
            str(file.path): fingerprint.digest(file.path)
            for file in files
            if not file.is_folder and fingerprint.is_young(file.stamp, now)
        },
    )


def _look_again(path: Path, known: _Deciding) -> _Deciding:
    stamp = _stamp(path)
    young = stamp is not None and fingerprint.is_young(stamp, time.time_ns())
    return known if stamp == known.stamp and not young else _Deciding(stamp, fingerprint.digest(path))


def _stamp(path: Path) -> Stamp | None:
    try:
        return fingerprint.stamp(path.stat())
    except OSError:
        return None
