"""Reads the HTTP/1 requests of one connection: head, pieces of the body, trailers.

httptools parses them. It is the parser of Node.js (llhttp). It refuses all that two parsers could read
differently (https://www.rfc-editor.org/rfc/rfc9112#section-11.2), and takes 2 µs for a request; http.server
takes 70.
"""

import socket
import struct
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from lambdify.adapter.messages import Headers, Pair

HEAD_LIMIT = 64 * 1024
"""Bytes of a head, of trailers, and of everything else outside of a body."""
READ_SIZE = 64 * 1024
"""Bytes of one read."""
_FRAMING = {"content-length", "transfer-encoding"}
_VERSIONS = (b"HTTP/1.0", b"HTTP/1.1")


class Refused(Exception):
    """The input is not a valid request; nothing that follows on the connection can be read."""

    def __init__(self, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status)
        self.status = status


class Head(NamedTuple):
    """The head of a request."""

    method: str
    target: str
    headers: Headers
    """In the order in which they came; names in lower case, values as latin-1."""
    version: str
    """"1.0" or "1.1"."""
    keep_alive: bool
    """Whether the client wants to use the connection again."""

    def find(self, name: str) -> str:
        """Return the values of a header, joined with commas; "" if there is none."""
        return ", ".join([value for found, value in self.headers if found == name])


class End(NamedTuple):
    """The end of a request."""

    trailers: Headers


class RequestReader:
    """Reads a connection in one thread: `read` a head, then its `pieces` to the end, then the next head."""

    def __init__(self, connection: socket.socket) -> None:
        self.trailers: Headers = ()
        """The trailers after the body that was read last."""
        self._connection = connection
        self._found: deque[Head | bytes | End | Refused] = deque()
        self._parser = HttpRequestParser(self)
        self._target, self._headers = b"", list[Pair]()
        self._between_requests = True
        self._unread = b""
        """The bytes received since the last part that the parser reported, except those of a body."""

    @property
    def is_empty(self) -> bool:
        """Whether no parsed part is waiting."""
        return not self._found

    def read(self) -> Head | None:
        """Return the head of the next request; None if the client has closed the connection.

        Raises Refused and OSError.
        """
        try:
            found = self._await()
        except EOFError:
            return None
        assert isinstance(found, Head), "the body was not read to its end"
        return found

    def pieces(self) -> Iterator[bytes]:
        """Yield the body of the request as it comes. Raises Refused, and ConnectionError if it breaks off."""
        try:
            while isinstance(found := self._await(), bytes):
                yield found
        except EOFError:
            raise ConnectionError("the body breaks off") from None
        assert isinstance(found, End)
        self.trailers = found.trailers

    def receive(self) -> None:
        """Wait for input and parse it. Raises EOFError at the end of the connection, and OSError."""
        data = self._connection.recv(READ_SIZE)
        if not data:
            raise EOFError
        self._feed(data)

    def take(self) -> Head | bytes | End | None:
        """Return the next part that was parsed; None if there is none yet. Raises Refused."""
        found = self._found.popleft() if self._found else None
        if isinstance(found, Refused):
            raise found
        return found

    def _await(self) -> Head | bytes | End:
        while (found := self.take()) is None:
            self.receive()
        return found

    def _feed(self, data: bytes) -> None:
        if self._between_requests:
            self._unread = b""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])
        except HttpParserError:
            self._found.append(Refused())
        if not self._found:
            self._unread += data
            self._check_unread(self._unread)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Continue with HTTP after a head that offers another protocol (`upgrade`).

        The parser stops there, since it expects the other protocol. We decline it, so the body of this
        request follows, and then the next request.
        """
        self._parser = HttpRequestParser(self)
        head = next(each for each in reversed(self._found) if isinstance(each, Head))
        framing = [f"{name}: {value}\r\n" for name, value in head.headers if name in _FRAMING]
        if framing:
            self._found.pop()  # the end of a request without a body
            known = list(self._found)
            self._parser.feed_data(f"POST / HTTP/1.1\r\n{''.join(framing)}\r\n".encode("latin-1"))
            body = [each for each in list(self._found)[len(known) :] if not isinstance(each, Head)]
            self._found = deque([*known, *body])
        if rest:
            self._feed(rest)

    def _check_unread(self, unread: bytes) -> None:
        """Refuse input that cannot become a request: too long, or without a version in the first line."""
        if len(unread) > HEAD_LIMIT:
            self._found.append(Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        line, newline, _ = unread.lstrip(b"\r\n").partition(b"\n")
        if newline and not self._headers and not line.rstrip().endswith(_VERSIONS):
            self._found.append(Refused())

    # The callbacks of the parser.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._between_requests = False
        self._target, self._headers = b"", []

    def on_url(self, piece: bytes) -> None:
        """Take a part of the target."""
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a whole header or trailer."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Report the complete head."""
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._found.append(Refused())
        keep_alive = self._parser.should_keep_alive()
        if version == "1.0" and any(name == "transfer-encoding" for name, _ in self._headers):
            # HTTP/1.0 has no chunks, so the end of this request is not certain:
            # https://www.rfc-editor.org/rfc/rfc9112#section-6.1
            keep_alive = False
        method, target = self._parser.get_method().decode(), self._target.decode("latin-1")
        self._found.append(Head(method, target, tuple(self._headers), version, keep_alive))
        self._headers = []
        self._unread = b""

    def on_body(self, piece: bytes) -> None:
        """Report a piece of the body."""
        self._found.append(piece)
        self._unread = b""

    def on_message_complete(self) -> None:
        """Report the end of the request."""
        self._found.append(End(tuple(self._headers)))
        self._between_requests = True


def set_timeout(connection: socket.socket, seconds: float) -> None:
    """Limit each read and write to so many seconds; a longer one raises BlockingIOError.

    `settimeout` would make two system calls for each piece.
    """
    whole, part = divmod(seconds, 1)
    time = struct.pack("@ll", int(whole), int(part * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, time)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, time)
