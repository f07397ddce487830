"""The lifespan protocol of ASGI: once for an environment, whatever it serves, and to its end."""

import logging

import pytest

from lambdify.adapter.asgi import Server
from lambdify.adapter.errors import StartupFailed

from .apps import GET, START, body, http, lifespan


class TestLifespan:
    def test_it_runs_once_for_all_requests_which_each_get_a_copy_of_its_state(self, context):
        log: list[str] = []
        server = Server(lifespan(log))
        assert log == ["lifespan.startup"]
        server.run(GET, {}, context)
        server.run(GET, {}, context)
        server.close()
        assert log == [
            "lifespan.startup",
            "request with {'started': True}",
            "request with {'started': True}",
            "lifespan.shutdown",
        ]

    @pytest.mark.slow
    def test_a_failed_startup_fails_the_init_with_the_reason(self):
        failed = {"type": "lifespan.startup.failed", "message": "Traceback: no database"}
        with pytest.raises(StartupFailed, match="Traceback: no database"):
            Server(lifespan([], failed))

    def test_a_failed_startup_without_a_reason_fails_the_init_too(self):
        async def app(scope, receive, send):
            try:
                await send({"type": "lifespan.startup.failed", "message": ""})
            except Exception:
                return

        async def patient(scope, receive, send):
            await receive()
            await app(scope, receive, send)

        with pytest.raises(StartupFailed, match="the app said so"):
            Server(patient)

    def test_starlette_reports_what_its_lifespan_raised(self):
        from contextlib import asynccontextmanager

        from starlette.applications import Starlette

        @asynccontextmanager
        async def broken(app):
            raise RuntimeError("no database")
            yield

        with pytest.raises(StartupFailed, match=r"(?s)Traceback.*in broken.*RuntimeError: no database"):
            Server(Starlette(lifespan=broken))

    def test_an_app_that_refuses_the_scope_has_no_lifespan_and_nothing_is_logged(self, call, caplog):
        caplog.set_level(logging.WARNING)

        @http
        async def app(scope, receive, send):
            await send(START)
            await send(body(b"no lifespan"))

        assert call(app).body == b"no lifespan"
        assert caplog.text == ""

    def test_an_app_that_answers_anything_as_a_request_has_no_lifespan(self, call, caplog):
        caplog.set_level(logging.WARNING)

        async def app(scope, receive, send):
            await receive()
            await send(START)
            await send(body(b"no lifespan"))

        assert call(app).body == b"no lifespan"
        assert caplog.text == ""

    def test_an_app_that_returns_at_once_has_no_lifespan(self, call):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await send(START)
                await send(body(b"no lifespan"))

        assert call(app).body == b"no lifespan"

    def test_an_app_that_raises_while_it_starts_goes_on_but_is_not_silent(self, call, caplog):
        async def app(scope, receive, send):
            await receive()
            if scope["type"] == "lifespan":
                raise RuntimeError("no database")
            await send(START)
            await send(body(b"without a database"))

        assert call(app).body == b"without a database"
        assert "the app raised while it started" in caplog.text
        assert "RuntimeError: no database" in caplog.text
