"""InvokeWithResponseStream as AWS answers it, with a function of the test in Lambda's place."""

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSResponse

from lambdify.adapter.commands import frames

Part = bytes | dict[str, Any]
"""A piece of the payload, or what InvokeComplete says."""
Answer = Callable[[str, str, dict[str, Any]], Iterable[Part]]
"""Takes a function's name, the qualifier and the event."""
REQUEST_ID = "8e2f4ab0-0000-4000-8000-000000000000"


@contextmanager
def answered(client: Any, answer: Answer) -> Iterator[None]:
    """In the block, the client of Lambda gets these answers."""

    def send(request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        function, qualifier = unquote(url.path.split("/")[3]), parse_qs(url.query).get("Qualifier", [""])[0]
        parts = answer(function, qualifier, json.loads(request.body))
        headers = {
            "content-type": "application/vnd.amazon.eventstream",
            "x-amzn-requestid": REQUEST_ID,
            "x-amz-executed-version": qualifier,
        }
        return AWSResponse(request.url, 200, headers, _Raw(parts))

    name = "before-send.lambda.InvokeWithResponseStream"
    client.meta.events.register_first(name, send, unique_id="streams")
    try:
        yield
    finally:
        client.meta.events.unregister(name, unique_id="streams")


def ended(code: int = 0, *, out: bytes = b"", err: bytes = b"", reason: str = "") -> Iterator[Part]:
    """The answer of a command that has written that and ended so."""
    for kind, data in ((frames.STDOUT, out), (frames.STDERR, err)):
        if data:
            yield frames.write(kind, data)
    yield frames.write(frames.END, json.dumps({"code": code, "reason": reason}).encode())
    yield {}


class _Raw:
    """A body that is still to come."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = parts

    def stream(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, bytes):
                yield _encode("PayloadChunk", "application/octet-stream", part)
            else:
                yield _encode("InvokeComplete", "application/json", json.dumps(part).encode())

    def close(self) -> None: ...


def _encode(kind: str, content: str, payload: bytes) -> bytes:
    """A message of an event stream: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html"""
    said = {":message-type": "event", ":event-type": kind, ":content-type": content}
    headers = b"".join(
        bytes((len(name),)) + name.encode() + b"\7" + struct.pack(">H", len(value)) + value.encode()
        for name, value in said.items()
    )
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = head + struct.pack(">I", zlib.crc32(head)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))
