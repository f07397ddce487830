"""Runs a command to its end: its output goes on as it comes, and it ends before Lambda would end it.

    SIGTERM, 20 s before the end of time ──▶ SIGKILL, 3 s before it     to the command and its session

The exit code is the command's own, as a shell has it: 128 + n for a signal n, 127 for a program that is not
there, 126 for one that cannot run. 124 is that the time was over, as timeout(1) has it. But what is told to
end, and ends with 75, says itself that it is not done (EX_TEMPFAIL of sysexits.h).

Rules
1. What it leaves behind ends with it: the environment is frozen after the answer, and would thaw it in
   somebody else's command.
2. Silence is told: a line that says nothing for long is dropped by proxies and NAT on its way.
"""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from lambdify.adapter.commands.frames import NOTHING, STDERR, STDOUT

HEARTBEAT = 10.0
"""Seconds of silence after which the caller is told that the command still runs."""
GRACE, LAST = 20.0, 3.0
"""Seconds before the end of time at which the command gets SIGTERM, and SIGKILL; of a short time a part."""
PIECE = 65_536
"""Bytes that are read at once."""
TIME_IS_UP, CANNOT_RUN, NOT_FOUND, NOT_FINISHED = 124, 126, 127, 75
Write = Callable[[int, bytes], None]
"""Takes a frame's kind and data."""


class End(NamedTuple):
    """How a command ended."""

    code: int
    reason: str = ""
    """"time" if the time was over; "output" if not all of its output could be sent."""


class Notice(NamedTuple):
    """When a command is asked to end and when it is made to, in seconds before the end of time."""

    grace: float
    last: float


def give_notice(seconds: float) -> Notice:
    """Return the notice for a command that has so many seconds."""
    return Notice(min(GRACE, seconds / 10), min(LAST, seconds / 20))


class Running:
    """A command that runs."""

    def __init__(
        self, words: Sequence[str], *, root: str, environ: Mapping[str, str], stdin: int | BinaryIO
    ) -> None:
        """Start it, in the folder of the project. Raises OSError."""
        self._strangers = frozenset(_find_children())
        self.process = subprocess.Popen(
            words,
            cwd=root,
            env=environ,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.ended = threading.Event()

    def send_signal(self, number: int) -> None:
        """Send a signal to the command and to all of its session, if it still runs."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def end_leftovers(self) -> None:
        """End what the command has left behind, also what has left its session."""
        self.send_signal(signal.SIGKILL)
        while left := [each for each in _find_children() if each not in self._strangers]:
            for each in left:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(each, signal.SIGKILL)
                    os.waitpid(each, 0)


def run(
    running: Running,
    write: Write,
    *,
    seconds: float,
    heartbeat: float = HEARTBEAT,
    timer: Callable[..., threading.Timer] = threading.Timer,
) -> End:
    """Hand the command's output on until it has ended; return how. It has `seconds` from now."""
    notice = give_notice(seconds)
    is_late = threading.Event()

    def end(number: int) -> None:
        is_late.set()
        running.send_signal(number)

    timers = [
        timer(seconds - notice.grace, end, (signal.SIGTERM,)),
        timer(seconds - notice.last, end, (signal.SIGKILL,)),
    ]
    for each in timers:
        each.daemon = True
        each.start()
    try:
        _relay(running, write, heartbeat)
    finally:
        for each in timers:
            each.cancel()
    code = running.process.returncode
    code = 128 - code if code < 0 else code
    if is_late.is_set() and code != NOT_FINISHED:
        return End(TIME_IS_UP, "time")
    return End(code)


def _relay(running: Running, write: Write, heartbeat: float) -> None:
    """Hand the output on until the command has ended and all is read."""
    process = running.process
    assert process.stdout
    assert process.stderr
    reader, writer = os.pipe()

    def wait() -> None:
        process.wait()
        running.ended.set()
        os.close(writer)

    threading.Thread(target=wait, name="command", daemon=True).start()
    with selectors.DefaultSelector() as selector, process.stdout, process.stderr:
        selector.register(process.stdout, selectors.EVENT_READ, STDOUT)
        selector.register(process.stderr, selectors.EVENT_READ, STDERR)
        selector.register(reader, selectors.EVENT_READ)
        heard, over = time.monotonic(), False
        while True:
            patience = 0.0 if over else max(0.0, heard + heartbeat - time.monotonic())
            ready = [key for key, _ in selector.select(patience) if key.data]
            for key in ready:
                if data := os.read(key.fd, PIECE):
                    write(key.data, data)
                    heard = time.monotonic()
                else:
                    selector.unregister(key.fileobj)
            if over and not ready:
                break
            if running.ended.is_set() and not over:
                running.end_leftovers()  # they may hold the pipes open
                over = True
            elif time.monotonic() - heard >= heartbeat:
                write(NOTHING, b"")
                heard = time.monotonic()
    os.close(reader)


def adopt_orphans() -> None:
    """Have every process whose parent ends become a child of this one, so that it can be ended."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _find_children() -> Iterable[int]:
    """Yield the processes whose parent this one is; none where the system has no /proc."""
    own = os.getpid()
    with suppress(FileNotFoundError):
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    # Its name, in brackets, may hold anything: https://man7.org/linux/man-pages/man5/proc.5.html
                    parent = file.read().rpartition(b")")[2].split()[1]
                if int(parent) == own:
                    yield int(name)
