"""What a running local cloud leaves in its home folder: where it is, its keys, how one tells that it lives.

cloud.json is written last, in one piece, when everything answers; a file whose daemon is dead is stale and
counts as none, and so does one that cannot be read. cloud.lock is held by whoever starts or ends a cloud, so
that two commands never start two. All of it is for its owner's eyes only: whoever has the keys is the owner.
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
    """Of the lambdify whose daemon this is."""
    endpoint_url: str
    control: Path
    """The socket where the daemon answers."""
    credentials: Credentials
    """Of whoever owns the cloud."""
    daemon: Process
    ministack: Process
    watchdog: Process
    """The last to end: when it is gone, so is everything."""

    @property
    def alive(self) -> bool:
        """Whether the daemon still runs."""
        return is_running(self.daemon)


def load(home: Path) -> State | None:
    """The state that was left in the home folder, dead or alive; None if there is none that can be read."""
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
    """Whether there is a state that cannot be read: cut short, or written by another version."""
    return (home / FILE).exists() and load(home) is None


def named_processes(home: Path) -> list[Process]:
    """The processes that a state names, also one that cannot be read otherwise; the daemon first."""
    values = _read(home)
    found = []
    for name in _PROCESSES if isinstance(values, dict) else ():
        with suppress(KeyError, TypeError):
            found.append(_process(values[name]))
    return found


def write(home: Path, state: State) -> None:
    """Put the state into the home folder, whole or not at all, and for good."""
    values = asdict(state) | {"control": str(state.control), "credentials": state.credentials._asdict()}
    handle, name = tempfile.mkstemp(dir=home, prefix=f"{FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
            file.flush()
            # A name may be on the disk before what it names is: after a crash, the file would be empty.
            os.fsync(file.fileno())
        Path(name).replace(home / FILE)
        _sync_folder(home)
    finally:
        Path(name).unlink(missing_ok=True)


def remove(home: Path) -> None:
    """Take the state away."""
    (home / FILE).unlink(missing_ok=True)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; waits for whoever has it. The lock dies with its process."""
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
