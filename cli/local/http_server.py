"""An HTTP/1.1 server on a port of 127.0.0.1: it reads a Request, calls a function, and writes the Response.

Rules:
- Headers are passed on as the client sent them: repeated ones stay repeated, underscores stay. Names become
  lower case.
- Malformed input gets 400, and the connection ends: https://www.rfc-editor.org/rfc/rfc9112#section-11.2
- A response takes one write, a streamed response one write for each piece.
"""

import http
import io
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from lambdify.adapter.messages import Headers, Request, Response
from lambdify.cli.local.http_reader import READ_SIZE, Head, Refused, RequestReader, set_timeout
from lambdify.cli.local.listener import HOST, Listener
from lambdify.cli.local.response_stream import StreamBroken

__all__ = [
    "BODY_LIMIT",
    "Answer",
    "Request",
    "Response",
    "ResponseWithFollowUp",
    "Server",
    "StreamedBody",
    "StreamedResponse",
    "plain",
]
BODY_LIMIT = 10 * 1024 * 1024
"""Bytes, as at API Gateway:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
PATIENCE = 75.0
"""Seconds that a connection stays open for the next request."""
_DRAIN_LIMIT = 256 * 1024 * 1024
_LINGER_TIMEOUT = 1.0
"""Seconds in which a refused client may still read the response."""
_OWN_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
_BODILESS = {http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED}
_FORBIDDEN_IN_HEADERS = re.compile(r"[\r\n\0]|[^\x00-\xff]")
"""Characters that no header may contain; a line break would end the header and could begin a response."""

_log = logging.getLogger(__name__)


class StreamedBody(Protocol):
    """A body that the function is still sending."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces as they come. Raises StreamBroken if the function breaks off."""

    def close(self) -> None:
        """Drop the rest: the client has gone."""


class StreamedResponse(NamedTuple):
    """A response whose body the function is still sending."""

    status: int
    headers: Headers
    pieces: StreamedBody


class ResponseWithFollowUp(NamedTuple):
    """A response, and a function to call when the client has it."""

    response: Response
    follow_up: Callable[[], None]


Answer = Callable[[Request], Response | StreamedResponse | ResponseWithFollowUp]


