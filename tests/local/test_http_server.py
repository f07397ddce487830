"""The HTTP server of gateways and control: what arrives, and what leaves, byte for byte."""

import http.client
import socket
import threading
from collections.abc import Callable, Generator, Iterator

import httpx
import pytest

from lambdify.adapter.messages import Headers, Request, Response
from lambdify.cli.local.http_server import BODY_LIMIT, Server, StreamedResponse
from lambdify.cli.local.response_stream import StreamBroken

Serve = Callable[[Response | StreamedResponse], tuple[str, list[Request]]]
OK = Response(200, (("content-type", "text/plain"),), b"fine")


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(response: Response | StreamedResponse) -> tuple[str, list[Request]]:
        asked: list[Request] = []

        def answer(request: Request) -> Response | StreamedResponse:
            asked.append(request)
            return response

        servers.append(Server(answer))
        return servers[-1].url, asked

    yield start
    for server in servers:
        server.close()


def exchange(url: str, data: bytes) -> bytes:
    """Everything that the server sends for those bytes until it closes the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_arrives_as_it_was_sent(serve: Serve) -> None:
    url, asked = serve(OK)
    exchange(
        url,
        b"PUT /a%2Fb//c%20d?q=%20+&q=2 HTTP/1.1\r\nHost: shop.test:8000\r\n"
        b"X-One: 1\r\nx_under: 2\r\nX-ONE: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\x00\xff\r\n",
    )
    request = asked[0]
    assert (request.method, request.path, request.query) == ("PUT", "/a%2Fb//c%20d", "q=%20+&q=2")
    assert [pair for pair in request.headers if pair[0].startswith("x")] == [
        ("x-one", "1"),
        ("x_under", "2"),
        ("x-one", "3"),
    ]
    assert (request.scheme, request.host, request.port, request.client) == (
        "http",
        "shop.test",
        8000,
        "127.0.0.1",
    )
    assert request.body == b"\x00\xff\r\n"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/?", "/", ""),
        ("http://shop.test/a?b=c", "/a", "b=c"),
        ("http://shop.test", "/", ""),
        ("/a?url=http://x/y?z", "/a", "url=http://x/y?z"),
        ("/http://x", "/http://x", ""),
    ],
)
def test_the_target_may_be_written_in_several_ways(serve: Serve, target: str, path: str, query: str) -> None:
    url, asked = serve(OK)
    exchange(url, f"GET {target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
    assert (asked[0].path, asked[0].query) == (path, query)


def test_a_chunked_body_is_put_together(serve: Serve) -> None:
    url, asked = serve(OK)
    httpx.post(url, content=iter([b"one ", b"two"]))
    assert asked[0].body == b"one two"


def test_a_client_that_waits_for_100_continue_gets_it(serve: Serve) -> None:
    url, _ = serve(OK)
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ab")
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_connection_serves_several_requests(serve: Serve) -> None:
    url, asked = serve(OK)
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    for body in (b"1", b"", b"3"):
        connection.request("POST", "/", body)
        assert connection.getresponse().read() == b"fine"
    connection.close()
    assert [request.body for request in asked] == [b"1", b"", b"3"]


def test_a_body_over_the_limit_is_refused_and_the_client_can_read_why(serve: Serve) -> None:
    url, asked = serve(OK)
    for body in (b"x" * (BODY_LIMIT + 1), iter([b"x" * BODY_LIMIT, b"y"])):
        answer = httpx.post(url, content=body)
        assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    assert asked == []
    assert httpx.post(url, content=b"x" * BODY_LIMIT).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Content-Length: many", "Content-Length: -1", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(serve: Serve, header: str) -> None:
    url, asked = serve(OK)
    answer = exchange(url, f"POST / HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\nno chunk\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert asked == []


def test_every_header_and_cookie_leaves_as_the_app_gave_it(serve: Serve) -> None:
    cookies = (("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/"))
    url, _ = serve(Response(201, (("x-name", "caf\xe9"), *cookies), b"\x00\xff"))
    answer = httpx.get(url)
    assert answer.status_code == 201
    assert answer.content == b"\x00\xff"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2; Path=/"]
    assert (b"x-name", b"caf\xe9") in [(name.lower(), value) for name, value in answer.headers.raw]


def test_a_head_request_gets_the_headers_only(serve: Serve) -> None:
    url, _ = serve(Response(200, (("content-length", "1234"),), b""))
    answer = exchange(url, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"content-length: 1234\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_some_responses_have_no_body(serve: Serve, status: int) -> None:
    url, _ = serve(Response(status, (), b""))
    answer = exchange(url, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"content-length" not in answer.lower()
    assert answer.endswith(b"\r\n\r\n")


def test_headers_of_the_connection_are_the_servers_own(serve: Serve) -> None:
    url, _ = serve(
        Response(200, (("connection", "close"), ("transfer-encoding", "chunked"), ("content-length", "9")))
    )
    answer = httpx.get(url)
    assert answer.headers["content-length"] == "0"
    assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize(
    "response", [Response(200, (("x", "a\r\nset-cookie: b"),)), Response(600), Response(99)]
)
def test_a_response_that_cannot_be_sent_becomes_an_error(serve: Serve, response: Response) -> None:
    url, _ = serve(response)
    answer = httpx.get(url)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert "set-cookie" not in answer.headers


def test_a_mistake_of_ours_is_an_error_and_the_server_goes_on() -> None:
    def answer(request: Request) -> Response:
        return OK if request.path == "/good" else Response(*[])  # type: ignore[call-arg]

    server = Server(answer)
    try:
        assert httpx.get(server.url).status_code == 500
        assert httpx.get(f"{server.url}/good").text == "fine"
    finally:
        server.close()


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        Server(lambda _: OK, other.getsockname()[1])


def test_a_closed_server_refuses_connections(serve: Serve) -> None:
    server = Server(lambda _: OK)
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


# ---------------------------------------------------------------- a response that is still being made


class Pieces:
    """A streamed response that the test feeds, and sees closed."""

    def __init__(self, *pieces: bytes, headers: Headers = (), broken: bool = False) -> None:
        self.closed = threading.Event()
        self.go_on = threading.Event()
        self.response = StreamedResponse(200, headers, self._make(pieces, broken=broken))

    def _make(self, pieces: tuple[bytes, ...], *, broken: bool) -> Generator[bytes]:
        try:
            for piece in pieces:
                yield piece
                self.go_on.wait(60)
            if broken:
                raise StreamBroken
        finally:
            self.closed.set()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_each_piece_arrives_before_the_next_one_is_made(serve: Serve) -> None:
    pieces = Pieces(b"one", b"two")
    url, _ = serve(pieces.response)
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.read1() == b"one"
    pieces.go_on.set()
    assert answer.read() == b"two"
    connection.request("GET", "/")  # and the connection stays
    assert connection.getresponse().read() == b""
    connection.close()


@pytest.mark.parametrize("headers", [(), (("content-length", "6"),)])
def test_a_response_that_breaks_off_is_a_connection_that_breaks_off(serve: Serve, headers: Headers) -> None:
    pieces = Pieces(b"one", headers=headers, broken=True)
    pieces.go_on.set()
    url, _ = serve(pieces.response)
    with httpx.stream("GET", url) as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    assert answer.status_code == 200


def test_a_length_that_the_function_gave_stays(serve: Serve) -> None:
    pieces = Pieces(b"one", b"two", headers=(("content-length", "6"),))
    pieces.go_on.set()
    url, _ = serve(pieces.response)
    answer = httpx.get(url)
    assert (answer.headers["content-length"], answer.content) == ("6", b"onetwo")
    assert "transfer-encoding" not in answer.headers


def test_a_client_that_knows_no_chunks_gets_the_body_up_to_the_end_of_the_connection(serve: Serve) -> None:
    pieces = Pieces(b"one", b"two")
    pieces.go_on.set()
    url, _ = serve(pieces.response)
    answer = exchange(url, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nonetwo")
    assert b"chunked" not in answer


def test_a_head_is_answered_without_waiting_for_the_body(serve: Serve) -> None:
    pieces = Pieces(b"one")
    url, _ = serve(pieces.response)
    answer = exchange(
        url, GET.replace(b"GET", b"HEAD").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert answer.endswith(b"\r\n\r\n")


def test_a_streamed_response_with_a_broken_header_is_refused(serve: Serve) -> None:
    pieces = Pieces(b"one", headers=(("a", "b\r\nc: d"),))
    url, _ = serve(pieces.response)
    assert httpx.get(url).status_code == 500


def test_a_client_that_goes_is_noticed(serve: Serve) -> None:
    pieces = Pieces(*[bytes(65_536)] * 1000)
    pieces.go_on.set()
    url, _ = serve(pieces.response)
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(GET)
        connection.recv(1024)
    assert pieces.closed.wait(60)
