"""The ASGI specification, rule by rule, and what Lambda's freezing makes of background work."""

import asyncio
import contextvars

import pytest

from lambdify.adapter.asgi import Server, build_scope
from lambdify.adapter.errors import ProtocolBroken, ResponseRefused
from lambdify.adapter.messages import Request, Response

from .apps import GET, START, body, http


class TestHTTP:
    def test_an_app_answers(self, call):
        @http
        async def app(scope, receive, send):
            headers = [(b"Content-Type", b"text/plain"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
            await send(body(b"one ", more=True))
            await send(body(b"two"))

        assert call(app) == Response(
            201, (("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2")), b"one two"
        )

    def test_headers_keep_their_order_in_both_directions(self, call):
        @http
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": reversed(scope["headers"])})
            await send(body(b""))

        headers = (("x-b", "1"), ("x-a", "2"), ("x-b", "3"))
        assert call(app, Request("GET", "/", headers=headers)).headers == headers[::-1]

    def test_no_extension_is_offered(self, context):
        assert "extensions" not in build_scope(GET, {}, context, {})

    def test_the_scope_describes_the_request(self, context):
        request = Request(
            method="POST",
            path="/caf%C3%A9%2Fnoir",
            query="a=1&a=%20",
            headers=(("x-twice", "first"), ("x-twice", "\xe9")),
            mount="/prod",
            scheme="http",
            host="example.com",
            port=8000,
            client="203.0.113.7",
        )
        event = {"rawPath": "/"}
        assert build_scope(request, event, context, {"pool": 1}) == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/prod/café/noir",
            "raw_path": b"/prod/caf%C3%A9%2Fnoir",
            "query_string": b"a=1&a=%20",
            "root_path": "/prod",
            "headers": [(b"x-twice", b"first"), (b"x-twice", b"\xe9")],
            "client": ("203.0.113.7", 0),
            "server": ("example.com", 8000),
            "state": {"pool": 1},
            "aws.event": event,
            "aws.context": context,
        }

    def test_an_unknown_client_is_none(self):
        assert build_scope(GET, {}, None, {})["client"] is None

    def test_the_request_arrives_whole_and_disconnect_follows_the_response(self, call):
        received = []

        @http
        async def app(scope, receive, send):
            received.append(await receive())
            await send(START)
            await send(body(b""))
            received.append(await receive())

        call(app, Request("POST", "/", body=b"data"))
        assert received == [
            {"type": "http.request", "body": b"data", "more_body": False},
            {"type": "http.disconnect"},
        ]

    def test_somebody_who_waits_for_disconnect_sees_it_only_when_the_response_is_out(self, call):
        order = []

        @http
        async def app(scope, receive, send):
            async def listen():
                await receive()
                order.append((await receive())["type"])

            listener = asyncio.create_task(listen())
            await asyncio.sleep(0.01)
            order.append("answer")
            await send(START)
            await send(body(b""))
            await listener

        call(app)
        assert order == ["answer", "http.disconnect"]

    def test_what_the_app_raises_before_its_response_is_complete_passes_through(self, call):
        @http
        async def app(scope, receive, send):
            await send(START)
            await send(body(b"half", more=True))
            raise LookupError("half-way")

        with pytest.raises(LookupError, match="half-way"):
            call(app)

    def test_what_the_app_raises_after_its_response_is_logged_and_the_response_sent(
        self, call, caplog, context
    ):
        @http
        async def app(scope, receive, send):
            await send(START)
            await send(body(b"done"))
            raise LookupError("too late")

        assert call(app).body == b"done"
        assert "GET / was answered, then the app raised" in caplog.text
        assert context.aws_request_id in caplog.text
        assert "LookupError: too late" in caplog.text

    @pytest.mark.parametrize(
        ("messages", "complaint"),
        [
            pytest.param([], "returned before its response was complete", id="no answer"),
            pytest.param([START], "returned before its response was complete", id="no body"),
            pytest.param(
                [body(b"early")], "'http.response.body' while its response was not started", id="no start"
            ),
            pytest.param(
                [START, START], "'http.response.start' while its response was started", id="two starts"
            ),
            pytest.param([START, {"type": "http.response.pathsend"}], "pathsend", id="path send"),
            pytest.param([START, {"type": "http.response.trailers"}], "trailers", id="trailers"),
            pytest.param([{"type": "http.response.push"}], "push", id="push"),
        ],
    )
    def test_an_app_that_breaks_the_protocol_is_refused(self, call, messages, complaint):
        @http
        async def app(scope, receive, send):
            for message in messages:
                await send(message)

        with pytest.raises(ProtocolBroken, match=complaint):
            call(app)

    def test_a_message_after_the_last_one_is_the_apps_own_problem(self, call, caplog):
        @http
        async def app(scope, receive, send):
            await send(START)
            await send(body(b"done"))
            await send(body(b"more"))

        assert call(app).body == b"done"
        assert "while its response was complete" in caplog.text

    def test_a_header_that_splits_the_response_is_refused(self, call):
        @http
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-note", b"a\r\nb: c")]})
            await send(body(b""))

        with pytest.raises(ResponseRefused):
            call(app)

    def test_a_cancelled_app_does_not_end_the_process(self, call):
        @http
        async def app(scope, receive, send):
            raise asyncio.CancelledError

        with pytest.raises(ProtocolBroken, match="cancelled"):
            call(app)

    def test_a_request_that_is_cancelled_before_it_begins_is_refused_and_the_next_one_answered(
        self, context, monkeypatch
    ):
        @http
        async def app(scope, receive, send):
            await send(START)
            await send(body(b"answered"))

        def cancel_everything():
            for task in asyncio.all_tasks():
                task.cancel()

        monkeypatch.setenv(
            "PYTHONASYNCIODEBUG", "1"
        )  # our own loop begins with the request, or after its turn
        server = Server(app)
        asyncio.get_event_loop().call_soon(cancel_everything)
        with pytest.raises(ProtocolBroken, match="cancelled"):
            server.run(GET, {}, context)
        assert server.run(GET, {}, context).body == b"answered"
        server.close()

    @pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
    def test_what_ends_the_process_keeps_its_meaning(self, serve, context, end):
        @http
        async def app(scope, receive, send):
            if scope["path"] == "/end":
                raise end
            await send(START)
            await send(body(b"answered"))

        server = serve(app)
        with pytest.raises(end):
            server.run(Request("GET", "/end"), {}, context)
        assert server.run(GET, {}, context).body == b"answered"  # for those who catch it

    def test_an_instance_with_an_await_is_an_app_too(self, call):
        class App:
            def __init__(self, scope, receive, send):
                self.send = send

            def __await__(self):
                return self.answer().__await__()

            async def answer(self):
                await self.send(START)
                await self.send(body(b"awaited"))

        assert call(App).body == b"awaited"


class TestLoop:
    def test_every_request_runs_on_the_same_loop(self, serve, context):
        loops = []

        @http
        async def app(scope, receive, send):
            loops.append(asyncio.get_running_loop())
            await send(START)
            await send(body(b""))

        server = serve(app)
        server.run(GET, {}, context)
        server.run(GET, {}, context)
        assert loops[0] is loops[1]

    def test_every_request_has_its_own_context_variables(self, serve, context):
        seen = contextvars.ContextVar("seen", default="nothing")

        @http
        async def app(scope, receive, send):
            before = seen.get()
            seen.set("a request")
            await send(START)
            await send(body(before.encode()))

        server = serve(app)
        assert [server.run(GET, {}, context).body for _ in range(2)] == [b"nothing", b"nothing"]

    def test_a_pool_of_the_startup_is_there_at_the_thousandth_request(self, serve, context):
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["queue"] = asyncio.Queue()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
                return
            queue = scope["state"]["queue"]
            asyncio.get_running_loop().call_soon(queue.put_nowait, b"from the pool")
            data = await queue.get()  # a queue of another loop would raise
            await send(START)
            await send(body(data))

        server = serve(app)
        assert {server.run(GET, {}, context).body for _ in range(1000)} == {b"from the pool"}

    def test_threads_and_tasks_see_the_context_variables_of_their_request(self, serve, context):
        user = contextvars.ContextVar("user", default="nobody")

        @http
        async def app(scope, receive, send):
            user.set(scope["path"])
            in_thread = await asyncio.to_thread(user.get)
            in_task = await asyncio.create_task(read())
            await send(START)
            await send(body(f"{in_thread} {in_task}".encode()))

        async def read():
            return user.get()

        server = serve(app)
        answers = [server.run(Request("GET", path), {}, context).body for path in ("/a", "/b")]
        assert answers == [b"/a /a", b"/b /b"]
        assert user.get() == "nobody"

    def test_threads_can_be_used(self, call):
        @http
        async def app(scope, receive, send):
            data = await asyncio.to_thread(b"from %s".__mod__, b"a thread")
            await send(START)
            await send(body(data))

        assert call(app).body == b"from a thread"


class TestBackground:
    def test_tasks_finish_before_the_environment_freezes(self, call):
        done = []

        @http
        async def app(scope, receive, send):
            async def work():
                await asyncio.sleep(0.01)
                done.append("work")

            scope["state"]["task"] = asyncio.create_task(work())
            await send(START)
            await send(body(b"answered"))

        assert call(app).body == b"answered"
        assert done == ["work"]

    def test_but_only_within_the_time_that_is_left(self, serve, make_context, caplog):
        @http
        async def app(scope, receive, send):
            asyncio.create_task(asyncio.sleep(60), name="a long sleep")  # noqa: RUF006 (all_tasks holds it)
            await send(START)
            await send(body(b"answered"))

        server = serve(app)
        assert server.run(GET, {}, make_context(remaining=550)).body == b"answered"
        assert "still running: a long sleep" in caplog.text

    def test_tasks_of_the_startup_are_left_alone(self, serve, context):
        ticks = []

        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["ticker"] = asyncio.create_task(tick())
                await send({"type": "lifespan.startup.complete"})
                await receive()
                scope["state"]["ticker"].cancel()
                await send({"type": "lifespan.shutdown.complete"})
            else:
                await asyncio.sleep(0.02)
                await send(START)
                await send(body(b"answered"))

        async def tick():
            while True:
                ticks.append("tick")
                await asyncio.sleep(0.001)

        assert serve(app).run(GET, {}, context).body == b"answered"
        assert len(ticks) > 1
