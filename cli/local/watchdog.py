"""The watchdog: a script that ends the daemon's processes and containers when the daemon has ended.

Standard input is a pipe that only the daemon holds: "+123" says that process group 123 was started, "-123"
that it has ended. The pipe closes when the daemon ends, for whatever reason. Then the watchdog kills every
group that is left, with the descendants of its leader; SIGKILL also ends groups that are stopped or ignore
SIGTERM. The watchdog ends when they have ended.

"+name" and "-name" are the same for a container. The Docker SDK takes long to import, so the watchdog
replaces itself by engine.py, and only if a container is left.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PATIENCE = 2.0
"""Seconds to wait for killed groups: each is there until its parent has waited for it."""
_STATE, _PARENT, _GROUP = 0, 1, 2
"""Fields of /proc/PID/stat after the command's name."""


def main() -> None:
    """Read the pipe to its end, then end the groups and containers that are left."""
    left: set[str] = set()
    for line in sys.stdin:
        change = left.add if line.startswith("+") else left.discard
        change(line[1:].strip())
    groups = {int(name) for name in left if name.isdigit()}
    containers = sorted(name for name in left if not name.isdigit())
    end_trees(groups)
    give_up = time.monotonic() + PATIENCE
    while groups and time.monotonic() < give_up:
        groups = {group for group in groups if kill_group(group)}
        time.sleep(0.01)
    if containers:
        remove = [sys.executable, "-P", "-m", "lambdify.cli.local.functions.engine", *containers]
        os.execv(sys.executable, remove)  # noqa: S606 - ourselves


def end_trees(roots: Iterable[int]) -> None:
    """Kill the processes and all their descendants, in whatever groups and sessions.

    All are stopped before the first is killed. Otherwise one could start another process meanwhile, and an
    orphan could not be found any more.
    """
    roots = set(roots)
    stopped: set[int] = set()
    while found := (roots | descendants(roots)) - stopped:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= found
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(roots: Iterable[int]) -> set[int]:
    """Return the pids of all descendants of the processes; none where the system has no /proc."""
    children: dict[int, list[int]] = {}
    for pid, (_, parent, _) in processes().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    generation = set(roots)
    while generation:
        generation = {child for pid in generation for child in children.get(pid, ())} - found
        found |= generation
    return found


def processes() -> dict[int, tuple[str, int, int]]:
    """Return state, parent and group of each process, by its pid.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    found = {}
    for entry in Path("/proc").iterdir() if Path("/proc/self/stat").exists() else ():
        with suppress(OSError):
            if entry.name.isdigit():
                # The command's name is in parentheses and may contain parentheses itself.
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                found[int(entry.name)] = (fields[_STATE].decode(), int(fields[_PARENT]), int(fields[_GROUP]))
    return found


def kill_group(group: int) -> bool:
    """Kill the group. Return False if it did not exist any more."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
