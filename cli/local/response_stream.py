"""A streamed response between the sandbox that sends it and the client that reads it.

The Runtime API of the sandbox puts pieces in, the gateway takes them out. The buffer is small, so a function
with a slow client waits. If the client has gone, the function runs to its end without waiting, as on Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

import threading
from collections import deque
from collections.abc import Generator

DELIMITER = bytes(8)
"""The separator of prelude (status and headers as JSON) and body."""
BUFFER_LIMIT = 256 * 1024
"""Bytes that may wait for the client before `put` blocks."""


class StreamBroken(Exception):
    """The response ended before it was complete."""


class ResponseStream:
    """A buffer of pieces, for one thread that writes and one that reads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._over = self._broken = self._abandoned = False

    def put(self, piece: bytes) -> None:
        """Add a piece, and return when there is room for another one."""
        with self._changed:
            if self._abandoned or self._over:
                return
            self._pieces.append(piece)
            self._size += len(piece)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._size < BUFFER_LIMIT or self._abandoned or self._over)

    def end(self, *, broken: bool = False) -> None:
        """Mark the response as ended. The first call decides whether it is `broken`."""
        with self._changed:
            if not self._over:
                self._over, self._broken = True, broken
            self._changed.notify_all()

    def close(self) -> None:
        """Mark the client as gone: what was put and what follows is dropped."""
        with self._changed:
            self._abandoned = True
            self._pieces.clear()
            self._changed.notify_all()

    def read_prelude(self, patience: float | None = None) -> bytes | None:
        """Wait for the prelude and return it; None if the function sends no stream.

        Raises TimeoutError if no piece comes for `patience` seconds.
        """
        found = b""
        while DELIMITER not in found:
            piece = self._take(patience)
            if piece is None:
                return None
            found += piece
        prelude, _, rest = found.partition(DELIMITER)
        if rest:
            with self._changed:
                self._pieces.appendleft(rest)
                self._size += len(rest)
        return prelude

    def __iter__(self) -> Generator[bytes]:
        """Yield the pieces after the prelude, once. Raises StreamBroken if the response breaks off."""
        try:
            while (piece := self._take()) is not None:
                yield piece
            if self._broken:
                raise StreamBroken
        finally:
            self.close()

    def _take(self, patience: float | None = None) -> bytes | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._pieces or self._over, patience):
                raise TimeoutError
            if not self._pieces:
                return None
            piece = self._pieces.popleft()
            self._size -= len(piece)
            self._changed.notify_all()
            return piece
