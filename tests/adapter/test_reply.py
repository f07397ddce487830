"""A streamed response, against a Runtime API that the test plays: every byte, and what if it hangs up."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.errors import ClientGone, ProtocolBroken
from lambdify.adapter.messages import Request, Response
from lambdify.adapter.streaming import HEAD, Reply

from .runtime_api import RuntimeApi, chunk

GET = Request(method="GET", path="/")


def write_payload(response: Response) -> dict[str, Any]:
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": "",
        "isBase64Encoded": False,
    }


@pytest.fixture
def reply(api: RuntimeApi) -> Iterator[Reply]:
    reply = Reply(api.address, "42", write_payload)
    yield reply
    reply.close()


@pytest.fixture
def beside() -> Iterator[Callable[..., "Beside"]]:
    """Run something in a thread, and have what it returned."""
    started: list[Beside] = []

    def run(work: Callable[..., Any], *arguments: Any) -> "Beside":
        started.append(Beside(work, *arguments))
        return started[-1]

    yield run
    for each in started:
        each.result()


class Beside(threading.Thread):
    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        super().__init__(daemon=True)
        self._work, self._arguments, self._result = work, arguments, None
        self.start()

    def run(self) -> None:
        self._result = self._work(*self._arguments)

    def result(self) -> Any:
        self.join(60)
        assert not self.is_alive()
        return self._result


def test_a_response_is_one_request_of_prelude_delimiter_and_body(api, reply, beside):
    received = beside(api.read_all)
    reply.begin(200, [("Content-Type", "text/plain"), ("Connection", "close")])
    reply.send(reply.pack(b"hello "))
    reply.send(reply.pack(b""))
    reply.send(reply.pack(b"world", last=True))
    assert reply.close() == b""
    head = HEAD.format(request_id="42", address=api.address).encode()
    prelude = b'{"statusCode": 200, "headers": {"content-type": "text/plain"}}' + bytes(8)
    assert received.result() == head + chunk(prelude) + chunk(b"hello ") + chunk(b"world") + b"0\r\n\r\n"


def test_what_went_wrong_is_told_in_trailers(api, reply, beside):
    received = beside(api.read_all)
    reply.begin(200, [])
    reply.send(reply.pack(b"half"))
    reply.send(reply.fail(LookupError("the other half")))
    reply.close()
    trailers = received.result().rpartition(chunk(b"half") + b"0\r\n")[2]
    fields = dict(line.split(": ", 1) for line in trailers.decode().strip().split("\r\n"))
    assert fields["Lambda-Runtime-Function-Error-Type"] == "Function.LookupError"
    said = json.loads(base64.b64decode(fields["Lambda-Runtime-Function-Error-Body"]))
    assert said == {"errorType": "LookupError", "errorMessage": "the other half", "stackTrace": []}


@pytest.mark.parametrize("length", ["+5", "five", "", "-1"])
def test_a_content_length_that_is_no_number_is_left_out(reply, length):
    reply.begin(200, [("content-length", length)])
    assert b"content-length" not in reply.pack(b"hello", last=True)


def test_more_than_was_promised_is_not_sent(reply):
    reply.begin(200, [("content-length", "3")])
    reply.pack(b"abc")
    with pytest.raises(ProtocolBroken, match="1 bytes longer"):
        reply.pack(b"d")


def test_less_than_was_promised_is_no_end(reply):
    reply.begin(200, [("content-length", "3")])
    with pytest.raises(ProtocolBroken, match="1 bytes shorter"):
        reply.pack(b"ab", last=True)
    assert b'"content-length": "3"' in reply.fail(ProtocolBroken("shorter"))  # the head was not lost with it


def test_what_the_runtime_api_refuses_is_told(api, reply, beside):
    beside(api.read_all, b"HTTP/1.1 413 Too Large\r\n\r\n{}")
    reply.send_whole(Response(200, (), b"hello"))
    assert reply.close() == b"HTTP/1.1 413 Too Large\r\n\r\n{}"


def test_a_runtime_api_that_hangs_up_without_a_word_says_nothing(api, reply, beside):
    beside(api.hang_up_after, b"0\r\n\r\n")
    reply.send_whole(Response(200, (), b"hello"))
    assert reply.close() == b""


def test_a_runtime_api_that_is_not_there_is_a_client_that_is_gone(api, reply):
    api.close()
    reply.begin(200, [])
    with pytest.raises(ClientGone):
        reply.send(reply.pack(b"hello"))
    assert reply.gone
    with pytest.raises(ClientGone):
        reply.send(b"more")


# ---------------------------------------------------------------- when nobody reads any more


def test_the_iterable_of_a_wsgi_app_is_closed(api, reply, beside):
    closed: list[bool] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield bytes(65_536)
        finally:
            closed.append(True)

    beside(api.hang_up_after, bytes(1000))
    with pytest.raises(ClientGone):
        Adapter(app, interface="wsgi").stream(GET, {}, None, reply)
    assert closed == [True]
    assert reply.gone


@pytest.fixture(params=["at once", "after a wait"])
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Adapter]]:
    """Adapters that end with the test, of apps that begin to answer in the two ways of `event_loop`."""
    adapters: list[Adapter] = []

    def serve(app: Any) -> Adapter:
        async def with_lifespan(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                if request.param == "after a wait":
                    await asyncio.sleep(0)
                await app(scope, receive, send)

        adapters.append(Adapter(with_lifespan))
        return adapters[-1]

    yield serve
    for adapter in adapters:
        adapter.close()


START = {"type": "http.response.start", "status": 200, "headers": []}


def body(data: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_an_asgi_app_that_sends_hears_an_oserror(api, reply, beside, serve):
    heard: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            while True:
                await send(body(bytes(65_536)))
        except OSError as error:
            heard.append(error)
            raise

    beside(api.hang_up_after, bytes(1000))
    with pytest.raises(ClientGone):
        serve(app).stream(GET, {}, None, reply)
    assert [type(error) for error in heard] == [ClientGone]


def test_an_asgi_app_that_listens_hears_a_disconnect(api, reply, beside, serve):
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send(body(b"first"))
        heard.append((await receive())["type"])

    beside(api.hang_up_after, b"first")
    with pytest.raises(ProtocolBroken, match="returned before its response was complete"):
        serve(app).stream(GET, {}, None, reply)
    assert heard == ["http.disconnect"]
    assert reply.gone


# ---------------------------------------------------------------- ASGI


def test_nothing_is_sent_before_the_first_body_message_which_may_be_empty(reply, api, beside, serve):
    begun: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        begun.append(reply.begun)
        await send(body(b""))
        begun.append(reply.begun)
        await send(body(b"", more=False))

    received = beside(api.read_all)
    serve(app).stream(GET, {}, None, reply)
    reply.close()
    assert begun == [False, True]
    assert received.result().endswith(bytes(8) + b"\r\n0\r\n\r\n")


def test_pieces_of_two_tasks_stay_whole(reply, api, beside, serve):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)

        async def write(letter: bytes) -> None:
            for _ in range(20):
                await send(body(letter * 500_000))

        await asyncio.gather(write(b"a"), write(b"b"))
        await send(body(b"", more=False))

    received = beside(api.read_all)
    serve(app).stream(GET, {}, None, reply)
    reply.close()
    data = received.result()
    assert data.count(chunk(b"a" * 500_000)) == data.count(chunk(b"b" * 500_000)) == 20


def test_a_send_that_is_cancelled_ends_the_response(reply, api, serve):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        async with asyncio.timeout(0.1):
            await send(body(bytes(50_000_000)))  # nobody reads

    with pytest.raises(TimeoutError):
        serve(app).stream(GET, {}, None, reply)
    assert reply.gone


@pytest.mark.slow
def test_the_disconnect_comes_after_the_last_piece_however_slow_the_client_is(reply, api, beside, serve):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def write() -> None:
            await send(START)
            await send(body(b"a" * 20_000_000, more=False))

        writing = asyncio.create_task(write())
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        writing.cancel()  # as servers of event streams do

    def read_late() -> bytes:
        time.sleep(0.3)
        return api.read_all()

    received = beside(read_late)
    serve(app).stream(GET, {}, None, reply)
    reply.close()
    assert received.result().endswith(b"a\r\n0\r\n\r\n")


def test_an_app_that_raises_after_its_answer_has_answered(reply, api, beside, serve, caplog):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"all", more=False))
        raise LookupError("too late")

    received = beside(api.read_all)
    serve(app).stream(GET, {}, None, reply)
    reply.close()
    assert received.result().endswith(chunk(b"all") + b"0\r\n\r\n")
    assert "was answered, then the app raised" in caplog.text


def test_a_message_out_of_order_is_refused(reply, api, beside, serve):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"all", more=False))
        await send(body(b"more"))

    beside(api.read_all)
    serve(app).stream(GET, {}, None, reply)
    assert reply.ended


# ---------------------------------------------------------------- WSGI


def test_start_response_after_the_first_piece_raises_what_it_is_given(reply, api, beside):
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        error = LookupError("the other half")
        start_response("500 Oh", [], (LookupError, error, None))
        yield b"an error page"

    connection = beside(api.accept)
    with pytest.raises(LookupError, match="the other half"):
        Adapter(app, interface="wsgi").stream(GET, {}, None, reply)
    connection.result().close()
    assert reply.begun


def test_start_response_before_the_first_piece_replaces_the_status(reply, api, beside):
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        start_response("503 Later", [], (LookupError, LookupError(), None))
        yield b"later"

    received = beside(api.read_all)
    Adapter(app, interface="wsgi").stream(GET, {}, None, reply)
    reply.close()
    assert b'"statusCode": 503' in received.result()


def test_what_is_written_by_the_call_is_sent_at_once(reply, api, beside):
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"one")
        assert reply.begun
        return [b"two"]

    received = beside(api.read_all)
    Adapter(app, interface="wsgi").stream(GET, {}, None, reply)
    reply.close()
    assert received.result().endswith(chunk(b"one") + chunk(b"two") + b"0\r\n\r\n")


def test_nothing_is_sent_where_nothing_is_written(reply):
    def app(environ, start_response):
        start_response("200 OK", [])(b"")
        raise LookupError("before the first piece")

    with pytest.raises(LookupError):
        Adapter(app).stream(GET, {}, None, reply)
    assert not reply.begun


def test_an_app_that_never_starts_has_no_response(reply):
    with pytest.raises(ProtocolBroken, match="did not call start_response"):
        Adapter(lambda environ, start_response: [], interface="wsgi").stream(GET, {}, None, reply)
    assert not reply.begun
