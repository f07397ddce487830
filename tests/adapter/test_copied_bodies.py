"""What an app sends from a buffer that it fills again: sent is what was in it then, as a server sends it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambdify.adapter import asgi, wsgi
from lambdify.adapter.messages import Request
from lambdify.adapter.streaming import Reply

from .runtime_api import chunk

GET = Request("GET", "/")
FILLS = (b"one ", b"two ", b"end.")


def hand_out(kind: str, buffer: bytearray) -> Any:
    return {
        "bytearray": lambda: buffer,
        "memoryview": lambda: memoryview(buffer),
        "part of a memoryview": lambda: memoryview(buffer)[:4],
        "memoryview of integers": lambda: memoryview(buffer).cast("I"),
    }[kind]()


KINDS = ["bytearray", "memoryview", "part of a memoryview", "memoryview of integers"]


def asgi_app(kind: str) -> Any:
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        buffer = bytearray(4)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, fill in enumerate(FILLS, 1):
            buffer[:] = fill
            body = hand_out(kind, buffer)
            await send({"type": "http.response.body", "body": body, "more_body": number < len(FILLS)})
        buffer[:] = b"lost"

    return app


def wsgi_app(kind: str, *, write: bool = False) -> Any:
    def app(environ, start_response):
        buffer = bytearray(4)
        send = start_response("200 OK", [])
        for fill in FILLS:
            buffer[:] = fill
            if write:
                send(hand_out(kind, buffer))
            else:
                yield hand_out(kind, buffer)
        buffer[:] = b"lost"

    def eager(environ, start_response):
        return [*app(environ, start_response)]

    return eager if write else app


@pytest.mark.parametrize("kind", KINDS)
def test_asgi(kind):
    server = asgi.Server(asgi_app(kind))
    assert server.run(GET, {}, None).body == b"".join(FILLS)
    server.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", [False, True], ids=["iterable", "write"])
def test_wsgi(kind, write):
    assert wsgi.Server(wsgi_app(kind, write=write)).run(GET, {}, None).body == b"".join(FILLS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_streamed(kind, interface, api):
    server: Any = asgi.Server(asgi_app(kind)) if interface == "asgi" else wsgi.Server(wsgi_app(kind))
    reply = Reply(api.address, "id", lambda response: {"statusCode": response.status})
    with ThreadPoolExecutor(1) as beside:
        received = beside.submit(api.read_all)
        server.stream(GET, {}, None, reply)
        reply.close()
    server.close()
    assert received.result().endswith(b"".join(map(chunk, FILLS)) + chunk(b""))


@pytest.mark.parametrize("body", [5, "text", None, [b"text"]], ids=repr)
def test_what_is_no_bytes_is_refused(body):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    server = asgi.Server(app)
    with pytest.raises(TypeError):
        server.run(GET, {}, None)
    server.close()
