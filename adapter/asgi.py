"""Requests through an ASGI app, by the spec of HTTP and lifespan (https://asgi.readthedocs.io/en/stable/specs/).

Only this module and `event_loop` import asyncio or mangum; both are imported for ASGI apps alone.

Rules
1. One event loop for as long as the execution environment lives: a connection pool made on startup belongs
   to it and is still there at the next request.
2. Lifespan runs once, while the function initialises. `lifespan.startup.failed` fails the init; an app that
   does not answer the startup, whatever it raises, has no lifespan. A send of either `failed` returns, as a
   server's does.
3. A payload is returned whole, so for it the response is collected; a streamed one is sent piece by piece.
   `receive` says `http.disconnect` after it.
4. Tasks that a request leaves behind are waited for, since Lambda freezes the process after the answer; but
   only within the time the invocation has left. Tasks of the startup are left alone.
5. An app that raises after its response is complete has answered: that is logged, not sent.
6. A server that nobody closes is closed when nobody holds it any more, else when the process ends. A thread
   that waits for work from the loop (AnyIO's, in which frameworks call what is not async) is none that Python
   ends, so a process that left the loop as it is would wait for it without end.
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
    import socket
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from mangum.types import ASGI

    from lambdify.adapter.errors import StartupFailed
    from lambdify.adapter.streaming import Reply

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

TIME_TO_ANSWER = 0.5
"""Seconds kept back when tasks are waited for: to write the payload and hand it to Lambda."""


def _errors() -> Any:
    """The errors, imported by the first one and not at a cold start."""
    from lambdify.adapter import errors

    return errors


class Server:
    """One ASGI app on its loop; made when the function initialises."""

    def __init__(self, app: App) -> None:
        self._app = app
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
        """What the app answers; anything it raises before its response is complete passes through."""
        exchange = Exchange(request.body)
        self._perform(exchange, request, event, context)
        return wire.build_response(request.method, exchange.status, exchange.headers, exchange.body())

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send what the app answers as it comes; anything it raises before the end passes through."""
        exchange = StreamedExchange(request.body, reply)
        try:
            self._perform(exchange, request, event, context)
        finally:
            exchange.unwatch(self._loop)

    def _perform(self, exchange: Exchange, request: Request, event: dict[str, Any], context: object) -> None:
        scope = build_scope(request, event, context, dict(self._lifespan.lifespan_state))
        task, left_others = event_loop.perform(self._loop, self._app, scope, exchange.receive, exchange.send)
        exchange.disconnect()
        if left_others:
            self._wait_for_others(context)
        error = (
            _errors().ProtocolBroken("the app's task was cancelled") if task.cancelled() else task.exception()
        )
        if not exchange.complete:
            raise error or _errors().ProtocolBroken("the app returned before its response was complete")
        if error:
            what = f"{request.method} {request.path} was answered, then the app raised"
            _errors().report(what, error, context)

    def _wait_for_others(self, context: object) -> None:
        left_behind = asyncio.all_tasks(self._loop) - self._known_tasks
        if left_behind:
            self._loop.run_until_complete(_wait(left_behind, context))
            self._known_tasks = asyncio.all_tasks(self._loop)

    def close(self) -> None:
        """Run the app's shutdown and end the loop, once; not in the middle of a request."""
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
            _dropped.append(self)  # no loop runs inside of another one: this one ends with the process

    def _close_here(self) -> None:
        """Close it, but in a process that is a fork of its own, which has none of its threads."""
        if os.getpid() == self._process:
            self.close()


def _find_loop_owner() -> tuple[int, object]:
    """What keeps a current loop. To ask in another place for it makes one, before Python 3.14."""
    return threading.get_ident(), sys.version_info < (3, 14) and asyncio.get_event_loop_policy()


_open: WeakSet[Server] = WeakSet()
_dropped: list[Server] = []


def _close_all() -> None:
    for server in (*_open, *_dropped):
        server._close_here()


# Before Python waits for threads, which `atexit` is too late for: as concurrent.futures, whose own call stops
# executors. That module has to be there first, for calls are made from the last to the first, and an app's
# shutdown may use threads. A process in Lambda rarely ends by itself, and spares itself the import.
if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
    import concurrent.futures.thread  # noqa: F401
threading._register_atexit(_close_all)  # type: ignore[attr-defined]


def build_scope(request: Request, event: dict[str, Any], context: object, state: dict[str, Any]) -> Scope:
    """The scope of a request, with `aws.event` and `aws.context` in it; its path includes the mount."""
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


