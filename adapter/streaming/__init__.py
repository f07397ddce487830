"""Sends a response to the client, piece by piece, through Lambda's Runtime API.

    POST /2018-06-01/runtime/invocation/ID/response, chunked
    {"statusCode": ..., "headers": ..., "cookies": ...}   the prelude: a payload without its body
    eight NUL bytes
    the body, as it is: no base64
    trailers, if it ends before its end

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html

Rules
1. `pack` makes the bytes to send. A send waits until the other side has read them, so no app is faster than
   its client: WSGI blocks, ASGI waits on its loop (asgi.py).
2. Every piece is sent at once, the prelude with the first one; Nagle's algorithm is off.
3. The body must have the length in content-length. A longer one is not sent, and both end the response as an
   error.
4. `http.client` could send it, but its imports take several milliseconds of cold start, and one request with
   chunks needs little of HTTP.
"""

import json
import socket
import traceback
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lambdify.adapter import wire
from lambdify.adapter.errors import ClientGone, ProtocolBroken
from lambdify.adapter.messages import Pair, Response

HEAD = """\
POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r
Host: {address}\r
Content-Type: application/vnd.awslambda.http-integration-response\r
Lambda-Runtime-Function-Response-Mode: streaming\r
Transfer-Encoding: chunked\r
Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r
Connection: close\r
\r
"""
DELIMITER = bytes(8)
END = b"0\r\n\r\n"
BODY_KEYS = ("body", "isBase64Encoded")
"""Keys of a payload that a prelude does not have."""


class Reply:
    """The response to one invocation; nothing is sent before `begin`."""

    def __init__(
        self, address: str, request_id: str, write_payload: Callable[[Response], dict[str, Any]]
    ) -> None:
        """`address` is the Runtime API's; `write_payload` of the event source writes the head."""
        self._address, self._request_id, self._write_payload = address, request_id, write_payload
        self.method = ""
        """The method of the request, once it is known: a response to HEAD has no body."""
        self._connection: socket.socket | None = None
        self._unsent = b""
        """The head, until the first piece of the body goes out."""
        self._promised: int | None = None
        """Bytes left of the content-length; None without one."""
        self._bodiless = False
        self.begun = False
        """Whether the first piece is sent, with the head."""
        self.ended = False
        self.gone = False
        """Whether the other side has stopped reading."""
        self._unwanted: int | None = None
        """The status of a response that is not sent, since another one takes its place."""
        self._withheld = False

    @contextmanager
    def withholding(self, status: int) -> Iterator[None]:
        """Send no response of that status in the block; after it, `begun` says whether one was sent."""
        self._unwanted = status
        try:
            yield
        finally:
            if self._withheld:
                self.begun = self.ended = self._withheld = False
            self._unwanted = None

    def begin(self, status: int, headers: Iterable[Pair]) -> None:
        """Set status and headers, which are sent with the first piece. Raises ResponseRefused."""
        if status == self._unwanted:
            self._withheld = True
            return
        head = wire.build_response(self.method, status, headers, None)
        length = dict(head.headers).get("content-length")
        payload = self._write_payload(head)
        prelude = {key: value for key, value in payload.items() if key not in BODY_KEYS}
        request = HEAD.format(request_id=self._request_id, address=self._address).encode()
        self._unsent = request + _write_chunk(json.dumps(prelude).encode() + DELIMITER)
        self._bodiless = self.method == "HEAD" or status in wire.BODILESS
        self._promised = int(length) if length and not self._bodiless else None

    def pack(self, piece: bytes, *, last: bool = False) -> bytes:
        """Return the bytes to send for a piece of the body; for the last one with the end of the response.

        Raises ProtocolBroken if the length is not that of content-length.
        """
        if self._withheld:
            self.begun, self.ended = True, last
            return b""
        piece = b"".join((piece,))  # bytes-like objects become bytes, so that len() counts bytes
        if self._promised is not None:
            self._promised -= len(piece)
            if self._promised < 0:
                raise ProtocolBroken(f"the body is {-self._promised:,} bytes longer than its content-length")
            if self._promised > 0 and last:
                raise ProtocolBroken(f"the body is {self._promised:,} bytes shorter than its content-length")
        data = self._unsent
        if piece and not self._bodiless:
            data += _write_chunk(piece)
        self._unsent, self.begun, self.ended = b"", True, last
        return data + END if last else data

    def fail(self, error: BaseException) -> bytes:
        """Return the bytes to send instead of the rest, so that the client sees an incomplete response."""
        self.ended = True
        said = {
            "errorType": type(error).__name__,
            "errorMessage": str(error),
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
        body = b2a_base64(json.dumps(said).encode(), newline=False).decode()
        trailers = (
            f"Lambda-Runtime-Function-Error-Type: Function.{type(error).__name__}\r\n"
            f"Lambda-Runtime-Function-Error-Body: {body}\r\n"
        )
        return self._unsent + b"0\r\n" + trailers.encode() + b"\r\n"

    def send_whole(self, response: Response) -> None:
        """Send a complete response. Raises ResponseRefused, ClientGone."""
        self.begin(response.status, response.headers)
        self.send(self.pack(response.body, last=True))

    def send(self, data: bytes) -> None:
        """Send the bytes, and wait until they are read. Raises ClientGone."""
        with self.connected() as connection:
            connection.setblocking(True)
            connection.sendall(data)

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Yield the connection, made for the first piece. Its errors are raised as ClientGone."""
        if self.gone:
            raise ClientGone("the response is no longer read")
        try:
            if self._connection is None:
                host, _, port = self._address.rpartition(":")
                self._connection = socket.create_connection((host, int(port)))
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield self._connection
        except OSError as error:
            self.gone = True
            raise ClientGone("the response is no longer read") from error
        except BaseException:
            # Half a chunk may be sent: the next bytes would be taken for the other half.
            self.gone = True
            raise

    def close(self) -> bytes:
        """Close the connection. Return the Runtime API's answer; b"" if that is "202 Accepted" or none."""
        if self._connection is None:
            return b""
        answer = b""
        try:
            self._connection.setblocking(True)
            while self.ended and (received := self._connection.recv(65_536)):
                answer += received
        except OSError:
            pass
        finally:
            self._connection.close()
        return b"" if answer.startswith(b"HTTP/1.1 202 ") else answer


def _write_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
