"""A client that wants a WebSocket is told that there is none, and the app is not asked."""

import json
from concurrent.futures import Future

import pytest

from lambdify.adapter.messages import Request
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.gateway import Gateway
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.http_server import StreamedResponse

API = Api(id="abc123", integration="arn:aws:lambda:us-east-1:000000000000:function:shop:live")
GET = Request(
    method="GET", path="/socket.io/", scheme="http", host="127.0.0.1", port=8000, client="127.0.0.1"
)


def answer(*headers):
    """The status and text of the answer, and whether the function was asked."""
    asked = []

    def start(*_):
        asked.append(True)
        done = Future()
        done.set_result(Outcome(b'{"statusCode": 200, "body": "{}"}', failed=False))
        return done

    response = Gateway(lambda: API, start).answer(GET._replace(headers=headers))
    assert not isinstance(response, StreamedResponse)
    return response.status, json.loads(response.body).get("message", ""), bool(asked)


@pytest.mark.parametrize("offer", ["websocket", "WebSocket", "h2c, websocket"])
def test_a_websocket_is_refused_before_the_app_is_asked(offer):
    said = "A WebSocket cannot be opened here: no endpoint of a function keeps connections open."
    assert answer(("connection", "Upgrade"), ("upgrade", offer)) == (400, said, False)


@pytest.mark.parametrize(
    "headers",
    [(), (("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")), (("x-upgrade", "websocket"),)],
)
def test_other_offers_are_passed_over(headers):
    assert answer(*headers) == (200, "", True)
