"""A script in the function's Python: imports the packed app as Lambda does, and reports how that went.

The guard (programs/guard.py) runs it with `-s -S -P -B -u`, so that nothing of this machine can be imported.
Arguments, both JSON: what is rehearsed, see `Rehearsed`; and what the guard tells.

It reports a JSON object on each line, each as it happens, since the app may end the process at any moment:
    {"event": "begins"}                           the guard is set up, and the app is imported now
    {"event": "unset", "name": ...}               the app's code asked for a variable that is not set
    {"event": "set", "names": ...}                those of these that it has set itself by then
    {"event": "secret", "name": ...}              it asked for one whose value is a placeholder
    {"event": "blocked", "what": ..., "target": ..., "frame": ...}
    {"event": "answer", ...}                      what it says to a question, see static/worker.py
    {"event": "ends"}                             the import has ended, in one of two ways:
    {"event": "starts", "interface": ..., "asked": whether the app was asked for it}    or
    {"event": "raised", "error": ..., "refused": whether a refused connection led to it}
"""

import _collections_abc
import importlib
import json
import os
import site
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypedDict

Place = tuple[str, int, str]
"""File, line and function of a frame."""
PATIENCE = 10.0
"""Seconds for an app to answer a request, if that has to tell its interface."""
OF_MAPPINGS = ("<frozen os>", "<frozen _collections_abc>", os.__file__, _collections_abc.__file__)
"""The files of what is between a look into os.environ and its mapping."""
FRAMES_TOLD = 100
"""Frames at each end of a traceback that are reported: an endless recursion has thousands."""
FIELDS: tuple[tuple[type[BaseException], tuple[str, ...]], ...] = (
    (ImportError, ("name", "path")),
    (OSError, ("errno", "filename")),
    (SyntaxError, ("filename", "lineno", "text")),
    (SystemExit, ("code",)),
    (NameError, ("name",)),
    (AttributeError, ("name",)),
)
"""What is told of errors besides their texts, by their classes."""


class Watch:
    """Reports what happens while the app is imported."""

    def __init__(self, report: int, root: str, foreign: tuple[str, ...]) -> None:
        """`root` is the app's folder, `foreign` the names in it that are not the project's."""
        self._report, self._root, self._pid = report, f"{root}/", os.getpid()
        self._asked: list[str] = []
        self._foreign = ("lambdify/", *(f"{name}/" for name in foreign))
        self.question: Any = None
        """What the app is asked once it has started, if anything."""

    def tell(self, event: str, **values: object) -> None:
        """Report an event."""
        line = f"{json.dumps({'event': event, **values})}\n".encode()
        while line:
            line = line[os.write(self._report, line) :]

    def blocked(self, what: str, target: str, frame: FrameType) -> None:
        """Report what the guard refused."""
        places = [_place(each) for each in _outwards(frame)]
        told = [each for each in places if not each[0].startswith("<frozen ")]
        mine = next((each for each in told if self.is_own(each[0])), told[0] if told else None)
        self.tell("blocked", what=what, target=target, frame=mine)

    def unset(self, name: str, frame: FrameType) -> None:
        """Report a variable that is not set, if the app has asked for it."""
        if self._asked_by_the_app(name, frame):
            self._asked.append(name)
            self.tell("unset", name=name)

    def is_own(self, file: str) -> bool:
        """Return whether a file is the project's own code."""
        name = file.removeprefix(self._root)
        return name != file and not f"{name}/".startswith(self._foreign)

    def _asked_by_the_app(self, name: str, frame: FrameType) -> bool:
        """Return whether the project's code asked for a variable, itself or by a call that names it.

        What else packages look up, for settings of their own, is not what the project wants to know.
        """
        asking = [each for each in _outwards(frame) if each.f_code.co_filename not in OF_MAPPINGS]
        if asking and self.is_own(asking[0].f_code.co_filename):
            return True
        for each in asking:
            if each.f_code.co_filename.startswith("<frozen importlib"):
                return False
            if self.is_own(each.f_code.co_filename):
                # Its last part, since a library may put a prefix before it.
                texts = [text for text in each.f_code.co_consts if isinstance(text, str) and len(text) > 1]
                return any(name.upper().endswith(text.upper()) for text in texts)
        return False

    def ask(self, error: BaseException, refused: list[BaseException]) -> None:
        """Find the interface by a request to the app, and import the handler anew; return if it has none."""
        app = next(
            frame.f_locals["app"]
            for frame, _ in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_name == "find_interface"
        )
        told = _speaks_wsgi(app) or _speaks_asgi(app)
        if not told:
            return
        os.environ["LAMBDIFY_INTERFACE"] = told
        try:
            importlib.import_module("lambdify.adapter.entry")
        finally:
            now = sys.exc_info()[1]
            self.finish(None if now is error else now, refused, asked=True)

    def finish(
        self, error: BaseException | None, refused: list[BaseException], *, asked: bool = False
    ) -> None:
        """Report the end, and end the process as Lambda does: even if the app has started threads."""
        if os.getpid() != self._pid:  # a fork of the app's own, in which the import went on
            os._exit(1)
        before = sys.exc_info()[1]
        try:
            if error is None and self.question:
                self.tell("answer", **self.question.ask(sys.modules["lambdify.adapter.entry"].respond))
        finally:
            now = sys.exc_info()[1]
            self._end(error if now is before else now, refused, asked)

    def _end(self, error: BaseException | None, refused: list[BaseException], asked: bool) -> None:
        self.tell("ends")
        self.tell("set", names=[name for name in self._asked if os.fsencode(name) in os.environ._data])  # type: ignore[attr-defined]
        if error is None:
            app = sys.modules["lambdify.adapter.entry"].respond
            self.tell("starts", interface=getattr(app, "interface", ""), asked=asked)
        else:
            ours = any(each is one for each in _chain(error) for one in refused)
            self.tell("raised", error=_describe(error), refused=ours)
        os._exit(0)


