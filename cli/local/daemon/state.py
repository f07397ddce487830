"""What a running local cloud leaves in its home folder: where it is, and how one tells that it still lives.

cloud.json is written last, in one piece, when everything answers; a file whose daemon is dead is stale and
counts as none. cloud.lock is held by whoever starts or ends a cloud, so that two commands never start two.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lambdify.cli.local.processes import Process, is_running
from lambdify.cli.storage import folders

LOG = "daemon.log"


@dataclass(frozen=True, kw_only=True)
class State:
    """The content of cloud.json."""

    version: str
    """Of the lambdify whose daemon this is."""
    endpoint_url: str
    control_url: str
    daemon: Process
    ministack: Process
    watchdog: Process
    """The last to end: when it is gone, so is everything."""

    @property
    def alive(self) -> bool:
        """Whether the daemon still runs."""
        return is_running(self.daemon)


def exists(home: Path) -> bool:
    """Whether there is a state in the home folder."""
    return (home / "cloud.json").exists()


def load(home: Path) -> State | None:
    """The state that was left in the home folder, dead or alive."""
    try:
        values = json.loads((home / "cloud.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return State(
        version=values["version"],
        endpoint_url=values["endpoint_url"],
        control_url=values["control_url"],
        daemon=Process(**values["daemon"]),
        ministack=Process(**values["ministack"]),
        watchdog=Process(**values["watchdog"]),
    )


def write(home: Path, state: State) -> None:
    """Put the state into the home folder, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=home, prefix="cloud.json.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=1)
    Path(name).replace(home / "cloud.json")


def remove(home: Path) -> None:
    """Take the state away."""
    (home / "cloud.json").unlink(missing_ok=True)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; waits for whoever has it. The lock dies with its process."""
    folders.make_private(home)
    with (home / "cloud.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
