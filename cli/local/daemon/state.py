"""The state of a running local cloud in its home folder: addresses, keys and processes.

The daemon writes cloud.json last and atomically, when everything answers. A file whose daemon is dead, or
that cannot be read, counts as none. A command that starts or ends a cloud holds cloud.lock, so that two
commands never start two clouds. Only the owner may read the files: the keys give full access to the cloud.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.processes import Process, is_running
from lambdify.cli.storage import folders

LOG = "daemon.log"
FILE = "cloud.json"
_LOCK = "cloud.lock"
_PROCESSES = ("daemon", "ministack", "watchdog")


@dataclass(frozen=True, kw_only=True)
class State:
    """The content of cloud.json."""

    version: str
    """The version of the daemon's lambdify."""
    endpoint_url: str
    control: Path
    """The socket where the daemon answers."""
    credentials: Credentials
    """The keys of the cloud's owner."""
    daemon: Process
    ministack: Process
    watchdog: Process
    """The last process to end: when it has, everything has."""

    @property
    def alive(self) -> bool:
        """Whether the daemon still runs."""
        return is_running(self.daemon)


def load(home: Path) -> State | None:
    """Return the state in the home folder, of a live or dead daemon; None if none can be read."""
    values = _read(home)
    if not isinstance(values, dict):
        return None
    try:
        return State(
            version=_text(values["version"]),
            endpoint_url=_text(values["endpoint_url"]),
            control=Path(_text(values["control"])),
            credentials=Credentials(*(_text(values["credentials"][name]) for name in Credentials._fields)),
            **{name: _process(values[name]) for name in _PROCESSES},
        )
    except (KeyError, TypeError):
        return None


def is_broken(home: Path) -> bool:
    """Return whether a state is there but cannot be read: it is cut, or another version wrote it."""
    return (home / FILE).exists() and load(home) is None


def named_processes(home: Path) -> list[Process]:
    """Return the processes that the state names, the daemon first; even if `load` cannot read the state."""
    values = _read(home)
    found = []
    for name in _PROCESSES if isinstance(values, dict) else ():
        with suppress(KeyError, TypeError):
            found.append(_process(values[name]))
    return found


def write(home: Path, state: State) -> None:
    """Write the state into the home folder, atomically and synced to the disk."""
    values = asdict(state) | {"control": str(state.control), "credentials": state.credentials._asdict()}
    handle, name = tempfile.mkstemp(dir=home, prefix=f"{FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
            file.flush()
            # The new name could reach the disk before the content; then a crash would leave an empty file.
            os.fsync(file.fileno())
        Path(name).replace(home / FILE)
        _sync_folder(home)
    finally:
        Path(name).unlink(missing_ok=True)


def remove(home: Path) -> None:
    """Remove the state."""
    (home / FILE).unlink(missing_ok=True)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home folder's lock while the block runs; wait for it if needed. It ends with its process."""
    folders.make_private(home)
    descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(home: Path) -> Any:
    try:
        return json.loads((home / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def _process(value: Any) -> Process:
    if not isinstance(value["pid"], int):
        raise TypeError(f"not a number: {value['pid']!r}")
    return Process(pid=value["pid"], started=_text(value["started"]))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
