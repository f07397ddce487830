"""What an app gets and gives at its startup and shutdown, where these fail: as behind a server."""

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lambdify.adapter.asgi import Server
from lambdify.adapter.errors import StartupFailed


def failing(log: list[str], at: str, *, after: Any = None, message: str = "no database") -> Any:
    """An app whose startup or shutdown fails, and which goes on then."""

    async def app(scope, receive, send):
        for kind in ("startup", "shutdown"):
            await receive()
            await send(
                {"type": f"lifespan.{kind}.failed", "message": message}
                if kind == at
                else {"type": f"lifespan.{kind}.complete"}
            )
            log.append(f"{kind} said")
            if kind == at:
                if after:
                    await after()
                return

    return app


def test_the_send_of_a_startup_that_failed_returns():
    log: list[str] = []
    with pytest.raises(StartupFailed, match=r"^no database$"):
        Server(failing(log, "startup"))
    assert log == ["startup said"]


def test_the_send_of_a_shutdown_that_failed_returns(caplog):
    log: list[str] = []
    Server(failing(log, "shutdown")).close()
    assert log == ["startup said", "shutdown said"]
    assert "the app's shutdown failed" in caplog.text
    assert "no database" in caplog.text


@pytest.mark.parametrize("at", ["startup", "shutdown"])
def test_what_the_app_does_then_is_done(at, caplog):
    log: list[str] = []

    async def clean_up():
        await asyncio.sleep(0.01)
        log.append("cleaned up")

    app = failing(log, at, after=clean_up)
    if at == "startup":
        with pytest.raises(StartupFailed):
            Server(app)
    else:
        Server(app).close()
    assert log[-1] == "cleaned up"


@pytest.mark.parametrize("at", ["startup", "shutdown"])
def test_what_the_app_raises_then_is_not_told_twice(at, caplog):
    async def give_up():
        raise LookupError("as I said")

    app = failing([], at, after=give_up)
    if at == "startup":
        with pytest.raises(StartupFailed, match="no database"):
            Server(app)
    else:
        Server(app).close()
    assert "as I said" not in caplog.text
    assert "Exception in 'lifespan' protocol" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("at", ["startup", "shutdown"])
def test_an_app_that_goes_on_for_ever_then_is_cancelled(at, caplog):
    log: list[str] = []

    async def go_on():
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    app = failing(log, at, after=go_on)
    if at == "startup":
        with pytest.raises(StartupFailed):
            Server(app)
    else:
        Server(app).close()
    assert log[-1] == "cancelled"
    assert "CancelledError" not in caplog.text


def test_an_app_that_says_nothing_of_its_failure_has_failed_all_the_same(caplog):
    with pytest.raises(StartupFailed, match="the app said so"):
        Server(failing([], "startup", message=""))
    Server(failing([], "shutdown", message="")).close()
    assert "the app said so" in caplog.text


def test_what_the_app_does_after_its_shutdown_is_done():
    log: list[str] = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        await asyncio.sleep(0.01)
        log.append("tidied up")

    Server(app).close()
    assert log == ["tidied up"]


def test_what_starlettes_shutdown_raises_is_logged_once(caplog):
    from starlette.applications import Starlette

    @asynccontextmanager
    async def broken(app):
        yield
        raise RuntimeError("the pool is on fire")

    caplog.set_level(logging.WARNING)
    Server(Starlette(lifespan=broken)).close()
    assert [record.name for record in caplog.records] == ["lambdify.adapter"]
    assert "the pool is on fire" in caplog.text


def test_a_shutdown_that_says_nothing_and_raises_is_logged(caplog):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise RuntimeError("the pool is on fire")

    Server(app).close()
    assert "the pool is on fire" in caplog.text
