"""What a command reads, and signals for it: with the call, as a file in the bucket, or as somebody types.

    --stdin       up to 4 MB with the call, more as an object of which the function gets a signed URL
    a terminal    an object that grows with each line that is typed
    Ctrl-C        the same object, also where nothing is typed

The objects are in the stage's folder of the bucket, and are removed when the command has ended.
"""

import base64
import os
import select
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

from lambdify.adapter.commands import frames
from lambdify.cli.artifacts import objects
from lambdify.cli.aws import translated
from lambdify.cli.errors import LambdifyError
from lambdify.cli.stage import Stage

WITH_THE_CALL = 4 * 1024 * 1024
"""Bytes of stdin in an event, of which Lambda takes 6 MB: base64 makes a third more of them."""
MARGIN = 60
"""Seconds that a URL is good beyond the command's time."""
TWICE = 2.0
"""Seconds within which a second Ctrl-C ends lambdify itself."""
PIECE = 65_536
Warn = Callable[[str], None]


class Letters:
    """What is sent to a running command: an object that only grows, which is made when something is sent."""

    def __init__(self, stage: Stage, warn: Warn) -> None:
        self._stage, self._warn = stage, warn
        self._key = f"{stage.prefix}commands/{uuid.uuid4()}"
        self._content = b""
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """A URL by which the function may read it."""
        return objects.sign(self._stage, self._key, self._stage.settings.commands.timeout + MARGIN)

    def send(self, kind: int, data: bytes = b"") -> bool:
        """Send a frame. Return False if that failed, which is told."""
        try:
            with self._lock, translated(during="sending what is typed"):
                self._content += frames.write(kind, data)
                return objects.put(self._stage, self._key, self._content, kind="application/octet-stream")
        except LambdifyError as error:
            self._warn(f"What is typed does not come to the command: {error.message}")
            return False

    def close(self) -> None:
        """Remove the object."""
        with self._lock:
            if self._content:
                _remove(self._key, self._stage, self._warn)


@contextmanager
def prepare(
    stage: Stage, warn: Warn, *, stdin: BinaryIO | None = None, terminal: int | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield what the event says of the command's input; in the block, Ctrl-C goes to the command.

    `stdin` is read to its end first; `terminal` is the file descriptor of one that is typed at.
    """
    letters = Letters(stage, warn)
    typed = {"typed_url": letters.url, **({"typed": True} if terminal is not None else {})}
    try:
        with _stdin(stage, stdin, warn) as given, _typed(letters, terminal), _interrupts(letters):
            yield {**given, **typed}
    finally:
        letters.close()


def find_terminal(stdin: TextIO | None) -> int | None:
    """Return the file descriptor of the terminal that somebody may type at; None if stdin is none.

    A process in the background is stopped if it reads from its terminal, so there nobody may.
    """
    try:
        number = stdin.fileno() if stdin else -1
        return number if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError):  # it is closed, or no file
        return None


@contextmanager
def _stdin(stage: Stage, stdin: BinaryIO | None, warn: Warn) -> Iterator[dict[str, str]]:
    """Yield the event's part for what is read from a pipe or a file."""
    if stdin is None:
        yield {}
        return
    beginning = stdin.read(WITH_THE_CALL + 1)
    if len(beginning) <= WITH_THE_CALL:
        yield {"stdin": base64.b64encode(beginning).decode()}
        return
    key = f"{stage.prefix}commands/{uuid.uuid4()}.stdin"
    with translated(during="sending stdin"):
        stage.client("s3").upload_fileobj(_Rest(beginning, stdin), stage.bucket, key)
    try:
        yield {"stdin_url": objects.sign(stage, key, stage.settings.commands.timeout + MARGIN)}
    finally:
        _remove(key, stage, warn)


def _remove(key: str, stage: Stage, warn: Warn) -> None:
    """Remove an object. If that fails, it is told, and the command has ended all the same."""
    try:
        with translated(during="removing what was sent"):
            objects.remove(stage, key)
    except LambdifyError as error:
        warn(f"s3://{stage.bucket}/{key} is still there: {error.message}")


class _Rest:
    """A file whose beginning has been read already."""

    def __init__(self, beginning: bytes, file: BinaryIO) -> None:
        self._beginning, self._file = beginning, file

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; b"" at the end."""
        if not self._beginning:
            return self._file.read(size)
        part = self._beginning if size < 0 else self._beginning[:size]
        self._beginning = self._beginning[len(part) :]
        return part + self._file.read() if size < 0 else part


@contextmanager
def _typed(letters: Letters, terminal: int | None) -> Iterator[None]:
    """Send what is typed, line by line, until the block ends."""
    if terminal is None:
        yield
        return
    reader, writer = os.pipe()
    thread = threading.Thread(target=_send_lines, args=(letters, terminal, reader), name="typed", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(writer)
        thread.join()
        os.close(reader)


def _send_lines(letters: Letters, terminal: int, over: int) -> None:
    """Send lines until Ctrl-D, or until `over` can be read."""
    while over not in select.select([terminal, over], [], [])[0]:
        try:
            line = os.read(terminal, PIECE)
        except OSError:  # the terminal is gone
            line = b""
        kind = frames.TYPED if line else frames.TYPED_OUT
        if not letters.send(kind, line) or not line:
            return


@contextmanager
def _interrupts(letters: Letters) -> Iterator[None]:
    """Send Ctrl-C to the command in the block; a second one soon after raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last = float("-inf")

    def handle(number: int, _: object) -> None:
        nonlocal last
        if time.monotonic() - last < TWICE:
            raise KeyboardInterrupt
        last = time.monotonic()
        said = frames.SIGNAL, str(int(number)).encode()
        threading.Thread(target=letters.send, args=said, daemon=True).start()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
