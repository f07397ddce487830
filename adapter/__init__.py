"""Run a WSGI or ASGI app on AWS Lambda.

    from lambdify.adapter import Adapter

    handler = Adapter(app)

The data flow is event → Request → app → Response → payload. `event_sources` reads events and writes payloads,
`wsgi` and `asgi` run the app, and a deployed function starts in `entry`.

The package uses the standard library only, and for WSGI apps a small part of it: each import here delays
every cold start of every deployed app.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from lambdify.adapter import event_sources, loading
from lambdify.adapter.messages import Request, Response

if TYPE_CHECKING:
    from lambdify.adapter import asgi, files, wsgi
    from lambdify.adapter.in_front import cdn, names
    from lambdify.adapter.streaming import Reply

__all__ = ["Adapter"]

PLAIN_TEXT = (("content-type", "text/plain; charset=utf-8"),)
BAD_REQUEST = Response(400, PLAIN_TEXT, b"Bad Request")
SERVER_ERROR = Response(500, PLAIN_TEXT, b"Internal Server Error")
ROOM_FOR_TRACEBACK = 6_000
"""Bytes of a traceback that are shown. JSON may need six for each, and CloudFront accepts 40 kB."""


class Adapter:
    """A Lambda handler around a web app.

    It detects whether the app is WSGI or ASGI; `interface` sets it for apps where that cannot be seen. The
    lifespan of an ASGI app starts here, so make the adapter at module level: then Lambda's init covers it.

    `on_event(event, context)` is called for events that are not HTTP requests, such as a queue's or a
    schedule's, and its result is the payload. Without it such events raise EventUnknown. `show_errors` puts
    the app's traceback into a 500, for stages that nobody else can reach. With `remote_user`, a WSGI app
    finds the user whom the front end's authorizer let in as REMOTE_USER; else the user is only in the event.
    With `after_reply`, an ASGI app may go on after its response, and the client does not wait for that.
    With `log_requests`, each request leaves a line in the log: see `observability.request_lines`.
    """

    def __init__(
        self,
        app: Any,
        *,
        interface: Literal["wsgi", "asgi"] | None = None,
        on_event: Callable[[Any, Any], Any] | None = None,
        show_errors: bool = False,
        remote_user: bool = False,
        after_reply: bool = True,
        log_requests: bool = False,
    ) -> None:
        self.app = app
        self.on_event = on_event
        self.show_errors = show_errors
        self.interface = interface or loading.find_interface(app)
        self._server: wsgi.Server | asgi.Server | files.Server | cdn.Server | names.Server
        self._loop_owner: asgi.Server | None = None
        if log_requests and self.interface != "handler":
            from lambdify.adapter.observability import request_lines

            app = request_lines.watch(app, self.interface)
        if self.interface == "wsgi":
            from lambdify.adapter import wsgi

            if remote_user:
                from lambdify.adapter.remote_user import add_user

                app = add_user(app)
            self._server = wsgi.Server(app)
        elif remote_user and self.interface == "asgi":
            from lambdify.adapter.errors import InterfaceUnknown

            raise InterfaceUnknown(
                "remote_user is for WSGI apps: ASGI has no REMOTE_USER, "
                'the authorizer\'s word stands in scope["aws.event"]["requestContext"]'
            )
        elif self.interface == "asgi":
            from lambdify.adapter import asgi  # asyncio and mangum cost a WSGI app 30 ms of cold start

            self._server = self._loop_owner = asgi.Server(app, _hand_over if after_reply else None)
        else:
            from lambdify.adapter.errors import InterfaceUnknown

            raise InterfaceUnknown("this is a Lambda handler already: deploy it as it is")

    def __call__(self, event: Any, context: Any) -> Any:
        """Return the payload for an event. Raises EventUnknown if it is not HTTP, without `on_event`."""
        source = event_sources.find(event)
        if source is None:
            if self.on_event is not None:
                return self.on_event(event, context)
            from lambdify.adapter.errors import EventUnknown

            raise EventUnknown(f"this function answers HTTP requests; it received {describe(event)}")
        try:
            request = source.read_event(event)
        except event_sources.MALFORMED as error:
            from lambdify.adapter.errors import report

            report("an HTTP event could not be read", error, context, level=logging.WARNING)
            return source.write_payload(BAD_REQUEST, event)
        try:
            response = self._server.run(request, event, context)
            return source.write_payload(response, event)
        except BaseException as error:  # here alone: whatever the app raises, the client gets a response
            from lambdify.adapter.errors import ends_the_process, report

            if ends_the_process(error):
                raise
            report(f"{request.method} {request.path} failed", error, context)
            return source.write_payload(self.fail(error), event)

    def serve_files(self, root: str, table: str) -> None:
        """Answer requests for the files of a table before the app; `table` is its path below `root`."""
        from lambdify.adapter import files  # only for apps with such files

        self._server = files.Server(self._server, root, table)

    def answer_to(self, hosts: str, path: str = "") -> None:
        """Lead clients of all these hosts but the first there, by a 308; `path` is before those of the app.

        `hosts` are separated by spaces. Call it before `stand_behind_cdn`, which finds the host out.
        """
        from lambdify.adapter.in_front import names  # only for stages with several names, or a path

        self._server = names.Server(self._server, hosts, path)

    def stand_behind_cdn(self, secret: str, *, alone: bool = False) -> None:
        """Take host and client from headers that come with the secret, and from nobody else.

        With `alone`, a request without it gets a 403.
        """
        from lambdify.adapter.in_front import cdn  # only for stages with a CDN

        self._server = cdn.Server(self._server, secret, alone=alone)

    def fail(self, error: BaseException) -> Response:
        """Return the 500 for an error of the app, with its traceback if `show_errors` is set."""
        return SERVER_ERROR._replace(body=_show(error)) if self.show_errors else SERVER_ERROR

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's response while the app makes it. Raises the app's errors."""
        self._server.stream(request, event, context, reply)

    def complete(self, work: Awaitable[Any], context: object) -> Any:
        """Return the result of a coroutine that runs on an ASGI app's loop. Raises what it raises."""
        assert self._loop_owner, "a WSGI app has no loop"
        return self._loop_owner.complete(work, context)

    def close(self) -> None:
        """Run the shutdown of an ASGI app. Lambda mostly ends the process without it."""
        self._server.close()


def _hand_over(response: Response, event: dict[str, Any], context: object) -> bool:
    """Send a response while the app goes on; return whether it is sent."""
    from lambdify.adapter.streaming import after_reply  # for the first app that goes on

    return after_reply.hand_over(response, event, context)


def _show(error: BaseException) -> bytes:
    """Return the traceback of an error; of a long one, its end."""
    import traceback  # Lambda's runtime has it already; nobody else needs it

    return "".join(traceback.format_exception(error)).encode(errors="backslashreplace")[-ROOM_FOR_TRACEBACK:]


def describe(event: object) -> str:
    """Describe an event by its source and keys, never by its values, which may be secret."""
    if not isinstance(event, dict):
        return f"a {type(event).__name__}"
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    source = event.get("source") or first.get("eventSource") or first.get("EventSource")
    keys = ", ".join(sorted(str(key) for key in event)[:20]) or "no keys"
    return f"an event from {source} with {keys}" if isinstance(source, str) else f"an event with {keys}"
