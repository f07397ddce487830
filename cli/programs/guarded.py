"""Programs of others, started so that they can do no harm: see guard.py for what they cannot.

A program may print without end, end in the middle of a line, or close its output. So its output is kept only
in part, and what it reports comes over a pipe of its own, a JSON object on each line.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.redaction import redact

GUARD = Path(__file__).with_name("guard.py")
AUDIT_HOOK = Path(__file__).with_name("audit_hook.py")
"""The part of the guard that runs in the program itself, if it is Python."""
SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix", "/dev", "/proc", "/sys"),
    *("/System", "/Library"),  # macOS
    *("/run/systemd/resolve", "/run/resolvconf", "/mnt/wsl/resolv.conf"),  # where /etc/resolv.conf leads
)
"""The folders of the system that a program may read: none is a home."""
OUTPUT_KEPT = 64_000
"""Bytes of the end of the output."""
REPORT_KEPT = 4_000_000
"""Bytes of the beginning of the report."""
_PAUSE = 0.01
"""Seconds between two looks at a process; `subprocess` itself takes up to 0.05."""
_GRACE = 2.0
"""Seconds for the guard to end all that is left, before it is killed itself."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a guarded program ended. Credentials in its output are replaced."""

    code: int | None
    """Its return code as `subprocess` defines it; None if it did not end by itself within the limit."""
    output: str
    """The end of what it wrote to stdout and stderr."""
    report: tuple[Mapping[str, Any], ...]
    """What it reported; each has its kind as "event"."""
    seconds: float
    cpu: float
    """Seconds of CPU."""
    working: bool = False
    """Whether it worked, rather than waited, when it was ended; False where that is not known."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    tmp: Path,
    readable: Iterable[Path],
    limit: float,
    nobody_waits: threading.Event | None = None,
    output_kept: int = OUTPUT_KEPT,
) -> Ending:
    """Run a program for `limit` seconds at most, and return how it ended; all its processes end with it.

    It writes to `tmp` only, which is its HOME and, where the kernel permits, its /tmp. It reads `cwd`,
    `readable` and the system's folders. It gets one more argument, JSON: "report", the descriptor for what it
    reports; "tmp", the folder that it may write to; "guarded", what the kernel guards. It is ended when
    `nobody_waits` is set. The last `output_kept` bytes of its output are kept.
    """
    wanted = {
        "argv": [*argv],
        "environment": {**environment},
        "folder": str(cwd),
        "tmp": str(tmp),
        "readable": [*map(str, readable), *SYSTEM],
    }
    begun = time.monotonic()
    process, pipe = _start(wanted)
    assert process.stdout
    output, told = _Reader(process.stdout.fileno(), last=output_kept), _Reader(pipe, first=REPORT_KEPT)
    try:
        ended = _wait(process, limit, nobody_waits or threading.Event())
    finally:
        _end(process)
        output.join()
        told.join()
        process.stdout.close()
        os.close(pipe)
    events = tuple(_parse(told.content()))
    nothing: Mapping[str, Any] = {}
    end = next((each for each in reversed(events) if each["event"] == "ended"), nothing)
    return Ending(
        code=end.get("code") if ended else None,
        output=redact(output.content().decode(errors="replace")),
        report=events,
        seconds=time.monotonic() - begun,
        cpu=end.get("cpu", 0.0),
        working=bool(end.get("working")),
    )


def _start(wanted: Mapping[str, object]) -> "tuple[subprocess.Popen[bytes], int]":
    """Start the guard, and return its process and the end of the pipe that the report comes from."""
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)],
            cwd="/",
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs,),
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    assert process.stdin
    # Not as an argument: those of every process can be read by every user.
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(json.dumps({**wanted, "report": theirs}).encode())
    return process, ours


def _wait(process: "subprocess.Popen[bytes]", limit: float, nobody_waits: threading.Event) -> bool:
    """Return whether the process has ended by itself."""
    give_up = time.monotonic() + limit
    while process.poll() is None:
        if time.monotonic() > give_up or nobody_waits.wait(_PAUSE):
            return False
    return True


class _Reader(threading.Thread):
    """Reads a pipe to its end, and keeps the first or the last bytes of it."""

    def __init__(self, pipe: int, *, first: int = 0, last: int = 0) -> None:
        super().__init__(name="output of a guarded program", daemon=True)
        self._pipe, self._first, self._last = pipe, first, last
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self.start()

    def run(self) -> None:
        while piece := os.read(self._pipe, 65536):
            if self._last or self._size < self._first:
                self._pieces.append(piece)
                self._size += len(piece)
            while self._last and self._size - len(self._pieces[0]) >= self._last:
                self._size -= len(self._pieces.popleft())

    def content(self) -> bytes:
        whole = b"".join(self._pieces)
        return whole[-self._last :] if self._last else whole[: self._first]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the guard, which ends what it has started; then all that is left of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _parse(report: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a report; the program may have written anything to the pipe."""
    for line in report.splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                yield event
