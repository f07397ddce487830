"""Requests through an ASGI app, by the spec of HTTP and lifespan (https://asgi.readthedocs.io/en/stable/specs/).

Only this module and `event_loop` import asyncio or mangum; both are imported for ASGI apps only.

Rules
1. One event loop lives as long as the execution environment: a connection pool made on startup belongs to it
   and is still there at the next request.
2. Lifespan runs once, while the function initialises. `lifespan.startup.failed` fails the init; an app that
   does not answer the startup, whatever it raises, has no lifespan. A send of either `failed` returns, as
   with other servers.
3. A response is collected and returned as one payload; a streamed one is sent piece by piece. Afterwards
   `receive` returns `http.disconnect`.
4. Lambda freezes the process after the answer, so we wait for tasks that a request leaves behind, but only
   within the time left to the invocation. We do not wait for tasks of the startup. The client need not wait:
   a complete response is handed over before, if the app goes on (`streaming.after_reply`).
5. If the app raises after its response is complete, the error is logged and the response is sent.
6. A server that is not closed is closed when the last reference to it is gone, or when the process ends.
   Python does not end threads that wait for work from the loop (AnyIO's, in which frameworks call sync code),
   so a process with an open loop would wait for them forever.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from contextlib import suppress
from operator import index
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mangum.exceptions import LifespanFailure, LifespanUnsupported
from mangum.protocols.lifespan import LifespanCycle, LifespanCycleState

from lambdify.adapter import event_loop, wire
from lambdify.adapter.messages import Event, Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from mangum.types import ASGI

    from lambdify.adapter.errors import StartupFailed
    from lambdify.adapter.streaming import Reply

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    HandOver = Callable[[Response, dict[str, Any], object], object]

MOMENT = 0.005
"""Seconds for which an app may go on after its response before that is handed over; middleware takes some."""
NOT_FOUND = 404


def _errors() -> Any:
    """Return the module of errors, imported by the first error and not at a cold start."""
    from lambdify.adapter import errors

    return errors


class Server:
    """One ASGI app on its event loop; made when the function initialises."""

    def __init__(self, app: App, hand_over: HandOver | None = None) -> None:
        """`hand_over` is called with a complete response while the app goes on; see `after_reply`."""
        self._app, self._hand_over = app, hand_over
        self._process, self._loop_owner = os.getpid(), _find_loop_owner()
        self._loop = event_loop.make()
        asyncio.set_event_loop(self._loop)
        try:
            self._lifespan, self._lifespan_task, self._lifespan_failures = self._loop.run_until_complete(
                _start(app)
            )
        except BaseException:
            self._end_loop()
            raise
        self._known_tasks = asyncio.all_tasks(self._loop)
        _open.add(self)

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """Return the app's response. Raises what the app raises before its response is complete."""
        exchange = Exchange(request.body)
        self._perform(exchange, request, event, context)
        return _build_response(request, exchange)

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's response as it comes. Raises what the app raises before the end."""
        from lambdify.adapter.streaming.asgi import StreamedExchange

        exchange = StreamedExchange(request.body, reply)
        try:
            self._perform(exchange, request, event, context)
        finally:
            exchange.unwatch(self._loop)

    def _perform(self, exchange: Exchange, request: Request, event: dict[str, Any], context: object) -> None:
        scope = build_scope(request, event, context, dict(self._lifespan.lifespan_state))
        until = None if self._hand_over is None or exchange.streamed else exchange
        task, left_others = event_loop.perform(
            self._loop, self._app, scope, exchange.receive, exchange.send, until=until
        )
        exchange.disconnect()
        if left_others:
            self._settle(task, exchange, request, event, context)
        error = (
            _errors().ProtocolBroken("the app's task was cancelled") if task.cancelled() else task.exception()
        )
        if not exchange.complete:
            raise error or _errors().ProtocolBroken("the app returned before its response was complete")
        if error:
            what = f"{request.method} {request.path} was answered, then the app raised"
            _errors().report(what, error, context)

    def _settle(
        self,
        task: asyncio.Task[None],
        exchange: Exchange,
        request: Request,
        event: dict[str, Any],
        context: object,
    ) -> None:
        """Let the app end, and what it left behind; if that takes more than a moment, after the reply."""
        going_on = asyncio.all_tasks(self._loop) - self._known_tasks
        if not going_on:
            return
        # A 404 may get another page: see `files`.
        if self._hand_over and exchange.complete and not exchange.streamed and exchange.status != NOT_FOUND:
            _, unfinished = self._loop.run_until_complete(asyncio.wait(going_on, timeout=MOMENT))
            if unfinished:
                # What cannot be sent is refused by `run`, when the app has ended.
                with suppress(_errors().ResponseRefused):
                    self._hand_over(_build_response(request, exchange), event, context)
        if not task.done():
            self._loop.run_until_complete(asyncio.wait({task}))
        self._wait_for_others(context)

    def complete(self, work: Awaitable[Any], context: object) -> Any:
        """Return the result of a coroutine that runs on the app's loop. Raises what it raises."""
        try:
            return self._loop.run_until_complete(work)
        finally:
            self._wait_for_others(context)

    def _wait_for_others(self, context: object) -> None:
        self._known_tasks = event_loop.wait_for_others(self._loop, self._known_tasks, context)

    def close(self) -> None:
        """Run the app's shutdown and end the loop, only once, and never during a request."""
        if self._loop.is_closed() or self._loop.is_running():
            return
        try:
            event_loop.take_turn(self._loop)
            self._loop.run_until_complete(self._shut_down_app())
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        event_loop.end(self._loop)
        with suppress(RuntimeError):  # there is none
            if _find_loop_owner() == self._loop_owner and asyncio.get_event_loop() is self._loop:
                asyncio.set_event_loop(None)

    async def _shut_down_app(self) -> None:
        with suppress(LifespanFailure):  # it is raised before the cycle knows why
            await self._lifespan.shutdown()
        await asyncio.wait({self._lifespan_task}, timeout=event_loop.PATIENCE)
        if self._lifespan.state is LifespanCycleState.FAILED:
            _errors().report(
                "the app's shutdown failed", _explain(self._lifespan, self._lifespan_failures), None
            )

    def __del__(self) -> None:
        if "_lifespan_failures" not in vars(self) or self._loop.is_closed():
            return
        if asyncio._get_running_loop() is None:
            self._close_here()
        else:
            _dropped.append(self)  # a loop cannot run inside another one, so this one ends with the process

    def _close_here(self) -> None:
        """Close the server, unless this process is a fork of its process: a fork has none of its threads."""
        if os.getpid() == self._process:
            self.close()


