"""The way from a running command to its caller: the response that Lambda streams, and the function's log.

InvokeWithResponseStream hands the frames on as they come, whatever endpoint the stage has:
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html

Rules
1. No output is held back, and none is dropped: a slow caller slows the command.
2. A caller that has gone stops nothing: the command goes on to its end, and writes to the log.
3. Beyond what Lambda streams, only the log has the output, and the end says that it was cut. The command goes
   on, since half of its work may be worse than none.
"""

import logging
import socket
import sys

from lambdify.adapter.commands import frames
from lambdify.adapter.commands.frames import STDERR, STDOUT

LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"""
RESERVE = 64 * 1024
"""Bytes of them for frames without output, which go on when it is cut."""
LONGEST_LINE = 64 * 1024
"""Bytes of a line that the log holds back until its end comes."""
HEAD = """\
POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r
Host: {address}\r
Content-Type: application/octet-stream\r
Lambda-Runtime-Function-Response-Mode: streaming\r
Transfer-Encoding: chunked\r
Connection: close\r
\r
"""


class Caller:
    """The caller of one invocation."""

    def __init__(self, address: str, request_id: str, *, limit: int = LIMIT) -> None:
        """Begin the response. `address` is the Runtime API's. Raises OSError."""
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = limit - RESERVE
        self._gone = False
        self.is_cut = False
        """Whether output was left out, since the response may be no longer."""
        self._send(HEAD.format(request_id=request_id, address=address).encode())

    def send(self, kind: int, data: bytes = b"") -> None:
        """Send a frame, and return when it is on its way."""
        frame = frames.write(kind, data)
        if kind in (STDOUT, STDERR):
            self.is_cut = self.is_cut or len(frame) > self._left
            if self.is_cut:
                return
            self._left -= len(frame)
        self._send(b"%x\r\n%b\r\n" % (len(frame), frame))

    def close(self) -> None:
        """End the response, and wait until the Runtime API has taken it."""
        self._send(b"0\r\n\r\n")
        answer = b""
        try:
            while not self._gone and (piece := self._socket.recv(65_536)):
                answer += piece
        except OSError:
            self._gone = True
        self._socket.close()
        if not self._gone and not answer.startswith(b"HTTP/1.1 202 "):
            logging.getLogger("lambdify.adapter").error("Lambda refused a streamed response: %r", answer)

    def abandon(self) -> None:
        """Break the response off, so that Lambda reports an error."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        if self._gone:
            return
        try:
            self._socket.sendall(data)
        except OSError:
            self._gone = True


class Log:
    """The log of the function, which gets whole lines."""

    def __init__(self) -> None:
        self._held = {STDOUT: b"", STDERR: b""}

    def write(self, kind: int, data: bytes) -> None:
        """Log the lines that are complete."""
        whole, newline, begun = (self._held[kind] + data).rpartition(b"\n")
        if len(begun) > LONGEST_LINE:
            whole, newline, begun = whole + newline + begun, b"\n", b""
        self._held[kind] = begun
        if newline:
            _print(whole)

    def close(self) -> None:
        """Log what has no line break at its end."""
        for begun in filter(None, self._held.values()):
            _print(begun)


def _print(lines: bytes) -> None:
    print(lines.decode(errors="replace"), flush=True, file=sys.stdout)