class Exchange:
    """One request and what the app has answered so far: the two ends of its channel."""

    status = 0
    headers: Sequence[tuple[str, str]] = ()
    complete = False
    _over = False
    _listening: asyncio.Event | None = None

    def __init__(self, body: bytes) -> None:
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """The request, then, once that is over, http.disconnect."""
        if self._request is not None:
            message, self._request = self._request, None
            return message
        if not self._over:
            self._listening = self._listening or asyncio.Event()
            await self._listening.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the response; extensions are refused since none is offered."""
        kind = message["type"]
        if kind == "http.response.start" and not self.status:
            status = message["status"]  # a number, and one that JSON writes as one
            self.status = status if type(status) is int else index(status)
            headers = message.get("headers", ())
            self.headers = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in headers]
        elif kind == "http.response.body" and self.status and not self.complete:
            piece = message.get("body", b"")
            # What is in it now: an app may fill a buffer again.
            self._chunks.append(piece if type(piece) is bytes else b"".join((piece,)))
            if not message.get("more_body", False):
                self.complete = True
                self.end()
        else:
            state = "complete" if self.complete else "started" if self.status else "not started"
            raise _errors().ProtocolBroken(f"the app sent {kind!r} while its response was {state}")

    def end(self) -> None:
        """The response is complete."""
        self.disconnect()

    def disconnect(self) -> None:
        """Let `receive` say http.disconnect from now on."""
        self._over = True
        if self._listening is not None:
            self._listening.set()

    def body(self) -> bytes:
        """The body, whole."""
        return b"".join(self._chunks)


class StreamedExchange(Exchange):
    """An exchange whose response is sent on while the app makes it.

    A send is over when the other side has taken what was sent; the loop goes on meanwhile. Once nobody takes
    it any more, `receive` says http.disconnect and a send raises ClientGone.
    """

    def __init__(self, body: bytes, reply: Reply) -> None:
        super().__init__(body)
        self._reply = reply
        self._sending = asyncio.Lock()
        self._watched: socket.socket | None = None

    async def send(self, message: Message) -> None:
        """Take a message and send what it brings; a head waits for the first piece of the body, as the spec
        asks (https://asgi.readthedocs.io/en/stable/specs/www.html#response-start-send-event).
        """
        async with self._sending:  # two tasks of an app may send at once, and a chunk must stay whole
            await super().send(message)
            if message["type"] == "http.response.start":
                return
            last, self.complete = self.complete, False
            if not self._reply.begun:
                self._reply.begin(self.status, self.headers)
            data = self._reply.pack(self._chunks.pop(), last=last)
            with self._reply.connected() as connection:
                loop = asyncio.get_running_loop()
                connection.setblocking(False)
                if last:
                    self.unwatch(loop)  # from here on, the other side may speak
                await loop.sock_sendall(connection, data)
            if last:
                self.complete = True
                self.disconnect()
            else:
                self._watch(loop, connection)

    def end(self) -> None:
        """Nothing yet: an app that stops at a disconnect would break its own last piece off."""

    def unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let go of the connection."""
        if self._watched is not None:
            loop.remove_reader(self._watched)
            self._watched = None

    def _watch(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        """Notice when the other side speaks before it was asked to: it reads no more."""
        if self._watched is None:
            self._watched = connection
            loop.add_reader(connection, self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reply.gone = True
        self.unwatch(loop)
        self.disconnect()


async def _wait(tasks: set[asyncio.Task[Any]], context: Any) -> None:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = max(0.0, remaining() / 1000 - TIME_TO_ANSWER) if remaining else None
    _, unfinished = await asyncio.wait(tasks, timeout=seconds)
    if unfinished:
        names = ", ".join(sorted(task.get_name() for task in unfinished))
        late = TimeoutError(f"still running: {names}")
        what = "background tasks go on in the next invocation, if there is one"
        _errors().report(what, late, context, level=logging.WARNING)


async def _start(app: App) -> tuple[LifespanCycle, asyncio.Task[None], list[str]]:
    """The app's lifespan, started, the task that it lives in, and what the app will say of its failures."""
    # mangum's own way in is a context manager in some releases and an asynchronous one in others;
    # the two coroutines that both are made of have been the same since 0.19.
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
    """Why the app's lifespan failed: what it said, or what is wrong with what it said."""
    failure: StartupFailed = _errors().StartupFailed(
        "".join(failures) or str(cycle.exception or "the app said so")
    )
    return failure


def _with_optional_lifespan(app: App, failures: list[str]) -> ASGI:
    """The app, with everything that means "no lifespan here" said as mangum's LifespanUnsupported.

    The spec asks a server to go on, whatever the app raises (https://asgi.readthedocs.io/en/stable/specs/lifespan.html);
    mangum does, but logs the plain refusal of Django as an error at each cold start. It also raises in the
    app what its own cycle has to know of a failure. What the app said of it is kept in `told`.
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
            return  # it did not end when it was asked to: the loop ends now
        error = task.exception()
        if error is None or failures:  # having said that it failed, an app may well raise why
            return
        if answered:
            raise error
        if asked and not isinstance(error, LifespanUnsupported):
            what = "the app raised while it started; by the ASGI spec, it is taken to have no lifespan"
            _errors().report(what, error, None, level=logging.WARNING)
        raise LifespanUnsupported from error

    return lifespan
