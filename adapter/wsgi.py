"""One Request through a WSGI app, by PEP 3333 (https://peps.python.org/pep-3333/).

Rules
1. Headers count as sent with the first byte of the body: after it, `start_response` with exc_info raises that
   exception again; before it, it replaces status and headers.
2. `close()` of the iterable is called exactly once, whatever happens. What it raises behind a whole answer is
   logged: a server's client has that answer by then.
3. Strings in environ hold bytes as latin-1; PATH_INFO and SCRIPT_NAME are decoded, REQUEST_URI is not.
4. A header with "_" in its name is left out: in environ it could not be told from one with "-", which AWS may
   have written (https://docs.gunicorn.org/en/stable/settings.html#header-map).
5. REMOTE_PORT is there, as behind gunicorn: "0" where nobody tells it. Who makes a client of it, as
   a2wsgi.ASGIMiddleware does, has none without it.
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
    """One WSGI app; the counterpart of asgi's."""

    def __init__(self, app: App) -> None:
        self._app = app

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """What the app answers; anything it raises passes through."""
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
            body = result[0]  # as most small apps answer: a list needs no closing, and one piece no joining
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
        """Send what the app answers as it comes; anything the app raises passes through."""
        from lambdify.adapter.streaming.wsgi import StreamedAnswer

        answer = StreamedAnswer(reply)
        answer.take(self._app(build_environ(request, event, context), answer.start))

    def close(self) -> None:
        """Nothing: a WSGI app has no shutdown."""


def build_environ(request: Request, event: dict[str, Any], context: object) -> Environ:
    """The environ of a request, with `aws.event` and `aws.context` in it."""
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
    """An environ to copy for requests with these names, which know it from now on."""
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
    """What an app has said so far. Made without a call of Python code: most apps say one thing."""

    status = ""
    headers: Iterable[Pair] = ()
    chunks: Sequence[bytes] = ()
    ended = False
    """Whether the body is over; its iterable may still have to be closed."""

    def start(self, status: str, headers: list[Pair], exc_info: Any = None) -> Callable[[bytes], None]:
        """`start_response`; what it returns is `write`."""
        if exc_info is not None:
            if self.begun():
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.status:
            raise _protocol_broken("the app called start_response twice")
        self.status, self.headers = status, headers
        return self.write

    def write(self, chunk: bytes) -> None:
        """Take a piece of the body: what is in it now, since an app may fill a buffer again."""
        chunk = b"".join((chunk,))
        if type(self.chunks) is list:
            self.chunks.append(chunk)
        else:
            self.chunks = [chunk]

    def begun(self) -> bool:
        """Whether the headers count as sent."""
        return any(self.chunks)

    def take(self, result: Iterable[bytes]) -> None:
        """Take all that the app's iterable gives, and close it."""
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
        """See that there is an answer, now that the body is over."""
        if not self.status:
            raise _protocol_broken("the app did not call start_response")
        self.ended = True


def _protocol_broken(how: str) -> ProtocolBroken:
    from lambdify.adapter.errors import ProtocolBroken

    return ProtocolBroken(how)


CODES: dict[str, int] = {}
"""Status lines, and their numbers."""


def find_code(status: str) -> int:
    """The number in a status line; a ValueError if it begins with none."""
    code = status.partition(" ")[0]
    if not (code.isascii() and code.isdecimal()) or len(code) > 3:  # `int` reads the digits of every script
        raise ValueError(f"{status[:80]!r} is not a status line")
    return int(code)


def wrap_file(file: IO[bytes], block_size: int = 65_536) -> Iterable[bytes]:
    """`wsgi.file_wrapper`: a file as an iterable of blocks, which closes it."""
    from wsgiref.util import FileWrapper  # few apps send files so, and none at a cold start

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
"""What every environ holds; mount, port and scheme as they almost always are."""
