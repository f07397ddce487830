"""Servers of ASGI apps, in each of the ways in which a request can run."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from lambdify.adapter.asgi import Server
from lambdify.adapter.messages import Response

from .apps import GET


@pytest.fixture(params=["at once", "after a wait", "on uvloop"])
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Server]]:
    """Servers that end with the test, for the ways in which a request can run: see `event_loop`."""
    servers: list[Server] = []

    def start(app: Any) -> Server:
        servers.append(Server(wait_first(app) if request.param == "after a wait" else app))
        return servers[-1]

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy() if request.param == "on uvloop" else None)
    yield start
    for server in servers:
        server.close()
    asyncio.set_event_loop_policy(None)


def wait_first(app: Any) -> Any:
    """The app, which waits before it answers a request."""

    async def waiting(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(0)
        await app(scope, receive, send)

    return waiting


@pytest.fixture
def call(serve: Callable[[Any], Server], context: Any) -> Callable[..., Response]:
    """The answer of an app to one request."""
    return lambda app, request=GET: serve(app).run(request, {}, context)