class Variables(dict[bytes, bytes]):
    """The mapping below os.environ and os.environb: it tells what the app looks up."""

    def __init__(self, values: dict[bytes, bytes], watch: Watch, secrets: frozenset[bytes]) -> None:
        super().__init__(values)
        self._watch, self._secrets = watch, secrets

    def __missing__(self, key: bytes) -> bytes:
        self._watch.unset(os.fsdecode(key), sys._getframe(1))
        raise KeyError(key)

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._secrets:
            self._watch.tell("secret", name=os.fsdecode(key))
        return super().__getitem__(key)


class Rehearsed(TypedDict):
    """What is rehearsed."""

    hook: str
    """The file of the audit hook."""
    layers: str
    """The folder with the layers: /opt on Lambda."""
    runtime: list[str]
    """The folder with what Lambda's runtime brings along, if it is on this machine."""
    foreign: list[str]
    """Names in the app's folder that are not the project's, but dependencies'."""
    readable: list[str]
    """Folders that may be read, besides."""
    secrets: list[str]
    """Variables whose values are placeholders."""
    question: str
    """The file of what the app is asked once it has started; "" for nothing."""


def main(given: str, told: str) -> None:
    """Import the app, report how that went, and end."""
    rehearsed: Rehearsed = json.loads(given)
    guard = json.loads(told)
    root, layers = os.environ["LAMBDA_TASK_ROOT"], rehearsed["layers"]
    watch = Watch(guard["report"], root, tuple(rehearsed["foreign"]))
    # -S leaves these out with the rest of `site`, but apps do call exit().
    site.setquit()
    site.setcopyright()
    site.sethelper()
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path[:0] = [root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path += rehearsed["runtime"]
    sys.argv = ["awslambdaric", "lambdify.adapter.entry.handler"]
    names = _load(rehearsed["hook"])
    if rehearsed["question"]:
        watch.question = _load(rehearsed["question"])["Question"](root, guard["tmp"])
    secrets = frozenset(map(os.fsencode, rehearsed["secrets"]))
    data = Variables(os.environ._data, watch, secrets)  # type: ignore[attr-defined]
    os.environ._data = os.environb._data = data  # type: ignore[attr-defined]
    programs = {"files", "connections"} <= set(guard["guarded"])
    may_read = (*rehearsed["readable"], root, layers, *rehearsed["runtime"])
    hook = names["AuditHook"](guard["tmp"], may_read, watch.blocked, programs=programs)
    hook.install()
    watch.tell("begins")
    try:
        # The import by name finds the bundle's adapter, not the one that is installed with lambdify.
        importlib.import_module("lambdify.adapter.entry")
    finally:
        error = sys.exc_info()[1]
        if error is not None and _name(type(error)) == "lambdify.adapter.errors.InterfaceUnknown":
            watch.ask(error, hook.refused)
        watch.finish(error, hook.refused)


def _load(path: str) -> dict[str, Any]:
    """Return the names of a file of ours, which cannot be imported here."""
    names: dict[str, Any] = {"__name__": f"lambdify.{os.path.basename(path)}"}  # noqa: PTH119
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), names)  # noqa: S102
    return names


def _speaks_wsgi(app: Any) -> str:
    """Return "wsgi" if the app answers a request for / as WSGI apps do; else ""."""
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    begun: list[object] = []

    def start_response(*arguments: object) -> object:
        begun.append(arguments)
        return begun.append

    def call() -> None:
        for _ in app(environ, start_response):
            break

    _try(call)
    return "wsgi" if begun else ""


def _speaks_asgi(app: Any) -> str:
    """Return "asgi" if the app answers a request for / as ASGI apps do; else ""."""
    import asyncio

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
    }
    begun: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        begun.append(message)

    _try(lambda: asyncio.run(asyncio.wait_for(app(scope, receive, send), PATIENCE)))
    return "asgi" if begun else ""


def _try(call: Callable[[], object]) -> None:
    """Run a call that may fail, for PATIENCE seconds at most; a thread shows its error itself."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, but for ours."""
    while frame:
        if frame.f_code.co_filename != __file__:
            yield frame
        frame = frame.f_back


def _place(frame: FrameType) -> Place:
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with all that led to it, `from None` or not."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _describe(error: BaseException | None, seen: tuple[int, ...] = ()) -> dict[str, object] | None:
    """Return an error and what led to it, in what JSON can hold."""
    if error is None or id(error) in seen:
        return None
    walked = [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    places = [each for each in walked if each[0] != __file__]
    if len(places) > 2 * FRAMES_TOLD:
        places = places[:FRAMES_TOLD] + places[-FRAMES_TOLD:]
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    context = None if error.__suppress_context__ else error.__context__
    return {
        "type": _name(type(error)),
        "bases": [_name(each) for each in type(error).__mro__],
        # It catches what the app's own __str__ raises.
        "message": str(traceback.TracebackException(type(error), error, None)),
        "fields": _fields(error),
        "frames": places,
        "cause": _describe(inner or error.__cause__ or context, (*seen, id(error))),
    }


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _fields(error: BaseException) -> dict[str, str]:
    names = [name for kind, names in FIELDS if isinstance(error, kind) for name in names]
    values = {name: getattr(error, name, None) for name in names} | {"args": error.args}
    if isinstance(error, OSError) and isinstance(error.filename, bytes):
        values["filename"] = os.fsdecode(error.filename)
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return str(value) if isinstance(value, str | int | float) else f"<{type(value).__name__}>"


if __name__ == "__main__":
    main(*sys.argv[1:])
