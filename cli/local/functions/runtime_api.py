"""The Runtime API of one sandbox, as Lambda serves it to a runtime client:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

The client requests the next event, posts a response or an error, and requests the next one. `hand_over` gives
it an Invocation as its next event, `receive` returns each of its posts as a Message, and pieces of a streamed
response go to the Invocation's `stream`. No decision is made here.

The thread with the event writes it to the connection on which the client waits, and reads the answer there.
Waking up another thread would take more time than all the rest.
"""

import base64
import math
import os
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from http import HTTPStatus
from queue import SimpleQueue
from typing import Literal, NamedTuple

from lambdify.cli.local import hosts, peers
from lambdify.cli.local.http_reader import Head, Refused, RequestReader
from lambdify.cli.local.listener import HOST, Listener
from lambdify.cli.local.response_stream import ResponseStream

PREFIX = "/2018-06-01/runtime"
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
"""Bytes of a response that is not streamed. AWS documents 6 MB; the limit in Lambda's message is 6291556."""

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
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
    """The function's ARN, with the alias or version that was called."""
    deadline: int
    """Milliseconds since 1970."""
    trace: str
    stream: ResponseStream | None = None
    """Gets a streamed response; if it is None, the response is collected."""


class Message(NamedTuple):
    """What the client sent; or the end of the process, or a timeout."""

    kind: Literal["ready", "response", "streamed", "error", "init-error", "exit", "timeout"]
    body: bytes = b""
    request_id: str = ""
    code: int = 0
    """The return code, for an "exit"."""


class _Client:
    """A connection of the client, with the part of a request that has come."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.reader = connection, RequestReader(connection)
        self.head: Head | None = None
        self.body: list[bytes] = []
        self.in_own_thread = True
        """Whether the connection's own thread still reads it; afterwards `receive` does."""


