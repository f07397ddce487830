"""An app that goes on after its response: the response is handed over, and the app may end."""

import asyncio
from typing import Any

import pytest

from lambdify.adapter import asgi
from lambdify.adapter.asgi import Server
from lambdify.adapter.errors import ResponseRefused
from lambdify.adapter.messages import Response

from .apps import GET, START, body, http


@pytest.fixture
def log() -> list[Any]:
    return []


async def handed_over(log: list[Any]) -> None:
    """Return when the response has been handed over."""

    async def look() -> None:
        while b"made" not in log:
            await asyncio.sleep(0.001)

    await asyncio.wait_for(look(), 60)


@pytest.fixture
def call(serve, context, log) -> Any:
    """`call(app)`: its answer; `log` has what was handed over, and what the app noted."""

    def call(app: Any) -> Response:
        server: Server = serve(http(app))
        server._hand_over = lambda response, event, context: log.append(response.body)
        return server.run(GET, {}, context)

    return call


def test_a_response_is_handed_over_before_the_app_ends(call, log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        await handed_over(log)
        log.append("worked")

    assert call(app).body == b"made"
    assert log == [b"made", "worked"]


def test_a_response_that_is_made_after_a_wait_too(call, log):
    async def app(scope, receive, send):
        await asyncio.sleep(0.001)
        await send(START)
        await send(body(b"ma", more=True))
        await asyncio.sleep(0.001)
        await send(body(b"de"))
        await asyncio.to_thread(log.append, "in a thread")
        await handed_over(log)
        log.append("worked")

    assert call(app).body == b"made"
    assert sorted(map(str, log)) == ["b'made'", "in a thread", "worked"]
    assert log[-1] == "worked"


def test_so_is_one_whose_app_has_ended_and_left_a_task_behind(call, log):
    async def app(scope, receive, send):
        async def work():
            await handed_over(log)
            log.append("worked")

        log.append(asyncio.create_task(work()))
        await send(START)
        await send(body(b"made"))

    assert call(app).body == b"made"
    assert log[1:] == [b"made", "worked"]


def test_what_ends_within_a_moment_is_waited_for(call, log, monkeypatch):
    monkeypatch.setattr(asgi, "MOMENT", 60)  # the machine may be busy

    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        await asyncio.sleep(0)
        log.append("middleware")

    assert call(app).body == b"made"
    assert log == ["middleware"]


def test_an_app_that_goes_on_before_its_response_is_complete_is_waited_for(call, log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"ma", more=True))
        await asyncio.sleep(0.05)
        log.append("worked")
        await send(body(b"de"))

    assert call(app).body == b"made"
    assert log == ["worked"]


def test_a_response_is_handed_over_once(call, log):
    async def app(scope, receive, send):
        async def work():
            await handed_over(log)
            await asyncio.sleep(0.01)
            log.append("left behind")

        log.append(asyncio.create_task(work()))
        await send(START)
        await send(body(b"made"))
        await handed_over(log)
        log.append("worked")

    call(app)
    assert log[1:] == [b"made", "worked", "left behind"]


def test_a_404_waits_since_a_page_may_take_its_place(call, log):
    async def app(scope, receive, send):
        await send(START | {"status": 404})
        await send(body(b"none"))
        await asyncio.sleep(0.05)

    assert call(app).status == 404
    assert log == []


def test_a_response_that_cannot_be_sent_is_refused_when_the_app_has_ended(call, log):
    async def app(scope, receive, send):
        await send(START | {"headers": [(b"x", b"a\r\nb")]})
        await send(body(b"made"))
        await asyncio.sleep(0.05)
        log.append("worked")

    with pytest.raises(ResponseRefused):
        call(app)
    assert log == ["worked"]


def test_what_the_app_raises_afterwards_is_logged(call, log, caplog):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        await handed_over(log)
        raise LookupError("no such order")

    assert call(app).body == b"made"
    assert log == [b"made"]
    assert "GET / was answered, then the app raised" in caplog.text
    assert "LookupError: no such order" in caplog.text


def test_the_next_request_is_answered_as_ever(serve, context, log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        if not log:
            log.append("first")
            await handed_over(log)

    server = serve(http(app))
    server._hand_over = lambda response, event, context: log.append(response.body)
    for _ in range(3):
        assert server.run(GET, {}, context).body == b"made"
    assert log == ["first", b"made"]
    assert server.complete(asyncio.sleep(0.001, "done"), context) == "done"


def test_without_anybody_to_hand_it_to_a_response_waits_for_the_app(serve, context, log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        await asyncio.sleep(0.05)
        log.append("worked")

    assert serve(http(app)).run(GET, {}, context).body == b"made"
    assert log == ["worked"]


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_an_app_may_end_the_process_afterwards(call, log, end):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"made"))
        await handed_over(log)
        raise end

    with pytest.raises(end):
        call(app)
    assert log == [b"made"]
