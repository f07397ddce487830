"""Behind a CDN with a web ACL: who has gone past it gets a 403, and nobody else."""

import json
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.in_front.cdn import REFUSAL, Server
from lambdify.adapter.messages import Request, Response

from .entry_process import Invoke, payloads
from .test_cdn import BASKET, SECRET, App, by_cdn, request_of

FORGED = ["", "guessed", SECRET[:-1], SECRET + "0", f"{SECRET},{SECRET}", "ü"]


def ask(headers: tuple[tuple[str, str], ...], app: App) -> Response:
    event = rest.write_event(request_of(headers, "/live"))
    server = Server(app, SECRET, alone=True)  # type: ignore[arg-type]
    return server.run(rest.read_event(event), event, None)


def test_who_comes_by_the_cdn_is_let_in() -> None:
    app = App()
    assert ask(by_cdn(), app).body == b"app"
    assert app.request.host == "shop.example"


@pytest.mark.parametrize("headers", [(), *map(by_cdn, FORGED)], ids=["none", *map(repr, FORGED)])
def test_who_comes_without_the_secret_is_not(headers: tuple[tuple[str, str], ...]) -> None:
    app = App()
    assert ask(headers, app) == REFUSAL
    assert not hasattr(app, "request")


class Reply:
    """A response on its way."""

    def send_whole(self, response: Response) -> None:
        self.sent = response


def test_a_stream_is_refused_and_let_in_as_a_response_is() -> None:
    for headers, sent in (((), REFUSAL), (by_cdn(), None)):
        app, reply, event = App(), Reply(), rest.write_event(request_of(headers))
        server = Server(app, SECRET, alone=True)  # type: ignore[arg-type]
        server.stream(rest.read_event(event), event, None, reply)  # type: ignore[arg-type]
        assert getattr(reply, "sent", None) == sent
        assert hasattr(app, "request") == (sent is None)


@pytest.mark.parametrize("alone", [False, True])
def test_a_deployed_function_refuses_only_if_it_is_told_to(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    monkeypatch.setenv("LAMBDIFY_CDN", SECRET)
    if alone:
        monkeypatch.setenv("LAMBDIFY_CDN_ALONE", "1")
    direct = http_api.write_event(Request("GET", "/basket"))
    done = payloads(
        invoke(BASKET, direct, http_api.write_event(request_of(by_cdn())), {"lambdify": "keep-warm"})
    )
    assert [each.get("statusCode") for each in done[:2]] == [403 if alone else 200, 200]
    assert done[2] == {"lambdify": "warm"}, "the schedule does not come by the CDN"


def test_an_adapter_of_ones_own_may_refuse_too() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"app"]

    adapter = Adapter(app)
    adapter.stand_behind_cdn(SECRET, alone=True)
    answers = [adapter(http_api.write_event(request_of(each)), None) for each in ((), by_cdn())]
    assert [each["statusCode"] for each in answers] == [403, 200]
    assert SECRET not in json.dumps(answers)
