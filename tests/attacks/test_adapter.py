"""Attempts on the adapter by those who may send it anything, or who write the app. What held is held to."""

import asyncio
import copy
import gc
import json
import logging
import time
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from lambdify.adapter import Adapter, event_sources, messages, wire, wsgi
from lambdify.adapter.event_sources import alb, http_api, rest
from lambdify.adapter.messages import Request

Seen = dict[str, Any]
HTTP = {"method": "GET", "path": "/", "sourceIp": "203.0.113.7"}


def v2(headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    context = {"domainName": "shop.example", "stage": "$default", "http": HTTP}
    return {"version": "2.0", "rawPath": "/", "headers": headers or {}, "requestContext": context, **more}


def see(event: dict[str, Any]) -> tuple[Seen, Seen]:
    """The environ and the headers of the scope that an event becomes."""
    seen: Seen = {}
    scopes: list[Seen] = []

    def app(environ, start_response):
        seen.update(environ)
        start_response("200 OK", [])
        return [b""]

    async def asgi_app(scope, receive, send):
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    adapters = (Adapter(app), Adapter(asgi_app))
    for adapter in adapters:
        adapter(copy.deepcopy(event), None)
        adapter.close()
    return seen, dict(scopes[-1]["headers"])


def answer(respond: Callable[..., Any], event: dict[str, Any] | None = None) -> dict[str, Any]:
    return Adapter(respond)(event or v2(), None)


def answering(status: str = "200 OK", headers: list[tuple[str, str]] | None = None) -> Callable[..., Any]:
    def app(environ, start_response):
        start_response(status, headers or [])
        return [b""]

    return app


class TestLengths:
    @pytest.mark.parametrize(
        "said",
        [
            {"content-length": "10"},
            {"transfer-encoding": "chunked"},
            {"content-length": "10", "transfer-encoding": "chunked"},
            {"Content-Length": "10", "Transfer-Encoding": "identity"},
            {"content-length": "10", "Content-Length": "3"},
            {"content-length": "3", "CONTENT-LENGTH": "3"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("body", ["", "abc"])
    def test_there_is_one_and_it_is_true(self, said, body):
        environ, headers = see(v2(said, body=body))
        assert environ["CONTENT_LENGTH"] == str(len(body))
        assert headers[b"content-length"] == str(len(body)).encode()
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert b"transfer-encoding" not in headers

    def test_of_several_lengths_in_lists_one_is_left(self):
        event = alb.write_event(Request("POST", "/", body=b"abc"))
        event["multiValueHeaders"] |= {"content-length": ["3", "3"], "transfer-encoding": ["chunked"]}
        request = alb.read_event(event)
        assert [pair for pair in request.headers if pair[0] == "content-length"] == [("content-length", "3")]
        assert "transfer-encoding" not in dict(request.headers)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "x-u\u017fer",
            "x-to\u212aen",
            "x-user ",
            " x-user",
            "x user",
            "x-user\r\nx-other",
            "x-user:",
            "",
            "x-\u00fcser",
        ],
        ids=ascii,
    )
    def test_what_is_no_token_is_left_out_and_overwrites_nothing(self, name):
        said = {"x-user": "ada", "x-token": "hers", name: "EVIL", "cookie": "a=1"}
        environ, headers = see(v2(said))
        assert "EVIL" not in environ.values()
        assert b"EVIL" not in headers.values()
        assert (environ["HTTP_X_USER"], environ["HTTP_X_TOKEN"]) == ("ada", "hers")
        assert headers == {b"x-user": b"ada", b"x-token": b"hers", b"cookie": b"a=1"}

    def test_so_are_they_beside_a_body(self):
        environ, headers = see(v2({"x-u\u017fer": "EVIL", "content-length": "9"}, body="abc"))
        assert "HTTP_X_USER" not in environ
        assert headers == {b"content-length": b"3"}

    @pytest.mark.parametrize("name", ["x_forwarded_for", "content_length", "remote_user", "Remote_User"])
    def test_an_underscore_passes_for_nothing(self, name):
        environ, _ = see(v2({name: "EVIL", "x-forwarded-for": "203.0.113.7"}))
        assert "EVIL" not in environ.values()

    def test_nobody_is_the_remote_user_by_saying_so(self):
        authorizer = {"principalId": "ada", "claims": {"sub": "ada"}, "jwt": {"claims": {"sub": "ada"}}}
        event = v2({"remote-user": "ada"})
        event["requestContext"] = event["requestContext"] | {"authorizer": authorizer}
        assert "REMOTE_USER" not in see(event)[0]

    @pytest.mark.slow
    def test_rows_that_a_client_makes_up_take_a_megabyte_at_most(self):
        names = [
            a + b for a in "abcdefghijklmnopqrstuvwxyz0123456789" for b in "abcdefghijklmnopqrstuvwxyz01"
        ][:980]
        rows = [names[turn:] + names[:turn] for turn in range(249)]
        rows += [[f"x-{number}-{turn}-{'y' * 40}" for number in range(20)] for turn in range(600)]
        rows += [[f"{number}-{turn}" for number in range(3)] for turn in range(2000)]
        rows += [["x" * 1900 + str(turn)] for turn in range(300)]
        adapter = Adapter(answering())
        adapter(v2(), None)
        messages.NAMES.clear()
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        most = 0
        for row in rows:
            adapter(v2(dict.fromkeys(json.loads(json.dumps(row)), "v")), None)
            most = max(most, tracemalloc.get_traced_memory()[0] - before)
        tracemalloc.stop()
        assert most < 1_100_000  # with the request that is being answered
        assert messages.NAMES

    def test_a_browsers_row_is_kept(self):
        row = tuple(f"x-header-number-{number}" for number in range(30))
        assert messages.find_names(row) is messages.find_names(row)

    def test_other_memories_are_bounded(self):
        adapter = Adapter(answering())
        for number in range(2_000):
            adapter(v2({"host": f"h{number}.example", "content-type": f"a/{number}"}), None)
        assert len(wire.ORIGINS) <= 100
        assert len(wire.LOWERED) <= 500
        assert len(wsgi.CODES) <= 500


class TestAnswers:
    @pytest.mark.parametrize("name", ["x-a", "set-cookie", "location"])
    @pytest.mark.parametrize("value", ["a\r\nX-B: 1", "a\nb", "a\rb", "a\0b", "\u2028"], ids=ascii)
    def test_no_header_is_split(self, name, value):
        payload = answer(answering(headers=[(name, value)]))
        assert (payload["statusCode"], payload["headers"].keys()) == (500, {"content-type"})

    @pytest.mark.parametrize("name", ["x a", "x:a", "x\r\nb", "", "x\u00fc", "\u212aey"], ids=ascii)
    def test_no_name_is_made_up(self, name):
        assert answer(answering(headers=[(name, "1")]))["statusCode"] == 500

    @pytest.mark.parametrize(
        "status",
        ["\uff12\uff10\uff10", "\uff12\uff10\uff10 OK", "\u0662\u0660\u0660 OK", "1e2", "0x1f", "200\r\nX: y",
         "99", "600", "101 Switching", "", "OK", "+200 OK", "-200", "2_00 OK", "0200 OK", "200.0", " 200 OK"],
        ids=ascii,
    )  # fmt: skip
    def test_a_status_is_three_digits_of_an_answer(self, status):
        assert answer(answering(status))["statusCode"] == 500

    @pytest.mark.parametrize("status", ["200", 200.0, "\uff12\uff10\uff10", None, True, 99, 600], ids=ascii)
    def test_of_asgi_it_is_a_number(self, status):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body"})

        adapter = Adapter(app)
        assert adapter(v2(), None)["statusCode"] == 500
        adapter.close()

    @pytest.mark.parametrize(("count", "status"), [(1, 200), (512, 200), (513, 500), (600, 500)])
    def test_no_cookie_is_lost_at_a_load_balancer(self, count, status):
        event = alb.write_event(Request("GET", "/"), multi_value=False)
        payload = answer(answering(headers=[("Set-Cookie", f"c{i}=1") for i in range(count)]), event)
        assert payload["statusCode"] == status
        if status == 200:
            assert len({name for name in payload["headers"] if name.lower() == "set-cookie"}) == count

    def test_a_client_sees_no_traceback(self, caplog):
        def app(environ, start_response):
            raise LookupError("the password is hunter2")

        assert "hunter2" not in json.dumps(answer(app))
        assert "hunter2" in caplog.text

    def test_the_log_of_a_failure_holds_nothing_of_the_request_but_its_path(self, caplog):
        secrets = {"authorization": "Bearer t0k3n", "cookie": "s=c00k13", "x-api-key": "k3y"}

        def app(environ, start_response):
            raise LookupError("broken")

        answer(app, v2(secrets, rawQueryString="q=qu3ry", body="p=b0dy"))
        answer(app, v2(secrets, rawQueryString="q=qu3ry", body="b0dy!", isBase64Encoded=True))
        assert [word for word in ("t0k3n", "c00k13", "k3y", "qu3ry", "b0dy") if word in caplog.text] == []


class TestEnds:
    ERRORS = (
        GeneratorExit, asyncio.CancelledError, RecursionError, MemoryError, StopIteration,
        type("Own", (BaseException,), {}),
        lambda: BaseExceptionGroup("several", [ValueError(), GeneratorExit()]),
    )  # fmt: skip

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: getattr(error, "__name__", "group"))
    @pytest.mark.parametrize("when", ["before", "amid", "behind"])
    def test_whatever_an_app_raises_is_answered_and_so_is_the_next_request(self, error, when):
        class Body:
            def __iter__(self):
                yield b"a"
                if when == "amid":
                    raise error()

            def close(self):
                if when == "behind":
                    raise error()

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/fine":
                start_response("200 OK", [])
                return [b"fine"]
            if when == "before":
                raise error()
            start_response("200 OK", [])
            return Body()

        adapter = Adapter(app)
        assert adapter(v2(), None)["statusCode"] == (200 if when == "behind" else 500)
        assert adapter(v2() | {"rawPath": "/fine"}, None)["body"] == "fine"

    @pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
    def test_what_ends_the_process_ends_it(self, end):
        def app(environ, start_response):
            raise BaseExceptionGroup("with one inside", [ValueError(), end()])

        with pytest.raises(BaseExceptionGroup):
            answer(app)

    @pytest.mark.slow
    def test_the_body_of_a_request_is_freed_with_it(self, caplog):
        kept: list[Any] = []

        def app(environ, start_response):
            kept.append(weakref.ref(environ["wsgi.input"]))
            raise LookupError("broken")

        with caplog.at_level(logging.CRITICAL + 1, "lambdify.adapter"):  # pytest keeps each traceback
            answer(app, v2(body="a" * 1000))
        gc.collect()
        assert [reference() for reference in kept] == [None]

    def test_nothing_of_a_request_is_in_the_next(self):
        seen: list[Seen] = []

        def app(environ, start_response):
            seen.append(dict(environ))
            environ["HTTP_X_LEFT"] = environ["lambdify.left"] = "left"
            start_response("200 OK", [("X-A", "1")])
            return [b""]

        adapter = Adapter(app)
        payloads = [adapter(v2({"x-same": "1"}), None) for _ in range(2)]
        payloads[0]["headers"]["x-changed"] = "1"
        assert "x-changed" not in adapter(v2({"x-same": "1"}), None)["headers"]
        assert "HTTP_X_LEFT" not in seen[1]
        assert "lambdify.left" not in seen[1]
        assert payloads[1]["headers"] == {"x-a": "1"}


class TestEvents:
    @pytest.mark.parametrize(
        "event",
        [
            {"type": "TOKEN", "methodArn": "arn:aws:execute-api:x", "authorizationToken": "a"},
            {"type": "REQUEST", "methodArn": "arn:aws:execute-api:x", "httpMethod": "GET", "path": "/"},
            v2() | {"type": "REQUEST", "routeArn": "arn:aws:execute-api:x"},
            {"requestContext": {"eventType": "MESSAGE", "routeKey": "$default", "connectionId": "a"}},
            {"Records": [{"cf": {"request": {}, "response": {}}}]},
        ],
    )
    def test_what_asks_for_something_else_reaches_no_app(self, event):
        assert event_sources.find(event) is None

    @pytest.mark.parametrize(
        "changes",
        [{"headers": {"a": 5}}, {"headers": {"a": None}}, {"rawPath": 5}, {"rawPath": None},
         {"body": {"a": 1}}, {"body": 5}, {"requestContext": []}, {"headers": [1]}, {"rawQueryString": 5},
         {"cookies": [1]}],
        ids=str,
    )  # fmt: skip
    def test_what_makes_no_sense_is_a_bad_request(self, changes):
        assert answer(answering(), v2() | changes)["statusCode"] == 400

    def test_a_deep_event_is_read(self):
        deep: Any = []
        for _ in range(50_000):
            deep = [deep]
        assert answer(answering(), v2(deep=deep))["statusCode"] == 200
        while deep:
            deep = deep.pop()

    @pytest.mark.parametrize(
        "path",
        ["/../etc/passwd", "//evil.example/", "/a/../b", "/developer", "/dev/../x", "/%2e%2e/", "/\\evil"],
    )
    def test_a_path_reaches_the_app_as_it_is_and_a_mount_ends_at_a_segment(self, path):
        event = v2() | {"rawPath": path}
        event["requestContext"] = event["requestContext"] | {"stage": "dev"}
        request = http_api.read_event(event)
        assert wire.unquote(request.mount + request.path) == path.encode()  # the API has decoded it
        assert request.mount in ("", "/dev")
        assert request.path[:1] in ("", "/")

    def test_parameters_that_name_each_other_are_filled_in_once(self):
        names = [f"p{number}" for number in range(8)]
        values = {name: f"{{{after}}}" * 8 for name, after in zip(names, [*names[1:], "end"], strict=True)}
        event = rest.write_event(Request("GET", "/a")) | {"resource": "/{p0}", "pathParameters": values}
        event["requestContext"]["path"] = "/a"
        tracemalloc.start()
        rest.read_event(event)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 1_000_000

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "make",
        [
            lambda n: v2() | {"rawPath": "/" + "\u00e9" * n},
            lambda n: v2() | {"rawQueryString": "&" * n},
            lambda n: v2({"cookie": ";" * n}),
            lambda n: v2({"host": ":" * n}),
            lambda n: v2({"host": "." * n}),
            lambda n: v2({"x-forwarded-port": "0" * n}),
            lambda n: v2({"x-forwarded-for": "," * n}),
            lambda n: v2({" " * n: "a"}),
            lambda n: v2(body=" A" * n, isBase64Encoded=True),
        ],
    )
    def test_time_is_linear(self, make):
        adapter = Adapter(answering())

        def measure(size: int) -> float:
            event = make(size)
            start = time.process_time()
            adapter(event, None)
            return time.process_time() - start

        measure(1000)
        assert measure(400_000) < 100 * max(
            measure(20_000), 0.005
        )  # a quadratic one would take 400 times as long
