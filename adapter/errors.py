"""What can go wrong between an event and an app, and the one way in which it is logged.

AdapterError
├── AppNotLoaded       "package.module:attribute" does not lead to an app
├── InterfaceUnknown   the app's call says neither WSGI nor ASGI
├── StartupFailed      the app's lifespan said that it cannot start
├── EventUnknown       the event is not an HTTP request
├── ProtocolBroken     the app broke a rule of WSGI or ASGI
├── ResponseRefused    the app's response cannot be sent
├── ClientGone         nobody takes a streamed response any more
└── PayloadRefused     what the function returned is not a response (for those who read payloads)

The first four end in an error of the function: they are for whoever deployed or invoked it. The next two,
and anything the app raises, are answered with a plain 500 and logged: a client learns nothing of them. A
client that has gone is nobody's error, and a line in the log for those who want to know.

Who raises or logs one imports it where that happens: most functions never do, and all of them would wait for
it at each cold start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class AdapterError(Exception):
    """Anything this package raises by itself."""


class AppNotLoaded(AdapterError):
    """What "package.module:attribute" names is not there, or is not an app."""


class InterfaceUnknown(AdapterError):
    """The app's call says neither WSGI nor ASGI."""


class StartupFailed(AdapterError):
    """The app's lifespan said that it cannot start."""


class EventUnknown(AdapterError):
    """The event is not an HTTP request."""


class ProtocolBroken(AdapterError):
    """The app broke a rule of WSGI or ASGI."""


class ResponseRefused(AdapterError):
    """The app's response cannot be sent."""


class ClientGone(AdapterError, OSError):
    """Nobody takes a streamed response any more.

    An OSError, as the ASGI spec asks (https://asgi.readthedocs.io/en/stable/specs/www.html#response-body-send-event)
    and as a server's own socket would raise.
    """


class PayloadRefused(AdapterError):
    """What the function returned is not a response."""


def ends_the_process(error: BaseException) -> bool:
    """Whether this is no failure of a request but the wish to end; all that an app raises else is answered.

    That includes what is no Exception: a WSGI app may let asyncio's CancelledError through, and Lambda's
    runtime would end with it.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(ends_the_process, error.exceptions))
    return isinstance(error, SystemExit | KeyboardInterrupt)


def report(what: str, error: BaseException, context: object, *, level: int = logging.ERROR) -> None:
    """Log `error` with its traceback and the request id, as one record.

    Through `logging`, because Lambda's handler keeps a record whole and writes it as JSON where the function
    is set up so. The logger is fetched here, not on import: `dictConfig` turns off every logger that exists
    when it runs (https://docs.python.org/3/library/logging.config.html#logging-config-dictschema), and the
    app's own set-up runs after our import. The id is in the message since an app may replace the handler.
    The traceback begins where the app does: reporters that listen to the log print the variables of each
    frame, and ours hold the event.
    """
    request_id = getattr(context, "aws_request_id", None)
    message = f"{what} (request {request_id})" if request_id else what
    shown = error.with_traceback(_leave_adapter(error.__traceback__))
    logging.getLogger("lambdify.adapter").log(level, message, exc_info=shown)


def _leave_adapter(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of ours that it begins with; whole if there are no others."""
    step = traceback
    while step and step.tb_frame.f_globals.get("__name__", "").startswith("lambdify.adapter"):
        step = step.tb_next
    return step or traceback
