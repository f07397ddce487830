"""One line for each request in the log, from which routes, durations and errors can be counted.

    {"lambdify": {"route": "/books/<int:id>", "method": "GET", "status": 200, "ms": 12.3, "cold": true, ...}}

The route is what the framework matched, not the path: paths are without number, and may hold what nobody
should log. The query and the headers are left out. The app is not touched:

Flask     werkzeug's request is in environ, with its rule, until Flask ends the request. So it is looked at
          when the response starts.
Django    the request is known inside only: `get_response` of its handler, called for each, is wrapped.
FastAPI, Starlette   the route is in the scope, and the mounts that led to it are in root_path.
others    the path, without what looks like an id.

Rules
1. A line is written when the response is complete: of a buffered one when the app has made it, of a streamed
   one after the last byte. What an app does after its response is no part of the milliseconds.
2. What the app raises before its response is complete is a 500, as the client sees it.
3. `cold` means that the environment had handled no event before.
4. A deployment tries a version by its number, which no visitor does: such a request leaves no line.
5. It is imported only where the settings ask for it, and takes 3 to 4 microseconds a request
   (benchmarks/request_line.py).
"""

from __future__ import annotations

import json
import re
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lambdify.adapter import middleware
from lambdify.adapter.messages import remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lambdify.adapter import asgi, wsgi

ID = re.compile(
    r"(?<=/)(?:\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|(?=[\w-]*\d)[\w-]{22,})(?=/|$)"
)
"""A part of a path that looks like an id: a number, a UUID, a digest, a token."""
LONGEST = 200
"""Characters of a path that are written."""
ROUTE = "lambdify.route"
"""Where Django's route is noted in environ or scope."""
LINE = '{"lambdify": {"route": %s, "method": %s, "status": %s, "ms": %.1f, "cold": %s, "request": "%s"}}\n'
FAILED = "500"

_texts: dict[str, str] = {}
"""Cache: routes and methods, and how JSON writes them."""


class Environment:
    """What is known of this execution environment."""

    cold = True


def watch(app: Any, interface: str) -> Any:
    """Return the app, wrapped so that each request leaves a line; `interface` is "wsgi" or "asgi"."""
    _watch_django(app)
    return _watch_wsgi(app) if interface == "wsgi" else _watch_asgi(app)


def warming(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the handler; after its first event, whichever it is, the environment is no longer cold."""

    def handle(event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            Environment.cold = False

    return handle


def _watch_wsgi(app: wsgi.App) -> wsgi.App:
    def watched(environ: wsgi.Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = perf_counter()
        mount = environ["SCRIPT_NAME"]
        status = FAILED
        rule = None

        def start(line: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal status, rule
            code = line[:3]
            status = code if code.isascii() and code.isdigit() else FAILED
            # Flask takes the request out of environ when it ends.
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            return start_response(line, headers, exc_info)

        def write(status: str) -> None:
            _write(_find_wsgi_route(environ, rule, mount), environ["REQUEST_METHOD"], status, begun, environ)

        try:
            result = app(environ, start)
        except BaseException:
            write(FAILED)
            raise
        if type(result) is not list:
            return _pass_on(result, lambda failed: write(FAILED if failed else status))
        write(status)
        return result

    return watched


def _pass_on(pieces: Iterable[bytes], end: Callable[[bool], None]) -> Iterator[bytes]:
    """Yield an app's pieces, and close them; then call `end` with whether the app has raised.

    `yield from` would close the iterable a second time, if nobody reads on.
    """
    failed = True
    try:
        for piece in pieces:  # noqa: UP028
            yield piece
        failed = False
    except GeneratorExit:  # the client has gone
        failed = False
        raise
    finally:
        try:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        finally:
            end(failed)


def _watch_asgi(app: asgi.App) -> asgi.App:
    async def watched(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        begun = perf_counter()
        mount = scope["root_path"]
        status = FAILED
        written = False

        async def watch_send(message: asgi.Message) -> None:
            nonlocal status, written
            await send(message)
            if message["type"] == "http.response.start":
                status = format(message["status"], "d")
            elif message["type"] == "http.response.body" and not (written or message.get("more_body", False)):
                written = True
                _write(_find_asgi_route(scope, mount), scope["method"], status, begun, scope)

        try:
            await app(scope, receive, watch_send)
        finally:
            if not written:
                _write(_find_asgi_route(scope, mount), scope["method"], FAILED, begun, scope)

    return watched


def _write(route: str, method: str, status: str, begun: float, about: Any) -> None:
    """Write a line; `about` is the environ or the scope of the request."""
    milliseconds = (perf_counter() - begun) * 1000
    cold = "true" if Environment.cold else "false"
    Environment.cold = False
    context = about.get("aws.context")
    if getattr(context, "invoked_function_arn", "").rpartition(":")[2].isdigit():
        return
    request = getattr(context, "aws_request_id", "")
    # One write: AWS's runtime client sends each on its own, and two requests' lines are never mixed.
    sys.stdout.write(LINE % (_quote(route), _quote(method), status, milliseconds, cold, request))


def _quote(text: str) -> str:
    try:
        return _texts[text]
    except KeyError:
        return remember(_texts, text, json.dumps(text))


def _find_wsgi_route(environ: wsgi.Environ, rule: Any, mount: str) -> str:
    mounted = environ.get("SCRIPT_NAME", "").removeprefix(mount)
    route = environ.get(ROUTE) or (rule.rule if rule is not None else None)
    if route is not None:
        return f"{_without_ids(mounted)}{route}"
    path = mounted + environ.get("PATH_INFO", "")
    return _without_ids(path.encode("latin-1", "replace").decode("utf-8", "replace"))


def _find_asgi_route(scope: asgi.Scope, mount: str) -> str:
    if ROUTE in scope:
        found: str = scope[ROUTE]
        return found
    # Mounts lengthen root_path, and leave the path as it is.
    mounted = scope.get("root_path", "").removeprefix(mount)
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    if path is None:
        parts = scope.get("path_params") or {}
        return _without_ids(_name_parts(scope["path"].removeprefix(mount), parts))
    if hasattr(route, "app") and not hasattr(route, "methods"):  # a mount itself, as that of static files
        return _without_ids(mounted) + "/{path}"
    # FastAPI's routers have their prefix in the route, Starlette's mounts theirs in root_path.
    return f"{_without_ids(mounted)}{path}"


def _name_parts(path: str, parts: dict[str, Any]) -> str:
    """Return the path with the names of its parameters for their values, where no route is known."""
    for name, value in parts.items():
        path = f"{path}/".replace(f"/{value}/", f"/{{{name}}}/", 1)[:-1]
    return path


def _without_ids(path: str) -> str:
    """Return a path without what looks like an id."""
    return ID.sub("{id}", path[:LONGEST]) if path else ""


def _watch_django(app: Any) -> None:
    """Have the app's Django handler, if it has one, note the route of each request."""
    base = sys.modules.get("django.core.handlers.base")
    if base is None:
        return
    for found in middleware.walk(app):
        if isinstance(found, base.BaseHandler):
            found.get_response = _note_route(found.get_response)
            found.get_response_async = _note_route_async(found.get_response_async)
            return


def _note_route(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def watched(request: Any) -> Any:
        response = get_response(request)
        _note(request)
        return response

    return watched


def _note_route_async(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def watched(request: Any) -> Any:
        response = await get_response(request)
        _note(request)
        return response

    return watched


def _note(request: Any) -> None:
    match = getattr(request, "resolver_match", None)
    if match is not None:
        about = request.scope if hasattr(request, "scope") else request.environ
        about[ROUTE] = f"/{match.route.removeprefix('^')}"
