"""What HTTP/1 says about lengths, codings and connections, at the port of an endpoint.

https://www.rfc-editor.org/rfc/rfc9112
"""

import re
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from waiting import PATIENCE

from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.http_server import Server

Ask = Callable[[bytes], list[bytes]]


class Echo:
    """A server that answers with the request's path and body, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.server = Server(self._answer)

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, (), f"{request.method} {request.path} ".encode() + request.body)

    def exchange(self, data: bytes) -> list[bytes]:
        """Status and body of all answers, until the server ends the connection, unasked or asked."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return split(received)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.server.close()


def split(received: bytes) -> list[bytes]:
    """Status and body of each response."""
    starts = [match.start() for match in re.finditer(rb"HTTP/1\.1 \d{3} ", received)]
    found = []
    for begin, end in pairwise([*starts, len(received)]):
        head, _, body = received[begin:end].partition(b"\r\n\r\n")
        found.append(head[9:12] + b" " + body)
    return found


NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Answered where the connection has lived until then, and ends it."""
BAD = [b'400 {"message":"Bad Request"}']
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("length", [b"+5", b"1_0", b"-1", b"0x5", b" ", b"5 5", b"5, 5", b"\xb2", b"many"])
def test_what_is_no_length_is_refused_and_the_connection_closed(echo: Echo, length: bytes) -> None:
    assert echo.exchange(POST + b"Content-Length: " + length + b"\r\n\r\nhello12345" + NEXT) == BAD
    assert echo.asked == []


def test_two_lengths_are_refused(echo: Echo) -> None:
    two = b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"
    assert echo.exchange(POST + two + NEXT) == BAD


@pytest.mark.parametrize(
    "coding",
    [
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: identity, chunked",
        b"transfer-encoding: Chunked",
    ],
)
def test_chunks_are_the_body_whatever_stands_before_chunked(echo: Echo, coding: bytes) -> None:
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    assert echo.exchange(POST + coding + b"\r\n\r\n" + chunks + LAST) == [
        b"200 POST / hello",
        b"200 GET /last ",
    ]


@pytest.mark.parametrize("coding", [b"gzip", b"chunked, gzip", b"identity", b"chunked, chunked", b"xchunked"])
def test_a_body_whose_end_nobody_knows_is_refused(echo: Echo, coding: bytes) -> None:
    body = b"Transfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert echo.exchange(POST + body + NEXT) == BAD
    assert echo.asked == []


@pytest.mark.parametrize("first", [True, False])
def test_a_length_beside_chunks_closes_the_connection(echo: Echo, *, first: bool) -> None:
    """https://www.rfc-editor.org/rfc/rfc9112#section-6.1: an attempt at smuggling."""
    lines = [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"]
    body = b"\r\n0\r\n\r\n"
    answers = echo.exchange(POST + b"".join(lines if first else reversed(lines)) + body + NEXT)
    assert len(answers) == 1
    assert not any(b"/next" in answer for answer in answers)


def test_chunk_extensions_and_trailers_are_read(echo: Echo) -> None:
    chunks = b'5;a=b;c="d e"\r\nhello\r\n1;x\r\n!\r\n0;last\r\nX-Sum: 1\r\nHost: evil\r\n\r\n'
    answers = echo.exchange(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + LAST)
    assert answers == [b"200 POST / hello!", b"200 GET /last "]
    assert [pair for pair in echo.asked[0].headers if pair[0] in {"host", "x-sum"}] == [("host", "x")]


@pytest.mark.parametrize("size", [b"+5", b"-5", b"0x5", b"5_0", b"", b"g"])
def test_what_is_no_size_of_a_chunk_is_refused(echo: Echo, size: bytes) -> None:
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"
    assert echo.exchange(POST + chunks + NEXT) == BAD


# ---------------------------------------------------------------- versions and connections


@pytest.mark.parametrize("line", [b"GET /\r\n", b"GET /\n", b"GET / HTTP/0.9\r\n\r\n", b"nonsense\r\n"])
def test_a_line_of_http_0_9_is_answered_at_once(echo: Echo, line: bytes) -> None:
    assert echo.exchange(line) == BAD


@pytest.mark.parametrize("version", [b"2.0", b"3.0", b"1.7"])
def test_other_versions_are_answered_too(echo: Echo, version: bytes) -> None:
    answers = echo.exchange(b"GET / HTTP/" + version + b"\r\nHost: x\r\n\r\n")
    assert answers[0][:3] in {b"400", b"505"}
    assert len(answers) == 1


def test_a_client_of_http_1_0_may_keep_its_connection(echo: Echo) -> None:
    """`ab -k`: it waits for the word of the server."""
    ask = b"GET /%d HTTP/1.0\r\nHost: x\r\nConnection: %b\r\n\r\n"
    with socket.create_connection(("127.0.0.1", echo.server.port), timeout=PATIENCE) as connection:
        for number in range(3):
            connection.sendall(ask % (number, b"Keep-Alive"))
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nconnection: keep-alive\r\n" in answer.lower()
        connection.sendall(ask % (4, b"close"))
        assert b"\r\nconnection: close\r\n" in connection.recv(65536).lower()
        assert connection.recv(1) == b""


def test_a_client_of_http_1_0_that_says_nothing_gets_the_end_of_the_connection(echo: Echo) -> None:
    assert echo.exchange(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n" + NEXT) == [b"200 GET / "]


def test_requests_that_come_together_are_answered_in_their_order(echo: Echo) -> None:
    asked = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(5))
    answers = [b"200 GET /%d " % number for number in range(5)]
    assert echo.exchange(asked + LAST) == [*answers, b"200 GET /last "]


def test_an_offer_to_speak_another_protocol_is_passed_over(echo: Echo) -> None:
    """`curl --http2` says so with each request."""
    offer = b"GET /one HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    with_body = offer.replace(b"GET /one", b"POST /two").replace(
        b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nab"
    )
    answers = echo.exchange(offer + with_body + LAST)
    assert answers == [b"200 GET /one ", b"200 POST /two ab", b"200 GET /last "]


def test_a_request_that_comes_byte_by_byte_is_one_request(echo: Echo) -> None:
    with socket.create_connection(("127.0.0.1", echo.server.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in POST + b"X-A: 1\r\nContent-Length: 2\r\n\r\nab":
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).endswith(b"POST / ab")
    assert ("x-a", "1") in echo.asked[0].headers


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_head_that_is_none_is_refused(echo: Echo, head: bytes) -> None:
    assert echo.exchange(head + NEXT) == BAD
    assert echo.asked == []


def test_a_head_that_does_not_end_is_refused(echo: Echo) -> None:
    answers = echo.exchange(b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 200_000)
    assert [answer[:3] for answer in answers] in ([b"431"], [])
