"""HTTP/1.1 on a port of 127.0.0.1: a Request comes in, a function makes the Response, the Response goes out.

werkzeug gives the threaded server and reads chunked bodies. Its own way of answering closes every connection
and knows headers only as WSGI has them, which folds and drops some; so the answer is written here.

Rules:
- Only 127.0.0.1, never a name that could mean more.
- Headers arrive as they were sent: names in lower case, repeated ones repeated, underscores kept.
- A response goes out in one write, a streamed one in one for each piece, with Nagle's algorithm off: its
  interplay with delayed ACKs costs 40 ms.
"""

import http
import io
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import IO, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from werkzeug.serving import BaseWSGIServer, DechunkedInput, WSGIRequestHandler, make_server

from lambdify.adapter.messages import Headers, Request, Response
from lambdify.cli.local.response_stream import StreamBroken

HOST = "127.0.0.1"
CLOSING = 0.05
"""Seconds after which a server notices that it is to close."""
BODY_LIMIT = 10 * 1024 * 1024
"""API Gateway's: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
_DRAIN_LIMIT = 256 * 1024 * 1024
_PIECE = 1024 * 1024
_OURS = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
_BODILESS = {http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED}
_BROKEN_HEADER = re.compile(r"[\r\n\0]")

_log = logging.getLogger(__name__)


class Pieces(Protocol):
    """A body that is still being made."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces as they come. Raises StreamBroken where they break off."""

    def close(self) -> None:
        """Nobody reads any more."""


class Streamed(NamedTuple):
    """A response whose body is still being made."""

    status: int
    headers: Headers
    pieces: Pieces


Answer = Callable[[Request], Response | Streamed]


class Server:
    """A port that is listened on, until `close`."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        """Listen at once; OSError when the port is taken. Port 0 means any free one."""
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        # werkzeug would print and exit if it could not have the port, so it is given a bound socket.
        with socket.create_server((HOST, port), backlog=128) as listening:
            self._server: BaseWSGIServer = make_server(
                HOST, 0, _no_wsgi, threaded=True, request_handler=handler, fd=listening.fileno()
            )
        self.port = int(self._server.server_address[1])
        name = f"port {self.port}"
        threading.Thread(target=self._server.serve_forever, args=(CLOSING,), name=name, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening; requests under way go on to their end."""
        self._server.shutdown()
        self._server.socket.close()


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 75
    """Seconds that a connection stays open for the next request."""
    answer: Answer

    def handle_expect_100(self) -> bool:
        """Let the client send its body; it waits, so this may not stay in the buffer."""
        accepted = super().handle_expect_100()
        self.wfile.flush()
        return accepted

    def run_wsgi(self) -> None:
        """Answer one request; the connection stays open for the next one."""
        try:
            body = self._read_body()
        except (OSError, ValueError):
            self.close_connection = True
            self._write(plain(http.HTTPStatus.BAD_REQUEST, "Bad Request"))
            return
        if body is None:
            self.close_connection = True
            self._write(plain(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large"))
            return
        self._write(self._answer(body))

    def _answer(self, body: bytes) -> Response | Streamed:
        try:
            return self.answer(self._read_request(body))
        except Exception:  # the end of this thread: whoever asked gets an answer, and the log the reason
            _log.exception("%s %s could not be answered", self.command, self.path)
            return plain(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Note what is wrong with a connection, for whoever looks for it."""
        _log.debug(format, *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the function's log tells what it was asked."""

    def version_string(self) -> str:
        """What the Server header says."""
        return "lambdify"

    def _read_body(self) -> bytes | None:
        """The body; None if it is over the limit, but read, or the client would not read our answer."""
        coding = self.headers.get("Transfer-Encoding", "identity").lower()
        if coding not in {"chunked", "identity"}:
            raise ValueError(f"unknown transfer coding {coding}")
        chunked = coding == "chunked"
        stream = DechunkedInput(cast("IO[bytes]", self.rfile)) if chunked else self.rfile
        left = _DRAIN_LIMIT if chunked else int(self.headers.get("Content-Length", 0))
        if left < 0:
            raise ValueError("negative Content-Length")
        kept, size = io.BytesIO(), 0
        while left > 0 and (piece := stream.read(min(left, _PIECE))):
            left -= len(piece)
            size += len(piece)
            if size <= BODY_LIMIT:
                kept.write(piece)
            elif size > _DRAIN_LIMIT:
                break
        return kept.getvalue() if size <= BODY_LIMIT else None

    def _read_request(self, body: bytes) -> Request:
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            # The form for proxies: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
            path = urlsplit(path).path or "/"
        name, _, port = self.headers.get("Host", f"{HOST}:{self.server.server_address[1]}").rpartition(":")
        return Request(
            method=self.command,
            path=path,
            query=query,
            headers=tuple((name.lower(), value) for name, value in self.headers.items()),
            body=body,
            scheme="http",
            host=name if port.isdecimal() else f"{name}:{port}".lstrip(":"),
            port=int(port) if port.isdecimal() else 80,
            client=self.client_address[0],
        )

    def _write(self, response: Response | Streamed) -> None:
        if not 200 <= response.status <= 599 or any(
            map(_BROKEN_HEADER.search, map("".join, response.headers))
        ):
            # A line break in a header would end it, and begin another response.
            if isinstance(response, Streamed):
                response.pieces.close()
            response = plain(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        bodiless = self.command == "HEAD" or response.status in _BODILESS
        length = dict(response.headers).get("content-length")
        if isinstance(response, Streamed):
            self._write_pieces(response, bodiless=bodiless, length=length)
            return
        self._write_head(response, length if bodiless else str(len(response.body)))
        if not bodiless:
            self.wfile.write(response.body)
        self.wfile.flush()

    def _write_pieces(self, response: Streamed, *, bodiless: bool, length: str | None) -> None:
        """Each piece as it comes; a response that breaks off ends as a connection that breaks off."""
        chunked = length is None and not bodiless and self.request_version != "HTTP/1.0"
        self.close_connection |= length is None and not bodiless and not chunked
        self._write_head(response, length, chunked=chunked)
        self.wfile.flush()
        with closing(response.pieces) as pieces:
            try:
                for piece in pieces if not bodiless else ():
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    self.wfile.flush()
            except StreamBroken:
                self.close_connection = True
                return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def _write_head(
        self, response: Response | Streamed, length: str | None, *, chunked: bool = False
    ) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers:
            if name not in _OURS:
                self.send_header(name, value)
        if "date" not in dict(response.headers):
            self.send_header("date", self.date_time_string())
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        elif length is not None:
            self.send_header("content-length", length)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()


def plain(status: int, message: str) -> Response:
    """An answer of the gateway itself, as API Gateway words them."""
    return Response(status, (("content-type", "application/json"),), f'{{"message":"{message}"}}'.encode())


def _no_wsgi(*_: object) -> list[bytes]:
    """The application that werkzeug wants; `_Handler.run_wsgi` answers before it is asked."""
    raise AssertionError("unreachable")
