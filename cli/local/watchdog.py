"""Outlives the daemon by a moment, to end what it leaves behind when it is killed. Run as a script.

Standard input is a pipe that only the daemon holds: "+123" says that process group 123 was started, "-123"
that it has ended. The end of the pipe is the end of the daemon, however that came about; every group that is
then left is killed, also a stopped one, and one that ignores SIGTERM.
"""

import os
import signal
import sys


def main() -> None:
    """Follow the pipe to its end, then end the groups that are left."""
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue  # gone by itself


if __name__ == "__main__":
    main()
