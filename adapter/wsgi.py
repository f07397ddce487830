"""One Request through a WSGI app, by PEP 3333 (https://peps.python.org/pep-3333/).

Rules
1. Headers count as sent with the first byte of the body: after it, `start_response` with exc_info raises that
   exception again; before it, it replaces status and headers.
2. `close()` of the iterable is called exactly once, whatever happens. If it raises after a complete response,
   the error is logged: with a server the client would have the response by then.
3. Strings in environ hold bytes as latin-1; PATH_INFO and SCRIPT_NAME are decoded, REQUEST_URI is not.
4. A header with "_" in its name is left out: in environ it would look like one with "-", which AWS may have
   written (https://docs.gunicorn.org/en/stable/settings.html#header-map).
5. REMOTE_PORT is always set, as behind gunicorn: "0" if it is not known. a2wsgi.ASGIMiddleware, for one, has
   no client without it.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lambdify.adapter import wire
from lambdify.adapter.messages import Event, Headers, Names, Pair, Request, Response, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import IO

    from lambdify.adapter.errors import ProtocolBroken
    from lambdify.adapter.streaming import Reply

    App = Callable[["Environ", Callable[..., Callable[[bytes], object]]], Iterable[bytes]]

Environ = dict[str, Any]


class Server:
    """One WSGI app; has the methods of `asgi.Server`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """Return the app's response. Raises the app's errors."""
        answer = Answer()
        result = self._app(build_environ(request, event, context), answer.start)
        status = answer.status
        if (
            type(result) is list
            and len(result) == 1
            and type(result[0]) is bytes
            and status
            and not answer.chunks
        ):
            body = result[0]  # the usual result of small apps: a list needs no close(), and one piece no join
        else:
            try:
                answer.take(result)
            except BaseException as error:
                from lambdify.adapter.errors import ends_the_process, report

                if not answer.ended or ends_the_process(error):
                    raise
                report(f"{request.method} {request.path} was answered, then the app raised", error, context)
            body = b"".join(answer.chunks)
            status = answer.status
        try:
            code = CODES[status]
        except KeyError:
            code = remember(CODES, status, find_code(status))
        return wire.build_response(request[0], code, answer.headers, body)

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's response as it comes. Raises the app's errors."""
        from lambdify.adapter.streaming.wsgi import StreamedAnswer

        answer = StreamedAnswer(reply)
        answer.take(self._app(build_environ(request, event, context), answer.start))

    def close(self) -> None:
        """Do nothing: a WSGI app has no shutdown."""


def build_environ(request: Request, event: dict[str, Any], context: object) -> Environ:
    """Return the environ of a request, with `aws.event` and `aws.context`."""
    method, path, query, names, values, body, mount, scheme, host, port, client, client_port = request
    environ = (names.template or _make_template(names)).copy()
    environ["REQUEST_METHOD"] = method
    if mount:
        environ["SCRIPT_NAME"] = wire.decode(mount, "latin-1")
    environ["PATH_INFO"] = wire.decode(path, "latin-1") if "%" in path else path
    environ["QUERY_STRING"] = query
    environ["REQUEST_URI"] = f"{mount}{path}?{query}" if query else mount + path
    environ["SERVER_NAME"] = host
    environ["REMOTE_ADDR"] = client
    if client_port:
        environ["REMOTE_PORT"] = str(client_port)
    if port != 443:
        environ["SERVER_PORT"] = str(port)
    if scheme != "https":
        environ["wsgi.url_scheme"] = scheme
    environ["wsgi.input"] = BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    environ["aws.event"] = hidden = Event()  # as `hide` does, without the call
    hidden._event = event
    environ["aws.context"] = context
    if names.keys is None:
        environ |= _join_repeated(request.headers)
    else:
        environ |= zip(names.keys, values)  # noqa: B905 - `strict=True` takes as long as three headers
    return environ


def _make_template(names: Names) -> Environ:
    """Return an environ to copy for requests with these header names, and cache it in `names`."""
    names.template = ALWAYS | dict.fromkeys(PER_REQUEST)
    if len(set(names.row)) == len(names.row) and "_" not in "".join(names.row):
        names.keys = tuple([_find_key(name) for name in names.row])
        names.template |= dict.fromkeys(names.keys)
    return names.template


def _find_key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if name in ("content-type", "content-length") else f"HTTP_{key}"


def _join_repeated(headers: Headers) -> dict[str, str]:
    grouped = wire.group((_find_key(name), value) for name, value in headers if "_" not in name)
    return {
        key: ",".join(values) if key.startswith("HTTP_") else values[-1] for key, values in grouped.items()
    }


PER_REQUEST = (
    "REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "SERVER_NAME", "REMOTE_ADDR", "wsgi.input",
    "wsgi.errors", "aws.event", "aws.context",
)  # fmt: skip


class Answer:
    """An app's response so far. It has no `__init__`, which would cost a call for each request."""

    status = ""
    headers: Iterable[Pair] = ()
    chunks: Sequence[bytes] = ()
    ended = False
    """Whether the body is complete; its iterable may still have to be closed."""

    def start(self, status: str, headers: list[Pair], exc_info: Any = None) -> Callable[[bytes], None]:
        """Take status and headers: this is `start_response`, and returns `write`."""
        if exc_info is not None:
            if self.begun():
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.status:
            raise _protocol_broken("the app called start_response twice")
        self.status, self.headers = status, headers
        return self.write

    def write(self, chunk: bytes) -> None:
        """Take a copy of a piece of the body, since an app may use its buffer again."""
        chunk = b"".join((chunk,))
        if type(self.chunks) is list:
            self.chunks.append(chunk)
        else:
            self.chunks = [chunk]

    def begun(self) -> bool:
        """Return whether the headers count as sent."""
        return any(self.chunks)

    def take(self, result: Iterable[bytes]) -> None:
        """Take all pieces of the app's iterable, and close it. Raises ProtocolBroken and the app's errors."""
        try:
            for chunk in result:
                if chunk:
                    if not self.status:
                        raise _protocol_broken("the app sent a body before it called start_response")
                    self.write(chunk)
            self.end()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def end(self) -> None:
        """End the body. Raises ProtocolBroken if the app has not called start_response."""
        if not self.status:
            raise _protocol_broken("the app did not call start_response")
        self.ended = True


def _protocol_broken(how: str) -> ProtocolBroken:
    from lambdify.adapter.errors import ProtocolBroken

    return ProtocolBroken(how)


CODES: dict[str, int] = {}
"""Cache: status lines and their codes."""


def find_code(status: str) -> int:
    """Return the code in a status line. Raises ValueError if there is none."""
    code = status.partition(" ")[0]
    if not (code.isascii() and code.isdecimal()) or len(code) > 3:  # `int` would accept non-ASCII digits
        raise ValueError(f"{status[:80]!r} is not a status line")
    return int(code)


def wrap_file(file: IO[bytes], block_size: int = 65_536) -> Iterable[bytes]:
    """Return a file as an iterable of blocks, which closes it: this is `wsgi.file_wrapper`."""
    from wsgiref.util import FileWrapper  # few apps use it, so a cold start does not import it

    return FileWrapper(file, block_size)


ALWAYS: Environ = {
    "SCRIPT_NAME": "",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_PORT": "0",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": wrap_file,
}
"""The values of every environ; mount, port and scheme have their usual values, and may be replaced."""
