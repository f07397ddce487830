"""Frames: what goes between a running command and its caller, in both directions.

    kind (1 byte)   length (4 bytes, big endian)   data

    from the command    0 nothing: it still runs   1 stdout   2 stderr   3 how it ended, as JSON
    from the caller     4 what is typed            5 nothing more is typed   6 a signal, such as "2"

The command's frames are the response that Lambda streams; the caller's are an object that grows (typed.py).
"""

import struct
from collections.abc import Iterator

NOTHING, STDOUT, STDERR, END, TYPED, TYPED_OUT, SIGNAL = range(7)
HEAD = struct.Struct(">BI")


def write(kind: int, data: bytes = b"") -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, len(data)) + data


class Reader:
    """Puts frames together from pieces, however these are cut."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield kind and data of each frame that the piece completes."""
        self._held += piece
        while len(self._held) >= HEAD.size:
            kind, size = HEAD.unpack_from(self._held)
            if kind > SIGNAL or len(self._held) < HEAD.size + size:
                return
            data = bytes(self._held[HEAD.size : HEAD.size + size])
            del self._held[: HEAD.size + size]
            yield kind, data

    @property
    def rest(self) -> bytes:
        """What is no frame: Lambda's JSON for a function that failed, or the beginning of a frame."""
        return bytes(self._held)
