"""What somebody may send to the local endpoint to take it down, or to be taken for somebody else: in small.

All of it held when it was tried at full size; this keeps it so.
"""

import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from waiting import PATIENCE

from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.http_server import BODY_LIMIT, Server

IDLE = 300
SLOW = 50


class Target:
    """A server, and the paths that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.server = Server(self._answer)
        self.url = self.server.url

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, (), b"fine")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=10)

    def exchange(self, data: bytes) -> bytes:
        """What comes for those bytes until the server is done with the connection, or says nothing more."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                connection.settimeout(1)
                return b"".join(iter(lambda: connection.recv(65536), b""))
            except (ConnectionError, TimeoutError):
                return b""


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.server.close()


def is_well(target: Target) -> bool:
    # A connection is given longer than that for its next request: whoever waited for another is not served.
    return httpx.get(f"{target.url}/well", timeout=PATIENCE).text == "fine"


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "length and chunks": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "chunks and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "a list of lengths": POST + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED,
    "a plus": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "an underscore": POST + b"Content-Length: 0_0\r\n\r\n" + SMUGGLED,
    "less than nothing": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length over 64 bits": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + SMUGGLED,
    "a chunk over 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n" + SMUGGLED,
    "a coding nobody knows": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding after a tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n" + SMUGGLED,
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n" + SMUGGLED,
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n" + SMUGGLED,
    "bare CR": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n" + SMUGGLED,
    "space before the colon": POST + b"Content-Length : 40\r\n\r\n" + SMUGGLED,
    "a line without a colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n" + SMUGGLED,
    "no version": b"GET /\r\n" + SMUGGLED,
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a method of small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
    "a head of 200 kB": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 200_000 + b"\r\n\r\n" + SMUGGLED,
    "an address of 200 kB": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "trailers of 200 kB": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"b" * 200_000,
    "an extension of 200 kB": POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"b" * 200_000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_or_cut_off_and_hides_no_other(target: Target, name: str) -> None:
    answer = target.exchange(MALFORMED[name])
    assert answer[:13] in {b"", b"HTTP/1.1 400 ", b"HTTP/1.1 431 "}, answer[:200]
    assert "/smuggled" not in [request.path for request in target.asked]
    assert is_well(target)


def test_a_body_over_the_limit_costs_no_memory(target: Target) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pieces = (bytes(1024 * 1024) for _ in range(100))
    assert httpx.post(target.url, content=pieces, timeout=60).status_code == 413
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    assert (after - before) * unit < 4 * BODY_LIMIT
    assert is_well(target)


@pytest.mark.slow
def test_idle_connections_keep_nobody_out(target: Target) -> None:
    with ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(target.connect())
        assert is_well(target)
    give_up = time.monotonic() + PATIENCE
    while left := [each for each in threading.enumerate() if each.name == f"client of {target.server.port}"]:
        assert time.monotonic() < give_up, f"{len(left)} threads are left of connections that have ended"


def test_clients_that_send_a_head_byte_by_byte_keep_nobody_out(target: Target) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(target.connect()) for _ in range(SLOW)]
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: 1":
            for connection in slow:
                connection.sendall(bytes([byte]))
        assert is_well(target)
        assert [request.path for request in target.asked] == ["/well"]


def test_a_client_that_goes_in_the_middle_of_a_request_is_forgotten(target: Target) -> None:
    for begun in (
        b"GET",
        POST,
        POST + b"Content-Length: 10\r\n\r\nhal",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ):
        with target.connect() as connection:
            connection.sendall(begun)
    assert is_well(target)
    assert [request.path for request in target.asked] == ["/well"]


def test_a_client_that_never_reads_is_cut_off_alone(target: Target) -> None:
    with target.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert is_well(target)