def _build_response(request: Request, exchange: Exchange) -> Response:
    return wire.build_response(request.method, exchange.status, exchange.headers, exchange.body())


def _find_loop_owner() -> tuple[int, object]:
    """Return thread and policy. Before Python 3.14, asking for the current loop of others creates one."""
    return threading.get_ident(), sys.version_info < (3, 14) and asyncio.get_event_loop_policy()


_open: WeakSet[Server] = WeakSet()
_dropped: list[Server] = []


def _close_all() -> None:
    for server in (*_open, *_dropped):
        server._close_here()


# Python waits for threads before it runs `atexit`, so `_close_all` is registered to run before that, as
# concurrent.futures does for its executors. Such calls run in reverse order, and an app's shutdown may use
# threads, so concurrent.futures has to be imported first. In Lambda a process rarely ends by itself.
if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
    import concurrent.futures.thread  # noqa: F401
threading._register_atexit(_close_all)  # type: ignore[attr-defined]


def build_scope(request: Request, event: dict[str, Any], context: object, state: dict[str, Any]) -> Scope:
    """Return the scope of a request, with `aws.event` and `aws.context`; its path includes the mount."""
    method, path, query, names, values, _, mount, scheme, host, port, client, client_port = request
    if names.encoded is None:
        names.encoded = tuple([name.encode("latin-1") for name in names.row])
    target = mount + path
    hidden = Event()  # as `hide` does, without the call
    hidden._event = event
    encoded = map(str.encode, values) if "".join(values).isascii() else [v.encode("latin-1") for v in values]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": wire.decode(target, "utf-8") if "%" in target else target,
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": wire.decode(mount, "utf-8") if mount else "",
        "headers": list(zip(names.encoded, encoded)),  # noqa: B905 - `strict=True` takes as long as three headers
        "client": (client, client_port) if client else None,
        "server": (host, port),
        "state": state,
        "aws.event": hidden,
        "aws.context": context,
    }


