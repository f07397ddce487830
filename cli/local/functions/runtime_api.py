"""The Runtime API of one sandbox, as Lambda serves it to a runtime client:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

The client asks for the next event, posts a response or an error, and asks again. What it says becomes a
Message in `messages`, pieces of a streamed response go to the Invocation's `stream`; an Invocation put into
`inbox` is its next event. No decision is made here.
"""

import base64
import http.client
import http.server
import queue
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Literal, NamedTuple

from lambdify.cli.local.http_server import CLOSING, HOST
from lambdify.cli.local.response_stream import ResponseStream

PREFIX = "/2018-06-01/runtime"
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
"""Bytes of an answer that is not streamed. Six megabytes is what is documented; the limit in Lambda's own
message is 6291556."""

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed one. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_TOO_LARGE = b"""{
  "errorType": "Function.ResponseSizeTooLarge",
  "errorMessage": "Response payload size exceeded maximum allowed payload size."
}"""
_PIECE = 64 * 1024


class _StreamTooLarge(Exception):
    """More was streamed than Lambda takes."""


class Invocation(NamedTuple):
    """One event for the function."""

    request_id: str
    event: bytes
    arn: str
    """The function's, with the alias or version that was called."""
    deadline: int
    """Milliseconds since 1970."""
    trace: str
    stream: ResponseStream | None = None
    """Where a streamed response goes; without one, it is collected."""


class Message(NamedTuple):
    """What the process said, or that it ended, or that it said nothing in time."""

    kind: Literal["ready", "response", "streamed", "error", "init-error", "exit", "timeout"]
    body: bytes = b""
    request_id: str = ""
    code: int = 0
    """Of an exit."""


class RuntimeApi:
    """The server, on a free port of 127.0.0.1."""

    def __init__(
        self, *, freeze: Callable[[], None], thaw: Callable[[], None], stream_limit: int = STREAM_LIMIT
    ) -> None:
        """`freeze` is called when the client waits for an event, `thaw` before it gets one."""
        self.inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.freeze, self.thaw, self.stream_limit = freeze, thaw, stream_limit
        self.stream: ResponseStream | None = None
        """Of the event that the client has."""
        self._server = _Server((HOST, 0), _Handler)
        self._server.api = self
        self.port: int = self._server.server_address[1]
        self.address = f"{HOST}:{self.port}"
        threading.Thread(
            target=self._server.serve_forever, args=(CLOSING,), name="runtime api", daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening, and let go of a client that waits."""
        self.inbox.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    api: RuntimeApi

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: processes die with their connections open, that is what ExitError is for."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that header and body leave in one packet; two would wait for a delayed ACK.
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """The client asks for the next event, and waits."""
        if self.path != f"{PREFIX}/invocation/next":
            self._reply(HTTPStatus.NOT_FOUND)
            return
        api = self.server.api
        api.freeze()
        api.messages.put(Message("ready"))
        invocation = api.inbox.get()
        if invocation is None:
            self.close_connection = True
            return
        api.stream = invocation.stream
        api.thaw()
        self._reply(
            HTTPStatus.OK,
            invocation.event,
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
            ("Lambda-Runtime-Trace-Id", invocation.trace),
        )

    def do_POST(self) -> None:
        """The client answers an event, or could not start."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._take_stream()
            return
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if self.path == f"{PREFIX}/init/error":
            message = Message("init-error", body)
        elif match := re.fullmatch(rf"{PREFIX}/invocation/([^/]+)/(response|error)", self.path):
            message = Message("response" if match[2] == "response" else "error", body, match[1])
        else:
            self._reply(HTTPStatus.NOT_FOUND)
            return
        # Too large a response is accepted from the client and refused to the caller (sandbox.py): told so,
        # the client would end itself, which on Lambda it does not.
        self.server.api.messages.put(message)
        self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _take_stream(self) -> None:
        """Hand a streamed response on, as it comes.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
        """
        api = self.server.api
        collected: list[bytes] = []
        take = api.stream.put if api.stream else collected.append
        try:
            for piece in self._chunks(api.stream_limit):
                take(piece)
            trailers = http.client.parse_headers(self.rfile)
        except _StreamTooLarge:
            api.messages.put(Message("error", _TOO_LARGE))
            self._end_stream(api, broken=True)
            return
        except (ConnectionError, ValueError):
            # Whether the process died, gave up or said nonsense is seen from what it does next.
            self._end_stream(api, broken=True)
            return
        failed = ERROR_TYPE in trailers
        self._end_stream(api, broken=failed)
        error = base64.b64decode(trailers.get(ERROR_BODY, ""))
        api.messages.put(Message("error", error) if failed else Message("streamed", b"".join(collected)))
        self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _end_stream(self, api: RuntimeApi, *, broken: bool) -> None:
        self.close_connection = True
        if api.stream:
            api.stream.end(broken=broken)

    def _chunks(self, limit: int) -> Iterator[bytes]:
        """The body up to its trailers. Raises ConnectionError where it breaks off."""
        while left := int(self._line(), 16):
            limit -= left
            if limit < 0:
                raise _StreamTooLarge
            while left:
                piece = self.rfile.read1(min(left, _PIECE))
                if not piece:
                    raise ConnectionError("the response breaks off")
                left -= len(piece)
                yield piece
            self._line()

    def _line(self) -> bytes:
        line = self.rfile.readline(1024)
        if not line.endswith(b"\n"):
            raise ConnectionError("the response breaks off")
        return line.strip()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def _reply(self, status: HTTPStatus, body: bytes = b"", *headers: tuple[str, str]) -> None:
        self.send_response_only(status)
        for name, value in (("Content-Type", "application/json"), *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