class Server:
    """A server on a port, until `close`."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        """Listen at once; port 0 means any free one. Raises OSError if the port is taken."""
        self._answer = answer
        self._listener = Listener(self._serve, port)
        self.port = self._listener.port

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening; running requests are still answered."""
        self._listener.close()

    def _serve(self, connection: socket.socket, client: str) -> None:
        set_timeout(connection, PATIENCE)
        reader = RequestReader(connection)
        with connection:
            try:
                while head := reader.read():
                    if not self._answer_one(connection, client, reader, head):
                        return
            except Refused as refused:
                status = http.HTTPStatus(refused.status)
                _write(connection, None, plain(status, status.phrase))
                _linger(connection)

    def _answer_one(self, connection: socket.socket, client: str, reader: RequestReader, head: Head) -> bool:
        """Answer one request. Return whether the connection takes another one."""
        if reader.is_empty and head.version != "1.0" and head.find("expect").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _read_body(reader)
        if body is None:
            status = http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            _write(connection, None, plain(status, "Request Entity Too Large"))
            return False
        request = _build_request(head, body, client, self.port)
        try:
            answer = self._answer(request)
        except Exception:  # the top of this thread: the client gets a 500, and the log the reason
            _log.exception("%s %s could not be answered", head.method, head.target)
            answer = plain(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        if not isinstance(answer, ResponseWithFollowUp):
            return _write(connection, head, answer)
        try:
            return _write(connection, head, answer.response)
        finally:
            answer.follow_up()


def plain(status: int, message: str) -> Response:
    """Return a response of the gateway itself, in API Gateway's format."""
    return Response(status, (("content-type", "application/json"),), f'{{"message":"{message}"}}'.encode())


def _read_body(reader: RequestReader) -> bytes | None:
    """Return the body; None if it is over the limit.

    Too large a body is read to its end, too: else the client would not read our response.
    """
    kept, size = io.BytesIO(), 0
    for piece in reader.pieces():
        size += len(piece)
        if size <= BODY_LIMIT:
            kept.write(piece)
        elif size > _DRAIN_LIMIT:
            break
    return kept.getvalue() if size <= BODY_LIMIT else None


def _build_request(head: Head, body: bytes, client: str, own_port: int) -> Request:
    path, _, query = head.target.partition("?")
    if not path.startswith("/"):
        # The absolute form, for proxies: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
        path = urlsplit(path).path or "/"
    name, _, port = (head.find("host") or f"{HOST}:{own_port}").rpartition(":")
    return Request(
        method=head.method,
        path=path,
        query=query,
        headers=head.headers,
        body=body,
        scheme="http",
        host=name if port.isdecimal() else f"{name}:{port}".lstrip(":"),
        port=int(port) if port.isdecimal() else 80,
        client=client,
    )


def _write(connection: socket.socket, head: Head | None, response: Response | StreamedResponse) -> bool:
    """Send the response; `head` is None for malformed input. Return whether the connection stays open."""
    headers = response.headers
    if not 200 <= response.status <= 599 or _FORBIDDEN_IN_HEADERS.search("".join(map("".join, headers))):
        if isinstance(response, StreamedResponse):
            response.pieces.close()
        response = plain(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        headers = response.headers
    bodiless = response.status in _BODILESS or (head is not None and head.method == "HEAD")
    given = dict(headers).get("content-length")
    if isinstance(response, StreamedResponse):
        return _write_pieces(connection, head, response, bodiless=bodiless, length=given)
    length = given if bodiless else str(len(response.body))
    start = _write_head(response.status, headers, head, length, keep=head is not None and head.keep_alive)
    if bodiless:
        connection.sendall(start)
    elif len(response.body) < READ_SIZE:
        connection.sendall(start + response.body)
    else:
        connection.sendall(start)
        connection.sendall(response.body)
    return head is not None and head.keep_alive


def _write_pieces(
    connection: socket.socket,
    head: Head | None,
    response: StreamedResponse,
    *,
    bodiless: bool,
    length: str | None,
) -> bool:
    """Send each piece as it comes. If the response breaks off, the connection is closed in the middle."""
    chunked = length is None and not bodiless and head is not None and head.version != "1.0"
    keep = head is not None and head.keep_alive and (bodiless or chunked or length is not None)
    with closing(response.pieces) as pieces:
        connection.sendall(
            _write_head(response.status, response.headers, head, length, keep=keep, chunked=chunked)
        )
        try:
            for piece in pieces if not bodiless else ():
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        except StreamBroken:
            return False
    if chunked:
        connection.sendall(b"0\r\n\r\n")
    return keep


def _write_head(
    status: int,
    headers: Headers,
    head: Head | None,
    length: str | None,
    *,
    keep: bool,
    chunked: bool = False,
) -> bytes:
    lines = [_write_status(status)]
    lines += [f"{name}: {value}" for name, value in headers if name not in _OWN_HEADERS]
    if not any(name == "date" for name, _ in headers):
        lines.append(_write_date(int(time.time())))
    if chunked:
        lines.append("transfer-encoding: chunked")
    elif length is not None:
        lines.append(f"content-length: {length}")
    if not keep:
        lines.append("connection: close")
    elif head and head.version == "1.0":
        # Otherwise the client would wait for the end of the connection, and the server for the next request.
        lines.append("connection: keep-alive")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")


@lru_cache(maxsize=1)
def _write_date(now: int) -> str:
    return f"date: {formatdate(now, usegmt=True)}"


@lru_cache
def _write_status(status: int) -> str:
    phrase = http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else ""
    return f"HTTP/1.1 {status} {phrase}"


def _linger(connection: socket.socket) -> None:
    """Read and drop what the client still sends (a lingering close).

    If the connection were closed with unread data, the system would reset it and discard our response.
    """
    set_timeout(connection, _LINGER_TIMEOUT)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        for _ in range(64):
            if not connection.recv(READ_SIZE):
                return