class Exchange(event_loop.Goal):
    """One request with the app's response so far; has the `receive` and `send` of the app."""

    status = 0
    headers: Sequence[tuple[str, str]] = ()
    streamed = False
    _over = False
    _listening: asyncio.Event | None = None

    def __init__(self, body: bytes) -> None:
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """Return the request; after the response, http.disconnect."""
        if self._request is not None:
            message, self._request = self._request, None
            return message
        if not self._over:
            self._listening = self._listening or asyncio.Event()
            await self._listening.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the response. Extensions raise ProtocolBroken, since none is offered."""
        kind = message["type"]
        if kind == "http.response.start" and not self.status:
            status = message["status"]  # an int that JSON writes as a number; an IntEnum is converted
            self.status = status if type(status) is int else index(status)
            headers = message.get("headers", ())
            self.headers = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in headers]
        elif kind == "http.response.body" and self.status and not self.complete:
            piece = message.get("body", b"")
            # A copy, since an app may use its buffer again.
            self._chunks.append(piece if type(piece) is bytes else b"".join((piece,)))
            if not message.get("more_body", False):
                self.complete = True
                self.end()
        else:
            state = "complete" if self.complete else "started" if self.status else "not started"
            raise _errors().ProtocolBroken(f"the app sent {kind!r} while its response was {state}")

    def end(self) -> None:
        """End the exchange: the response is complete."""
        self.disconnect()
        if self.on_complete is not None:
            self.on_complete()

    def disconnect(self) -> None:
        """Let `receive` return http.disconnect from now on."""
        self._over = True
        if self._listening is not None:
            self._listening.set()

    def body(self) -> bytes:
        """Return the whole body."""
        return b"".join(self._chunks)


async def _start(app: App) -> tuple[LifespanCycle, asyncio.Task[None], list[str]]:
    """Start the app's lifespan. Return it, its task, and the list for the app's messages about failures."""
    # mangum's entry point is a context manager in some releases, and an async one in others. Both use the
    # same two coroutines since 0.19.
    failures: list[str] = []
    cycle = LifespanCycle(_with_optional_lifespan(app, failures), "auto")
    running = asyncio.create_task(cycle.run(), name="lifespan")
    with suppress(LifespanFailure):  # it is raised before the cycle knows why
        await cycle.startup()
    if cycle.state is LifespanCycleState.FAILED:
        await asyncio.wait({running}, timeout=event_loop.PATIENCE)
        raise _explain(cycle, failures) from cycle.exception
    return cycle, running, failures


def _explain(cycle: LifespanCycle, failures: list[str]) -> StartupFailed:
    """Return the error for a failed lifespan, with the app's message or the error of the cycle."""
    failure: StartupFailed = _errors().StartupFailed(
        "".join(failures) or str(cycle.exception or "the app said so")
    )
    return failure


def _with_optional_lifespan(app: App, failures: list[str]) -> ASGI:
    """Wrap the app so that everything that means "no lifespan" raises mangum's LifespanUnsupported.

    The spec asks a server to go on, whatever the app raises (https://asgi.readthedocs.io/en/stable/specs/lifespan.html);
    mangum does, but logs Django's plain refusal as an error at each cold start. mangum also raises
    LifespanFailure inside the app when that reports a failure; it is caught here, and the app's message goes
    to `failures`.
    """

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        asked = answered = False

        async def watch_receive() -> Message:
            nonlocal asked
            asked = True
            return await receive()

        async def watch_send(message: Message) -> None:
            nonlocal answered
            if not message["type"].startswith("lifespan."):
                raise LifespanUnsupported(f"the app sent {message['type']!r}")
            answered = True
            try:
                await send(message)
            except LifespanFailure:
                failures.append(message.get("message", ""))

        task = asyncio.ensure_future(app(scope, watch_receive, watch_send))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            return  # the app did not end its lifespan when asked, and now the loop ends
        error = task.exception()
        if error is None or failures:  # after reporting a failure, an app may raise the reason
            return
        if answered:
            raise error
        if asked and not isinstance(error, LifespanUnsupported):
            what = "the app raised while it started; by the ASGI spec, it is taken to have no lifespan"
            _errors().report(what, error, None, level=logging.WARNING)
        raise LifespanUnsupported from error

    return lifespan
