"""Reads the output of a sandbox's process as log events, as Lambda does.

There are two pipes. One has stdout and stderr, where every line is an event. The other is the runtime
client's, where each message is a frame, so that a stack trace of many lines is one event, as on Lambda:

    type (4 bytes) · length (4) · microseconds (8) · message        all big-endian
    https://github.com/aws/aws-lambda-python-runtime-interface-client (FramedTelemetryLogSink)

A thread of its own reads the pipes, so that a function that prints a lot never blocks. `drain` reads all that
has arrived, so that END and REPORT follow everything that the function wrote before it answered. Lines that
are printed and messages that are logged at the same moment may change places, since they use two pipes.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

_HEADER = 16
_READ_SIZE = 65536
_EVENT_LIMIT = 256 * 1024
"""Bytes of one event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


class Event(NamedTuple):
    """One event of the log."""

    timestamp: int
    """Milliseconds since 1970."""
    message: str


Sink = Callable[[Event], None]


class Output:
    """The reading ends of a sandbox's pipes. `sink` gets every event, in the order of arrival."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._lines, self.stdout = os.pipe()
        self._frames, self.telemetry = os.pipe()
        self._rest = {self._lines: b"", self._frames: b""}
        self._open = {self._lines, self._frames}
        self._poll = select.poll()
        for end in self._open:
            os.set_blocking(end, False)
            self._poll.register(end, select.POLLIN)

    def follow(self) -> None:
        """Start to read. The process has its ends of the pipes by now, so ours are closed here."""
        os.close(self.stdout)
        os.close(self.telemetry)
        threading.Thread(target=self._pump, name="sandbox output", daemon=True).start()

    def drain(self) -> None:
        """Pass on all output until now."""
        with self._lock:
            self._read_available()

    def write(self, *messages: str) -> None:
        """Write lines of the platform, after all output until now."""
        with self._lock:
            self._read_available()
            for message in messages:
                self._sink(Event(_now(), message))

    def write_around(self, act: Callable[[], None], message: str) -> None:
        """Call `act`, and write a line before all output that it causes.

        `act` comes first, so that the process can run while the line is written. The line's time is that of
        before: readers sort by time, and messages of the runtime client have their own.
        """
        with self._lock:
            now = _now()
            act()
            self._sink(Event(now, message))

    def _pump(self) -> None:
        # `select` would be limited to 1,024 files of a process.
        watch, watched = select.poll(), set(self._open)
        for end in watched:
            watch.register(end, select.POLLIN)
        while self._open:
            watch.poll()
            self.drain()
            for end in watched - self._open:
                watch.unregister(end)
            watched &= self._open
        # This thread closes them, since it may still wait when another thread sees the end.
        os.close(self._lines)
        os.close(self._frames)

    def _read_available(self) -> None:
        if self._open and self._poll.poll(0):
            for end in (self._lines, self._frames):
                self._read(end)

    def _read(self, end: int) -> None:
        while end in self._open:
            try:
                piece = os.read(end, _READ_SIZE)
            except BlockingIOError:
                return
            split = _split_lines if end == self._lines else _split_frames
            events, self._rest[end] = split(self._rest[end] + piece, ended=not piece)
            for event in events:
                self._sink(event)
            if not piece:
                self._open.discard(end)
                self._poll.unregister(end)


def _split_lines(data: bytes, *, ended: bool) -> tuple[list[Event], bytes]:
    *lines, rest = data.split(b"\n")
    if rest and (ended or len(rest) > _EVENT_LIMIT):
        lines, rest = [*lines, rest], b""
    now = _now()
    return [Event(now, text) for line in lines if (text := _text(line))], rest


def _split_frames(data: bytes, *, ended: bool) -> tuple[list[Event], bytes]:
    events = []
    while len(data) >= _HEADER:
        length = int.from_bytes(data[4:8], "big")
        if len(data) < _HEADER + length and not ended:
            break
        timestamp = int.from_bytes(data[8:16], "big") // 1000
        events.append(Event(timestamp, _text(data[_HEADER : _HEADER + length])))
        data = data[_HEADER + length :]
    return events, data


def _text(line: bytes) -> str:
    return line[:_EVENT_LIMIT].decode("utf-8", "replace").rstrip("\r\n")


def _now() -> int:
    return time.time_ns() // 1_000_000
