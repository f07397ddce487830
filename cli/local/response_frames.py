"""A streamed response on the daemon's socket: frames of kind, length and bytes.

The daemon writes the pieces as the function sends them, and at the end how the invocation went, as JSON:
{"failed": ..., "error": ..., "log": ...}. ministack's bridge reads them (events/response_events.py), so the
module uses the standard library only.
"""

import struct
from enum import IntEnum
from typing import Protocol

_HEAD = struct.Struct(">BI")


class Kind(IntEnum):
    """What a frame holds."""

    PAYLOAD = 0
    """A piece of the response."""
    END = 1
    """How the invocation went."""


class Readable(Protocol):
    """A response or file."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, or fewer at the end."""


def write_frame(kind: Kind, body: bytes) -> bytes:
    """Return the frame."""
    return _HEAD.pack(kind, len(body)) + body


def read_frame(response: Readable) -> tuple[Kind, bytes]:
    """Wait for the next frame and return it. Raises EOFError if the response ends before it is whole."""
    head = response.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError("the daemon ended the response without its last frame")
    kind, size = _HEAD.unpack(head)
    body = response.read(size) if size else b""
    if len(body) < size:
        raise EOFError("the daemon ended the response within a frame")
    return Kind(kind), body
