"""A response on its way to the client, piece by piece, through Lambda's Runtime API.

    POST /2018-06-01/runtime/invocation/ID/response, chunked
    {"statusCode": ..., "headers": ..., "cookies": ...}   the prelude: a payload without its body
    eight NUL bytes
    the body, as it is: no base64
    trailers, if it ends before its end

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html

Rules
1. What is to be sent is made here as bytes. Whoever sends it waits until the other side has taken it, so no
   app is faster than its client: WSGI blocks, ASGI waits on its loop (asgi.py).
2. Every piece leaves at once: the prelude together with the first one, Nagle's algorithm off.
3. A content-length is a promise: more is not sent, and less ends the response as an error.
4. `http.client` could do the sending, and its imports cost several milliseconds of cold start. What is needed
   of HTTP is one request and chunks.
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
"""What a payload has and a prelude has not."""


class Reply:
    """The response to one invocation; nothing is sent before `begin`."""

    def __init__(
        self, address: str, request_id: str, write_payload: Callable[[Response], dict[str, Any]]
    ) -> None:
        """`address` is the Runtime API's; `write_payload` is the event source's way of writing a head."""
        self._address, self._request_id, self._write_payload = address, request_id, write_payload
        self.method = ""
        """What was asked, as soon as it is known: a HEAD has no body."""
        self._connection: socket.socket | None = None
        self._unsent = b""
        """The head, until the first piece of the body goes out."""
        self._promised: int | None = None
        """How much of the promised length is left; None without a promise."""
        self._bodiless = False
        self.begun = False
        """Whether the first piece is on its way, and with it the head."""
        self.ended = False
        self.gone = False
        """Whether what is sent is no longer taken."""

    def begin(self, status: int, headers: Iterable[Pair]) -> None:
        """Fix status and headers, which the first piece takes along. Raises ResponseRefused."""
        head = wire.build_response(self.method, status, headers, None)
        length = dict(head.headers).get("content-length")
        payload = self._write_payload(head)
        prelude = {key: value for key, value in payload.items() if key not in BODY_KEYS}
        request = HEAD.format(request_id=self._request_id, address=self._address).encode()
        self._unsent = request + _write_chunk(json.dumps(prelude).encode() + DELIMITER)
        self._bodiless = self.method == "HEAD" or status in wire.BODILESS
        self._promised = int(length) if length and not self._bodiless else None

    def pack(self, piece: bytes, *, last: bool = False) -> bytes:
        """What to send for a piece of the body; for the last one, with the end of the response."""
        piece = b"".join((piece,))  # whatever is like bytes: the length counts bytes
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
        """What to send instead of the rest, so that the client sees the response break off."""
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
        """Send a response that is there already. Raises ResponseRefused, ClientGone."""
        self.begin(response.status, response.headers)
        self.send(self.pack(response.body, last=True))

    def send(self, data: bytes) -> None:
        """Send, and wait until all of it is taken. Raises ClientGone."""
        with self.connected() as connection:
            connection.setblocking(True)
            connection.sendall(data)

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """The connection, made for the first piece; what goes wrong with it ends as ClientGone."""
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
            # Cancelled with half a chunk on its way: whatever came next would be taken for the other half.
            self.gone = True
            raise

    def close(self) -> bytes:
        """End the connection; what the Runtime API says to the response, unless that is "accepted"."""
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
