"""The errors of the adapter, and the function that logs errors.

AdapterError
├── AppNotLoaded       "package.module:attribute" does not lead to an app
├── InterfaceUnknown   the app's call is neither WSGI nor ASGI
├── StartupFailed      the app's lifespan reported that it cannot start
├── EventUnknown       the event is not an HTTP request
├── ProtocolBroken     the app broke a rule of WSGI or ASGI
├── ResponseRefused    the app's response cannot be sent
├── ClientGone         the client has gone, so a streamed response is not read any more
└── PayloadRefused     the function's result is not a response (for code that reads payloads)

The first four fail the function, for the person who deployed or invoked it. The next two, and all errors of
the app, are logged and answered with a plain 500, which tells the client nothing of them. ClientGone is no
error of the app, and only a line in the log.

Code that raises or logs an error imports this module there. Most functions never do, and an import at the top
would delay every cold start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Any


class AdapterError(Exception):
    """The base of all errors of this package."""


class AppNotLoaded(AdapterError):
    """The reference "package.module:attribute" leads to nothing, or not to an app."""


class InterfaceUnknown(AdapterError):
    """The app's call is neither WSGI nor ASGI."""


class StartupFailed(AdapterError):
    """The app's lifespan reported that it cannot start."""


class EventUnknown(AdapterError):
    """The event is not an HTTP request."""


class ProtocolBroken(AdapterError):
    """The app broke a rule of WSGI or ASGI."""


class ResponseRefused(AdapterError):
    """The app's response cannot be sent."""


class ClientGone(AdapterError, OSError):
    """The client has gone, so a streamed response is not read any more.

    It is an OSError, as the ASGI spec asks (https://asgi.readthedocs.io/en/stable/specs/www.html#response-body-send-event),
    and as a server's own socket would raise.
    """


class PayloadRefused(AdapterError):
    """The function's result is not a response."""


def ends_the_process(error: BaseException) -> bool:
    """Return whether an error means to end the process; every other error of an app is answered.

    Others include a BaseException such as asyncio's CancelledError, which a WSGI app may let through, and
    with which Lambda's runtime would end.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(ends_the_process, error.exceptions))
    return isinstance(error, SystemExit | KeyboardInterrupt)


def attempt(call: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """Return the result of a call, and None; or None, and what the call raised. Only Ctrl-C passes through.

    It is for work of the project that others must survive: one record of a batch, one task. A SystemExit is
    a failure of that work, too, since the process belongs to all.
    """
    try:
        return call(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


async def attempt_async(work: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Do the same with what a coroutine does."""
    try:
        return await work, None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


def report(what: str, error: BaseException, context: object, *, level: int = logging.ERROR) -> None:
    """Log `error` with its traceback and the request id, as one record.

    It uses `logging`, because Lambda's handler keeps a record whole and writes it as JSON if the function is
    set up so. The logger is fetched here, not on import: `dictConfig` disables all existing loggers
    (https://docs.python.org/3/library/logging.config.html#logging-config-dictschema), and the app calls it
    after our import. The message holds the id since an app may replace the handler. The traceback starts with
    the app's first frame: error reporters print the variables of each frame, and ours hold the event.
    """
    request_id = getattr(context, "aws_request_id", None)
    message = f"{what} (request {request_id})" if request_id else what
    shown = error.with_traceback(leave_adapter(error.__traceback__))
    logging.getLogger("lambdify.adapter").log(level, message, exc_info=shown)


def leave_adapter(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without our first frames; the whole one if it has no others."""
    step = traceback
    while step and step.tb_frame.f_globals.get("__name__", "").startswith("lambdify.adapter"):
        step = step.tb_next
    return step or traceback
