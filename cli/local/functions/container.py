"""Runs the function of a container image in a container.

The container has none of our pipes, so two things differ from functions of zips:

- Output comes through the engine, with a delay. `wait_for_output` waits for a pause, so that the lines are in
  the right place of the log. AWS's runtime client writes its frames (output.py) to stderr, among other
  output, and `split_frames` separates them.
- The engine takes some 15 ms to pause a container, and as long to unpause it. So a container is paused only
  after a moment without events, and a busy one answers without the delay.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import variables
from lambdify.cli.local.functions.engine import STDERR, USER, Container, Engine
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.output import Output
from lambdify.cli.local.processes import peak_memory
from lambdify.cli.packing.bundle.image import TASK_ROOT

_LONG_LINE = 256 * 1024
"""Bytes of a line after which its end is not waited for: it is more than one event of the log by then."""
PAUSE_DELAY = 0.1
"""Seconds without an event after which a container is paused."""
QUIET_TURNS = 8
"""Turns without output after which the output counts as complete."""
_TURN = 0.002
"""Seconds that a turn takes at least. On a busy machine it takes longer, and so does the way of the output,
through three other processes: a time would be over before they had their turn."""
_SETTLE_LIMIT = 1.0
"""Seconds to wait for such a pause: a process in the container may write all the time."""
_PATIENCE = 0.5
"""Seconds between asking a container to end and killing it."""
FRAME = b"\xa5\x5a\x00"
"""The first bytes of a frame; no text begins with them."""
_HEADER = 16


@dataclass(frozen=True, kw_only=True)
class ImageProgram:
    """A function of a container image, ready to start."""

    function: Function
    endpoint_url: str
    """The URL of AWS's APIs, as seen from this machine."""
    credentials: Credentials
    """The function's keys there."""
    engine: Engine

    @property
    def users(self) -> tuple[int, ...]:
        """The user ids of its connections; none if the engine's virtual machine connects as ourselves."""
        return (int(USER.partition(":")[0]),) if self.engine.reach.shared else ()

    @property
    def names(self) -> tuple[str, ...]:
        """The container's name for this machine."""
        return (self.engine.reach.host,)

    def start(self, api: int, stream: str, output: Output) -> "ContainerProcess":
        """Start the container; `api` is the port of the Runtime API, `stream` the name of the log stream."""
        function, host = self.function, self.engine.reach.host
        environment = {
            **variables.write(
                function,
                api=f"{host}:{api}",
                stream=stream,
                endpoint_url=f"http://{host}:{urlsplit(self.endpoint_url).port}",
                credentials=self.credentials,
            ),
            "_LAMBDA_TELEMETRY_LOG_FD": "2",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": TASK_ROOT,
            "TZ": dict(function.environment).get("TZ", ":UTC"),
        }
        container = self.engine.create(function.image, function.command, environment, memory=function.memory)
        try:
            return ContainerProcess(container, output, observable=self.engine.reach.shared)
        except BaseException:
            container.remove()
            raise


class ContainerProcess:
    """A container, as sandbox.Process has it."""

    def __init__(self, container: Container, output: Output, *, observable: bool) -> None:
        """Start the container; `observable` says whether its processes are processes of this machine."""
        self._container = container
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._paused = False
        self._over = threading.Event()
        self._pieces = 0
        """How often something was written."""
        written = container.start()
        self._pid = container.pid() if observable else None
        ends = os.dup(output.stdout), os.dup(output.telemetry)
        self._reader = threading.Thread(
            target=self._forward_output, args=(written, *ends), name="container output", daemon=True
        )
        self._reader.start()

    def freeze(self) -> None:
        """Pause the container after PAUSE_DELAY, unless `thaw` comes first."""
        with self._lock:
            self._timer = threading.Timer(PAUSE_DELAY, self._pause)
            self._timer.daemon = True
            self._timer.start()

    def thaw(self) -> None:
        """Let the container run."""
        with self._lock:
            timer, self._timer = self._timer, None
            if timer:
                timer.cancel()
            if self._paused:
                self._container.unpause()
                self._paused = False

    def kill(self) -> None:
        """Kill the container's first process."""
        self._container.send(signal.SIGKILL)

    def has_ended(self) -> bool:
        """Return whether its output has ended."""
        return self._over.is_set()

    def wait(self) -> int:
        """Wait for the container to end; return its return code."""
        self._reader.join()
        return self._container.wait()

    def wait_for_output(self) -> None:
        """Return when nothing was written for QUIET_TURNS, or after _SETTLE_LIMIT."""
        end = time.monotonic() + _SETTLE_LIMIT
        quiet, pieces = 0, self._pieces
        while quiet < QUIET_TURNS and not self._over.is_set() and time.monotonic() < end:
            time.sleep(_TURN)
            quiet, pieces = (quiet + 1 if pieces == self._pieces else 0), self._pieces

    def peak_memory(self) -> int:
        """Return the peak memory of its first process in MB; 0 if the engine runs on another machine."""
        return peak_memory(self._pid) if self._pid else 0

    def close(self) -> None:
        """End the container, and remove it with its temporary files."""
        self.thaw()
        if not self._over.is_set():
            self._container.send(signal.SIGTERM)
            self._over.wait(_PATIENCE)
        self._container.remove()

    def _pause(self) -> None:
        with self._lock:
            # The timer may be another one: the container was thawed and frozen again before this point.
            if self._timer is threading.current_thread():
                self._paused = self._container.pause()

    def _forward_output(self, written: Iterator[tuple[int, bytes]], lines: int, frames: int) -> None:
        for text, found in separate(written):
            _write(lines, text)
            _write(frames, found)
            self._pieces += 1
        os.close(lines)
        os.close(frames)
        self._over.set()


def separate(written: Iterable[tuple[int, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the whole lines and the whole frames of each piece, which has the number of its stream.

    A program may write a line and its end in two pieces, and the other stream may come between them.
    """
    begun: dict[int, bytes] = {}
    rest = b""
    for stream, piece in written:
        text, found = piece, b""
        if stream == STDERR:
            text, found, rest = split_frames(rest + piece)
        line = begun.get(stream, b"") + text
        whole = len(line) if len(line) > _LONG_LINE else line.rfind(b"\n") + 1
        begun[stream] = line[whole:]
        yield line[:whole], found
    last = (*begun.values(), b"" if rest.startswith(FRAME) else rest)
    yield b"".join(line + b"\n" for line in last if line), rest if rest.startswith(FRAME) else b""


def split_frames(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return text, whole frames, and the rest, which may be the beginning of a frame."""
    text, frames = b"", b""
    while (at := data.find(FRAME)) >= 0:
        text, data = text + data[:at], data[at:]
        size = _HEADER + int.from_bytes(data[4:8], "big")
        if len(data) < _HEADER or len(data) < size:
            return text, frames, data
        frames, data = frames + data[:size], data[size:]
    # A frame may begin at the very end.
    begun = next((length for length in (2, 1) if data.endswith(FRAME[:length])), 0)
    whole = len(data) - begun
    return text + data[:whole], frames, data[whole:]


def _write(end: int, data: bytes) -> None:
    while data:
        data = data[os.write(end, data) :]
