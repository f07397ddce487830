"""The Runtime API takes streamed responses, and takes them for what they are when they break off."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambdify.adapter.errors import ClientGone
from lambdify.adapter.messages import Response
from lambdify.adapter.streaming import Reply
from lambdify.cli.local.functions.runtime_api import PREFIX, Invocation, RuntimeApi
from lambdify.cli.local.response_stream import ResponseStream, StreamBroken


def write_payload(response: Response) -> dict[str, Any]:
    return {"statusCode": response.status}


def send_forever(reply: Reply) -> None:
    while True:
        reply.send(reply.pack(bytes(10_000)))


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[RuntimeApi, Reply]]]:
    """A Runtime API whose client has taken an event, and the reply that the client makes."""
    started: list[RuntimeApi | Reply] = []

    def serve(stream: ResponseStream | None = None, **options: Any) -> tuple[RuntimeApi, Reply]:
        api = RuntimeApi(freeze=lambda: None, thaw=lambda: None, **options)
        started.append(api)
        api.hand_over(Invocation("1", b"{}", "arn", 0, "", stream))
        client = http.client.HTTPConnection(api.address)
        client.request("GET", f"{PREFIX}/invocation/next")
        assert client.getresponse().read() == b"{}"
        client.close()
        assert api.receive(5).kind == "ready"
        started.append(Reply(api.address, "1", write_payload))
        return api, started[-1]

    yield serve
    for each in started:
        each.close()


def test_pieces_go_to_the_stream_of_the_event(serve):
    stream = ResponseStream()
    api, reply = serve(stream)
    reply.send_whole(Response(200, (), b"hello"))
    assert reply.close() == b""
    assert json.loads(stream.read_prelude(5)) == {"statusCode": 200}
    assert list(stream) == [b"hello"]
    assert api.receive(5).kind == "streamed"


def test_without_a_stream_they_are_collected(serve):
    api, reply = serve()
    reply.send_whole(Response(200, (), b"hello"))
    reply.close()
    message = api.receive(5)
    assert (message.kind, message.body) == ("streamed", b'{"statusCode": 200}' + bytes(8) + b"hello")


def test_more_than_lambda_takes_is_cut_off(serve):
    stream = ResponseStream()
    api, reply = serve(stream, stream_limit=100_000)
    reply.begin(200, ())
    with pytest.raises(ClientGone):
        send_forever(reply)
    stream.read_prelude(5)
    with pytest.raises(StreamBroken):
        list(stream)
    message = api.receive(5)
    assert (message.kind, json.loads(message.body)["errorType"]) == ("error", "Function.ResponseSizeTooLarge")


@pytest.mark.parametrize("rest", [b"", b"5\r\nhal", b"nonsense\r\n", b"5\r\nhello\r\n"])
def test_a_response_that_breaks_off_is_no_answer(serve, rest):
    stream = ResponseStream()
    api, _ = serve(stream)
    host, _, port = api.address.partition(":")
    head = f"POST {PREFIX}/invocation/1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + b"a\r\n{}" + bytes(8) + b"\r\n" + rest)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024) == b""
    assert stream.read_prelude(5) == b"{}"
    with pytest.raises(StreamBroken):
        list(stream)
    assert api.receive(0).kind == "timeout"
