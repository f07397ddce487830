"""HTTP between processes of one user over a Unix socket, which no browser can reach.

Both ends are lambdify's. The folder of the socket is private, and the server asks the kernel for the client's
user. The module uses the standard library only, since ministack imports it in its own environment, too
(ministack_bridge.py).
"""

import http.client
import http.server
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.local import peers

_LONGEST = 100
"""Bytes of a socket's path that every system accepts: https://man7.org/linux/man-pages/man7/unix.7.html"""
_CLOSING = 0.05
"""Seconds between two checks whether the server should close."""
_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names are in lower case."""
    body: bytes


class Response(NamedTuple):
    """A response."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    pieces: Generator[bytes] | None = None
    """Follow as they come, instead of the body; closed when they end, or the client has gone."""


class Server:
    """A server on the socket at `path`, until `close`."""

    def __init__(self, path: Path, answer: Callable[[Request], Response]) -> None:
        """Listen at once; a stale socket at the path is replaced."""
        path.unlink(missing_ok=True)
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        with short_address(path) as address:
            self._server = _Server(address, handler)
        path.chmod(0o600)
        self._path = path
        threading.Thread(
            target=self._server.serve_forever, args=(_CLOSING,), name="control", daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)


class Connection(http.client.HTTPConnection):
    """A connection to the server at `path`; `timeout` is in seconds, for each response."""

    def __init__(self, path: Path, *, timeout: float) -> None:
        """Connect with the first request."""
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            with short_address(self._path) as address:
                connection.connect(address)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """Yield an address for the socket that is short enough for the system, good while the block runs.

    On Linux a long path is shortened through /proc/self/fd; elsewhere it stays, and the system refuses it.
    """
    if len(os.fsencode(path)) <= _LONGEST or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def verify_request(self, request: object, _: object) -> bool:
        """Return whether the client runs as the same user."""
        assert isinstance(request, socket.socket)
        return peers.user_of_unix(request) == os.geteuid()

    def handle_error(self, *_: object) -> None:
        """Log the error; the client finds the connection closed."""
        if not isinstance(sys.exception(), ConnectionError):
            _log.exception("a question could not be answered")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    answer: Callable[[Request], Response]

    def do_GET(self) -> None:
        """Answer."""
        self._reply()

    def do_POST(self) -> None:
        """Answer."""
        self._reply()

    def address_string(self) -> str:
        """Return no address: clients of a Unix socket have none."""
        return ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing."""

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.answer(Request(self.command, self.path, headers, body))
        self.send_response_only(HTTPStatus(answer.status))
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.pieces is not None:
            self._stream(answer.pieces)
            return
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _stream(self, pieces: Generator[bytes]) -> None:
        """Write each piece as a chunk, at once. An error of `pieces` leaves the response without its end."""
        self.close_connection = True
        with closing(pieces):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
