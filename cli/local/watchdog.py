"""Outlives the daemon by a moment, to end what it leaves behind when it is killed. Run as a script.

Standard input is a pipe that only the daemon holds: "+123" says that process group 123 was started, "-123"
that it has ended. The end of the pipe is the end of the daemon, however that came about; every group that is
then left is killed, also a stopped one, one that ignores SIGTERM, and what its leader's descendants are. This
process ends when they have.

"+name" and "-name" are the same for a container. What knows how to remove one takes long to import, so this
process becomes that (engine.py), if there is one left.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PATIENCE = 2.0
"""Seconds for what was killed to be gone, which takes as long as somebody needs to wait for it."""
_STATE, _PARENT, _GROUP = 0, 1, 2
"""Fields of /proc/PID/stat after the command's name."""


def main() -> None:
    """Follow the pipe to its end, then end the groups that are left."""
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
    """Kill the processes, what they have started, and what those have, whatever their groups and sessions.

    All are stopped before the first is killed: else one could start another meanwhile, and what has lost its
    parent could not be found any more.
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
    """The children of the processes, their children, and so on. Where there is no /proc, none is known."""
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
    """State, parent and group of each process, by its number.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    found = {}
    for entry in Path("/proc").iterdir() if Path("/proc/self/stat").exists() else ():
        with suppress(OSError):
            if entry.name.isdigit():
                # The name of the command is in parentheses and may hold some itself.
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                found[int(entry.name)] = (fields[_STATE].decode(), int(fields[_PARENT]), int(fields[_GROUP]))
    return found


def kill_group(group: int) -> bool:
    """Whether the group was still there to be killed."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
