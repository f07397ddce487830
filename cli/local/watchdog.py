"""Outlives the daemon by a moment, to end what it leaves behind when it is killed. Run as a script.

Standard input is a pipe that only the daemon holds: "+123" says that process group 123 was started, "-123"
that it has ended. The end of the pipe is the end of the daemon, however that came about; every group that is
then left is killed, also a stopped one, and one that ignores SIGTERM. This process ends when they have.

"+name" and "-name" are the same for a container. What knows how to remove one takes long to import, so this
process becomes that (engine.py), if there is one left.
"""

import os
import signal
import sys
import time

PATIENCE = 2.0
"""Seconds for what was killed to be gone, which takes as long as somebody needs to wait for it."""


def main() -> None:
    """Follow the pipe to its end, then end the groups that are left."""
    left: set[str] = set()
    for line in sys.stdin:
        change = left.add if line.startswith("+") else left.discard
        change(line[1:].strip())
    groups = {int(name) for name in left if name.isdigit()}
    containers = sorted(name for name in left if not name.isdigit())
    give_up = time.monotonic() + PATIENCE
    while groups and time.monotonic() < give_up:
        groups = {group for group in groups if _kill(group)}
        time.sleep(0.01)
    if containers:
        remove = [sys.executable, "-P", "-m", "lambdify.cli.local.functions.engine", *containers]
        os.execv(sys.executable, remove)  # noqa: S606 - ourselves


def _kill(group: int) -> bool:
    """Whether the group was still there to be killed."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