class RuntimeApi:
    """The server on a free port of 127.0.0.1. Only one thread at a time may use `hand_over` and `receive`."""

    def __init__(
        self,
        *,
        freeze: Callable[[], None],
        thaw: Callable[[], None],
        stream_limit: int = STREAM_LIMIT,
        users: Collection[int] = (),
        names: Collection[str] = (),
    ) -> None:
        """`freeze` is called when the client waits for an event, `thaw` before it gets one.

        `users` are further users who may connect, `names` further names of this machine in Host headers.
        """
        self._users, self._names = {os.geteuid(), *users}, names
        self._freeze, self._thaw, self._stream_limit = freeze, thaw, stream_limit
        self._lock = threading.Lock()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._stream: ResponseStream | None = None
        """The stream of the event that the client has."""
        self._pending: Invocation | None = None
        self._waiting_client: _Client | None = None
        self._polled_clients: dict[int, _Client] = {}
        """The connections that `receive` reads, by file descriptor: those that have requested an event."""
        self._wake_reader, self._wake_writer = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._wake_reader, select.POLLIN)
        self._listener = Listener(self._serve)
        self.port = self._listener.port
        self.address = f"{HOST}:{self.port}"

    def hand_over(self, invocation: Invocation) -> None:
        """Send an event to the client, now or as soon as it requests one."""
        with self._lock:
            self._pending = invocation
            self._deliver()

    def receive(self, patience: float) -> Message:
        """Return the next message of the client; a "timeout" if none comes within `patience` seconds."""
        give_up = time.monotonic() + patience
        while True:
            if not self._messages.empty():
                return self._messages.get()
            left = max(0.0, give_up - time.monotonic())
            ready = self._poll.poll(math.ceil(left * 1000))
            numbers = [number for number, _ in ready]
            if self._wake_reader in numbers:  # first: posted messages are older than those on connections
                os.read(self._wake_reader, 4096)
            elif numbers:
                if message := self._read_from(self._polled_clients[numbers[0]]):
                    return message
            elif not left:
                return Message("timeout")

    def post(self, message: Message) -> None:
        """Let `receive` return the message; may be called in any thread."""
        self._messages.put(message)
        with self._lock, suppress(OSError):  # the pipe is closed after `close`
            os.write(self._wake_writer, b"!")

    def close(self) -> None:
        """Stop listening, and close all connections."""
        with self._lock:
            if self._wake_writer < 0:
                return
            os.close(self._wake_writer)
            self._wake_writer = -1
        self._listener.close()
        with self._lock:
            clients = tuple(self._polled_clients.values())
            self._polled_clients.clear()
        for client in clients:
            client.connection.close()
        os.close(self._wake_reader)

    def _deliver(self) -> None:
        """Send the event to the client, if both are there."""
        client, invocation = self._waiting_client, self._pending
        if client is None or invocation is None:
            return
        self._waiting_client = self._pending = None
        self._stream = invocation.stream
        self._thaw()
        # If the client has gone, the end of its process will tell.
        with suppress(OSError):
            client.connection.sendall(
                _write_reply(
                    HTTPStatus.OK,
                    invocation.event,
                    f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
                    f"Lambda-Runtime-Deadline-Ms: {invocation.deadline}\r\n"
                    f"Lambda-Runtime-Invoked-Function-Arn: {invocation.arn}\r\n"
                    f"Lambda-Runtime-Trace-Id: {invocation.trace}\r\n",
                )
            )

    def _serve(self, connection: socket.socket, _: str) -> None:
        """Read a new connection until it requests an event. From then on, `receive` reads it."""
        if not peers.is_one_of(connection, self._users):
            # A process outside of the sandbox could take its events.
            connection.close()
            return
        client = _Client(connection)
        while client.in_own_thread:
            if message := self._read_from(client):
                self.post(message)

    def _read_from(self, client: _Client) -> Message | None:
        """Read input of a connection. Return the message that it completes, if any."""
        try:
            client.reader.receive()
            while (part := client.reader.take()) is not None:
                if isinstance(part, bytes):
                    client.body.append(part)
                elif isinstance(part, Head):
                    client.head, client.body = part, []
                    if not self._is_from_sandbox(part):
                        client.connection.sendall(_write_reply(HTTPStatus.FORBIDDEN))
                        self._drop(client)
                        return None
                    if "chunked" in part.find("transfer-encoding").lower():
                        self._start_stream_thread(client)
                        return None
                else:
                    return self._read_message(client)
        except (EOFError, OSError, Refused):
            self._drop(client)
        return None

    def _is_from_sandbox(self, head: Head) -> bool:
        """Return whether the request is to a name of this machine, and from no page in a browser."""
        to_us = hosts.is_ours(head.find("host") or HOST, self._names)
        return to_us and not peers.comes_from_page(name for name, _ in head.headers)

    def _read_message(self, client: _Client) -> Message | None:
        """Answer a whole request, and return its message; a request for an event is a "ready"."""
        assert client.head
        method, target = client.head.method, client.head.target
        body, answer = b"".join(client.body), _ANSWER.fullmatch(target)
        if method == "GET" and target == _NEXT:
            self._freeze()
            self._await_event(client)
            return Message("ready")
        if method == "POST" and target == _INIT_ERROR:
            message = Message("init-error", body)
        elif method == "POST" and answer:
            message = Message("response" if answer[2] == "response" else "error", body, answer[1])
        else:
            client.connection.sendall(_write_reply(HTTPStatus.NOT_FOUND))
            return None
        # Too large a response is accepted here, and the caller gets the error (sandbox.py): a refusal would
        # end the client, which on Lambda goes on.
        client.connection.sendall(_write_reply(HTTPStatus.ACCEPTED, _ACCEPTED))
        return message

    def _await_event(self, client: _Client) -> None:
        """Note that the client waits for an event on this connection, and deliver one if it is there."""
        number = client.connection.fileno()
        client.in_own_thread = False
        with self._lock:
            self._waiting_client = client
            if number not in self._polled_clients:
                self._polled_clients[number] = client
                self._poll.register(number, select.POLLIN)
            self._deliver()

    def _drop(self, client: _Client) -> None:
        self._stop_polling(client)
        client.connection.close()

    def _stop_polling(self, client: _Client) -> None:
        """Let neither `receive` nor the connection's thread read it any more."""
        client.in_own_thread = False
        number = client.connection.fileno()
        with self._lock:
            if self._polled_clients.pop(number, None):
                self._poll.unregister(number)
            if self._waiting_client is client:
                self._waiting_client = None

    def _start_stream_thread(self, client: _Client) -> None:
        """Give the connection to the response, with a thread of its own, which may wait for the reader."""
        self._stop_polling(client)
        threading.Thread(target=self._receive_stream, args=(client,), name="stream", daemon=True).start()

    def _receive_stream(self, client: _Client) -> None:
        """Pass a streamed response on as it comes.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
        """
        stream = self._stream
        collected: list[bytes] = []
        take = stream.put if stream else collected.append
        left = self._stream_limit
        with client.connection:
            try:
                for piece in client.reader.pieces():
                    left -= len(piece)
                    if left < 0:
                        self.post(Message("error", _TOO_LARGE))
                        _end(stream, broken=True)
                        return
                    take(piece)
            except (OSError, Refused):
                # The next message tells whether the process has died, given up or sent malformed input.
                _end(stream, broken=True)
                return
            trailers = dict(client.reader.trailers)
            failed = ERROR_TYPE.lower() in trailers
            _end(stream, broken=failed)
            error = base64.b64decode(trailers.get(ERROR_BODY.lower(), ""))
            self.post(Message("error", error) if failed else Message("streamed", b"".join(collected)))
            with suppress(OSError):
                client.connection.sendall(_write_reply(HTTPStatus.ACCEPTED, _ACCEPTED))


def _end(stream: ResponseStream | None, *, broken: bool) -> None:
    if stream:
        stream.end(broken=broken)


def _write_reply(status: HTTPStatus, body: bytes = b"", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
