"""Run a WSGI or ASGI app on AWS Lambda.

    from lambdify.adapter import Adapter

    handler = Adapter(app)

One line of values: event → Request → app → Response → payload. The event sources are in `event_sources`, the
two ways through an app in `wsgi` and `asgi`, the deployed function starts in `entry`.

Only the standard library is used, and for WSGI apps a small part of it: for what is imported here, every
user of a deployed app waits at a cold start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from lambdify.adapter import event_sources, loading
from lambdify.adapter.messages import Request, Response

if TYPE_CHECKING:
    from lambdify.adapter import asgi, wsgi
    from lambdify.adapter.streaming import Reply

__all__ = ["Adapter"]

PLAIN_TEXT = (("content-type", "text/plain; charset=utf-8"),)
BAD_REQUEST = Response(400, PLAIN_TEXT, b"Bad Request")
SERVER_ERROR = Response(500, PLAIN_TEXT, b"Internal Server Error")
ROOM_FOR_TRACEBACK = 6_000
"""Bytes of it that are shown. JSON may write each as six, and CloudFront lets 40 kB through."""


class Adapter:
    """A Lambda handler around a web app.

    Whether the app speaks WSGI or ASGI is found out; `interface` says it where that cannot be seen. The
    lifespan of an ASGI app starts here, so make the adapter at module level: then Lambda's init covers it.

    `on_event(event, context)` is called for events that are not HTTP requests, a queue's or a schedule's, and
    what it returns is the payload. Without it they are refused. `show_errors` puts the traceback of what the
    app raised into its 500: for a stage that nobody else can reach. With `remote_user`, a WSGI app finds
    whom the front end's authorizer let in as REMOTE_USER; without, that is only in the event.
    """

    def __init__(
        self,
        app: Any,
        *,
        interface: Literal["wsgi", "asgi"] | None = None,
        on_event: Callable[[Any, Any], Any] | None = None,
        show_errors: bool = False,
        remote_user: bool = False,
    ) -> None:
        self.app = app
        self.on_event = on_event
        self.show_errors = show_errors
        self.interface = interface or loading.find_interface(app)
        self._server: wsgi.Server | asgi.Server
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

            self._server = asgi.Server(app)
        else:
            from lambdify.adapter.errors import InterfaceUnknown

            raise InterfaceUnknown("this is a Lambda handler already: deploy it as it is")

    def __call__(self, event: Any, context: Any) -> Any:
        """The payload that answers an event; EventUnknown if it is not HTTP and `on_event` was not given."""
        source = event_sources.find(event)
        if source is None:
            if self.on_event is not None:
                return self.on_event(event, context)
            from lambdify.adapter.errors import EventUnknown

            raise EventUnknown(f"this function answers HTTP requests; it received {_describe(event)}")
        try:
            request = source.read_event(event)
        except event_sources.MALFORMED as error:
            from lambdify.adapter.errors import report

            report("an HTTP event could not be read", error, context, level=logging.WARNING)
            return source.write_payload(BAD_REQUEST, event)
        try:
            response = self._server.run(request, event, context)
            return source.write_payload(response, event)
        except BaseException as error:  # the one place: whatever the app raises, its client gets an answer
            from lambdify.adapter.errors import ends_the_process, report

            if ends_the_process(error):
                raise
            report(f"{request.method} {request.path} failed", error, context)
            return source.write_payload(self.fail(error), event)

    def fail(self, error: BaseException) -> Response:
        """The 500 for what the app raised: silent, unless errors are to be shown."""
        return SERVER_ERROR._replace(body=_show(error)) if self.show_errors else SERVER_ERROR

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's answer to one request while the app makes it; what the app raises passes through."""
        self._server.stream(request, event, context, reply)

    def close(self) -> None:
        """Run the shutdown of an ASGI app; in Lambda, the process just ends."""
        self._server.close()


def _show(error: BaseException) -> bytes:
    """The traceback of an error; of a long one, the end."""
    import traceback  # Lambda's runtime has it already; nobody else needs it

    return "".join(traceback.format_exception(error)).encode(errors="backslashreplace")[-ROOM_FOR_TRACEBACK:]


def _describe(event: object) -> str:
    """What kind of event this is: its source and keys, never its values, which may be secret."""
    if not isinstance(event, dict):
        return f"a {type(event).__name__}"
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    source = event.get("source") or first.get("eventSource") or first.get("EventSource")
    keys = ", ".join(sorted(str(key) for key in event)[:20]) or "no keys"
    return f"an event from {source} with {keys}" if isinstance(source, str) else f"an event with {keys}"
