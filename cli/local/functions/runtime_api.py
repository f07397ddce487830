"""The Runtime API of one sandbox, as Lambda serves it to a runtime client:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

The client asks for the next event, posts a response or an error, and asks again. What it says becomes a
Message in `messages`, pieces of a streamed response go to the Invocation's `stream`; an Invocation put into
`inbox` is its next event. No decision is made here.

A client that waits for an event is a connection that waits: whoever has an event writes it there. No thread
has to wake up for that, which is what most of the time of an event would go to.
"""

import base64
import re
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from queue import SimpleQueue
from typing import Literal, NamedTuple

from lambdify.cli.local.http_reader import Head, Refused, RequestReader
from lambdify.cli.local.listener import HOST, Listener
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
_NEXT = f"{PREFIX}/invocation/next"
_INIT_ERROR = f"{PREFIX}/init/error"
_ANSWER = re.compile(rf"{PREFIX}/invocation/([^/]+)/(response|error)")
_ACCEPTED = b'{"status":"OK"}'


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


class Inbox:
    """Events on their way to the client: each goes to the connection that asked first."""

    def __init__(self, thaw: Callable[[], None]) -> None:
        self.stream: ResponseStream | None = None
        """Of the event that the client has."""
        self._thaw = thaw
        self._lock = threading.Lock()
        self._asking: deque[socket.socket] = deque()
        self._waiting: deque[Invocation] = deque()

    def put(self, invocation: Invocation) -> None:
        """Send it to the client, now or as soon as it asks."""
        with self._lock:
            self._waiting.append(invocation)
            self._match()

    def ask(self, connection: socket.socket) -> None:
        """The client waits for an event there."""
        with self._lock:
            self._asking.append(connection)
            self._match()

    def _match(self) -> None:
        while self._asking and self._waiting:
            connection, invocation = self._asking.popleft(), self._waiting.popleft()
            self.stream = invocation.stream
            self._thaw()
            # A client that has gone is seen from its process's end.
            with suppress(OSError):
                connection.sendall(
                    _write_reply(
                        HTTPStatus.OK,
                        invocation.event,
                        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
                        f"Lambda-Runtime-Deadline-Ms: {invocation.deadline}\r\n"
                        f"Lambda-Runtime-Invoked-Function-Arn: {invocation.arn}\r\n"
                        f"Lambda-Runtime-Trace-Id: {invocation.trace}\r\n",
                    )
                )


class RuntimeApi:
    """The server, on a free port of 127.0.0.1."""

    def __init__(
        self, *, freeze: Callable[[], None], thaw: Callable[[], None], stream_limit: int = STREAM_LIMIT
    ) -> None:
        """`freeze` is called when the client waits for an event, `thaw` before it gets one."""
        self.inbox = Inbox(thaw)
        self.messages: SimpleQueue[Message] = SimpleQueue()
        self._freeze, self._stream_limit = freeze, stream_limit
        self._listener = Listener(self._serve)
        self.port = self._listener.port
        self.address = f"{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening, and let go of a client that waits."""
        self._listener.close()
        self._listener.hang_up()

    def _serve(self, connection: socket.socket, _: str) -> None:
        """One connection of the client, to its end."""
        reader = RequestReader(connection)
        with suppress(Refused):
            while head := reader.read():
                chunked = "chunked" in head.find("transfer-encoding").lower()
                if head.method == "POST" and chunked:
                    # The connection is the response's own; whether it broke off is seen from its end.
                    self._take_stream(connection, reader)
                    return
                body = b"".join(reader.pieces())
                if head.method == "GET" and head.target == _NEXT:
                    self._freeze()
                    # In this order: whoever hears of it may have an event at once.
                    self.messages.put(Message("ready"))
                    self.inbox.ask(connection)
                else:
                    self._take_message(connection, head, body)

    def _take_message(self, connection: socket.socket, head: Head, body: bytes) -> None:
        """The client answers an event, or could not start."""
        found = _ANSWER.fullmatch(head.target)
        if head.method == "POST" and head.target == _INIT_ERROR:
            message = Message("init-error", body)
        elif head.method == "POST" and found:
            message = Message("response" if found[2] == "response" else "error", body, found[1])
        else:
            connection.sendall(_write_reply(HTTPStatus.NOT_FOUND))
            return
        # Too large a response is accepted from the client and refused to the caller (sandbox.py): told so,
        # the client would end itself, which on Lambda it does not.
        self.messages.put(message)
        connection.sendall(_write_reply(HTTPStatus.ACCEPTED, _ACCEPTED))

    def _take_stream(self, connection: socket.socket, reader: RequestReader) -> None:
        """Hand a streamed response on, as it comes.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
        """
        stream = self.inbox.stream
        collected: list[bytes] = []
        take = stream.put if stream else collected.append
        left = self._stream_limit
        try:
            for piece in reader.pieces():
                left -= len(piece)
                if left < 0:
                    self.messages.put(Message("error", _TOO_LARGE))
                    _end(stream, broken=True)
                    return
                take(piece)
        except (OSError, Refused):
            # Whether the process died, gave up or said nonsense is seen from what it does next.
            _end(stream, broken=True)
            return
        trailers = dict(reader.trailers)
        failed = ERROR_TYPE.lower() in trailers
        _end(stream, broken=failed)
        error = base64.b64decode(trailers.get(ERROR_BODY.lower(), ""))
        self.messages.put(Message("error", error) if failed else Message("streamed", b"".join(collected)))
        connection.sendall(_write_reply(HTTPStatus.ACCEPTED, _ACCEPTED))


def _end(stream: ResponseStream | None, *, broken: bool) -> None:
    if stream:
        stream.end(broken=broken)


def _write_reply(status: HTTPStatus, body: bytes = b"", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
