"""A deployment's own requests leave no line: it tries a version by its number, before visitors reach it."""

import json
from typing import NamedTuple

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev"


class Context(NamedTuple):
    """What Lambda says of an invocation."""

    invoked_function_arn: str
    aws_request_id: str = "8f507cfc-0000-4697-b07a-ac58fc914c95"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


def wsgi_in_pieces(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"app"


def wsgi_that_raises(environ, start_response):
    raise ValueError("to be seen")


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"app"})


@pytest.mark.parametrize("app", [wsgi, wsgi_in_pieces, wsgi_that_raises, asgi])
@pytest.mark.parametrize(
    ("qualifier", "lines"), [(":live", 1), ("", 1), (":live2", 1), (":9", 0), (":120", 0)]
)
def test_only_what_came_by_a_version_s_number_leaves_no_line(app, qualifier, lines, capsys):
    adapter = Adapter(app, log_requests=True)
    adapter(http_api.write_event(Request("GET", "/books/7")), Context(f"{ARN}{qualifier}"))
    adapter.close()
    written = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"lambdify"')]
    assert [json.loads(line)["lambdify"]["route"] for line in written] == ["/books/{id}"] * lines
