"""Tracebacks as a person reads them: the project's frames, and the others folded."""

import asyncio
import json
import re
import traceback
from datetime import UTC, datetime

import pytest
from failures.raising import fail_all, project_of, text_of
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware

from lambdify.cli.calls import log_view
from lambdify.cli.calls.log_lines import LogLine, parse
from lambdify.cli.failures import reported, tracebacks
from lambdify.cli.failures.explanation import explain
from lambdify.cli.failures.raised import Frame, Raised

OURS = {"main.py", "shop/views.py"}.__contains__
LOCAL = "/home/me/.cache/lambdify/local/functions"
CODE, LAYERS = f"{LOCAL}/code-{'0a' * 16}", f"{LOCAL}/layers-{'1b' * 16}"


class Timed(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


def books():
    return 1 / 0


def traceback_of_a_request(task, layers, python):
    """What a function that fails in FastAPI, below a middleware, writes, with paths as they are there."""
    app = FastAPI()
    app.add_middleware(Timed)
    app.get("/")(books)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message): ...

    try:
        asyncio.run(app(scope, receive, send))
    except ZeroDivisionError:
        text = traceback.format_exc()
    text = re.sub(r'"/\S*/site-packages/', f'"{layers}/python/', text.replace(__file__, f"{task}/main.py"))
    return re.sub(r'"/\S*/lib/python3\.\d+/', f'"{python}/lib/python3.13/', text)


def folded(text, owns=OURS):
    return list(tracebacks.fold_text(text.splitlines(), owns))


@pytest.mark.parametrize(
    ("task", "layers", "python"),
    [("/var/task", "/opt", "/var/lang"), (CODE, LAYERS, "/home/me/.local/share/uv/python/cpython-3.13")],
)
def test_of_a_failed_request_the_projects_frames_are_shown(task, layers, python):
    text = traceback_of_a_request(task, layers, python)
    assert len(text.splitlines()) > 50
    shown = [re.sub(r"main\.py:\d+", "main.py:N", re.sub(r"… \d+", "… N", line)) for line in folded(text)]
    own = [line for line in shown if "…" not in line]
    assert own == [
        "Traceback (most recent call last):",
        "  main.py:N in traceback_of_a_request",
        "    asyncio.run(app(scope, receive, send))",
        "  main.py:N in dispatch",
        "    return await call_next(request)",
        "  main.py:N in books",
        "    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert re.fullmatch(r"  … N frames in [\w, ]+ and \w+", next(line for line in shown if "fastapi" in line))


LIBRARY = '  File "/opt/python/flask/app.py", line 7, in run\n    self.call()\n    ~~~~~~~~~^^\n'
OWN = '  File "/var/task/main.py", line 3, in books\n    1 / 0\n    ~~^~~\n'
GROUP = (
    "  + Exception Group Traceback (most recent call last):\n"
    '  |   File "/opt/python/anyio/tasks.py", line 9, in __aexit__\n  |     raise group\n'
    "  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
    '    |   File "/var/task/main.py", line 3, in books\n    |     1 / 0\n    |     ~~^~~\n'
    "    | ZeroDivisionError: division by zero\n    +------------------------------------\n"
)
BEGIN = "Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (LIBRARY + OWN, ["  … 1 frame in flask", "  main.py:3 in books", "    1 / 0"]),
        # AWS's client indents with no-break spaces.
        (OWN.replace("  ", "\xa0\xa0"), ["  main.py:3 in books", "    1 / 0"]),
        # Where none is the project's, the one that raised is told.
        (LIBRARY * 2, ["  … 1 frame in flask", "  flask/app.py:7 in run", "    self.call()"]),
        # What runs the app, and Python's import system, tell nothing.
        (
            '  File "/var/runtime/bootstrap.py", line 60, in handle\n    f()\n'
            '  File "/var/task/lambdify/adapter/entry.py", line 60, in handler\n    f()\n'
            '  File "<frozen importlib._bootstrap>", line 1, in _load\n' + OWN,
            ["  main.py:3 in books", "    1 / 0"],
        ),
        # A distribution may lie beside the code.
        (
            LIBRARY.replace("/opt/python", "/var/task") + OWN,
            ["  … 1 frame in flask", "  main.py:3 in books", "    1 / 0"],
        ),
        (
            OWN + "  [Previous line repeated 990 more times]\n",
            ["  main.py:3 in books", "    1 / 0", "  … the same 990 more times"],
        ),
        # A group of exceptions has margins.
        (
            GROUP,
            [
                "  + Exception Group Traceback (most recent call last):",
                "  |   anyio/tasks.py:9 in __aexit__",
                "  |     raise group",
                "  | ExceptionGroup: two (2 sub-exceptions)",
                "  +-+---------------- 1 ----------------",
                "    |   main.py:3 in books",
                "    |     1 / 0",
                "    | ZeroDivisionError: division by zero",
                "    +------------------------------------",
            ],
        ),
        ("hello\n    indented\n\nFile: 3", ["hello", "    indented", "", "File: 3"]),
    ],
)
def test_a_traceback_is_folded_wherever_it_comes_from(text, shown):
    assert folded(text) == shown


def test_an_error_below_that_says_the_same_is_left_out_and_another_is_kept():
    frame = Frame(path="main.py", line=3, function="load", source="load()", own=True)
    inner = Raised(type="builtins.KeyError", message="'API_KEY'", frames=(frame,))
    same = Raised(type="shop.NoKey", message="API_KEY is missing", frames=(frame,), cause=inner)
    assert tracebacks.show(same) == ["  main.py:3 in load", "    load()", "shop.NoKey: API_KEY is missing"]
    other = Raised(type="shop.Broken", message="cannot load", frames=(frame,), cause=inner)
    assert tracebacks.show(other)[2:] == [
        "KeyError: 'API_KEY'",
        "  main.py:3 in load",
        "    load()",
        "shop.Broken: cannot load",
    ]


def test_a_word_that_is_only_a_part_of_another_is_not_the_same():
    inner = Raised(type="builtins.KeyError", message="'x'")
    outer = Raised(type="builtins.ExceptionGroup", message="two (2 sub-exceptions)", cause=inner)
    assert tracebacks.show(outer) == ["KeyError: 'x'", "ExceptionGroup: two (2 sub-exceptions)"]


def test_of_endless_calls_the_beginning_and_the_end_are_shown():
    frames = [
        Frame(path="main.py", line=number % 7, function="down", source="down()", own=True)
        for number in range(900)
    ]
    shown = tracebacks.fold(frames)
    assert len(shown) < 50
    assert "  … 880 more" in shown


# -------------------------------------------------------------------- logs


def show(message, owns=OURS):
    entry = parse(LogLine(id="", at=datetime(2026, 11, 23, tzinfo=UTC), stream="one", message=message))
    return [line.text.replace("\xa0", " ").strip() for line in log_view.show(entry, owns=owns)]


RECORD = (
    f"[ERROR]\t2026-11-23T12:00:00.123Z\t\tthis was raised\n{BEGIN}{LIBRARY}{OWN}ZeroDivisionError: division"
)


def test_log_lines_show_the_projects_frames():
    assert show(RECORD)[1:] == [
        "Traceback (most recent call last):",
        "… 1 frame in flask",
        "main.py:3 in books",
        "1 / 0",
        "ZeroDivisionError: division",
    ]


def test_log_lines_of_the_json_format_show_them_too():
    trace = [LIBRARY, OWN]
    record = {"level": "ERROR", "errorType": "ZeroDivisionError", "errorMessage": "no", "stackTrace": trace}
    assert show(json.dumps(record))[1:] == ["… 1 frame in flask", "main.py:3 in books", "1 / 0"]


def test_all_frames_are_there_where_they_are_wanted():
    assert 'File "/opt/python/flask/app.py", line 7, in run' in show(RECORD, owns=None)


# -------------------------------------------------------------------- what Lambda reports

PROJECTS = {
    "import": {"app.py": "import shop\n", "shop.py": "import nowhere_redis\n"},
    "variable": {"app.py": 'import os\nKEY = os.environ["API_KEY"]\n'},
    "cause": {
        "app.py": """
            import os
            try:
                KEY = os.environ["API_KEY"]
            except KeyError as error:
                raise RuntimeError("cannot be configured") from error
            """
    },
    "unknown": {"app.py": "1 / 0\n"},
}


def report_of(failed, python="/var/lang/lib/python3.13"):
    """The payload and the log of an init that failed so, as AWS's runtime client writes them."""
    raised = failed.raised
    frames = [
        f'  File "{f"/var/task/{each.path}" if each.own else f"{python}/{each.path}"}", line {each.line}, '
        f"in {each.function}\n    {each.source}\n"
        for each in raised.frames
    ]
    text = failed.text.replace(f"{failed.root}/", "/var/task/")
    log = f"[ERROR]\t2026-11-23T12:00:00.123Z\t\twhile importing 'app:app', this was raised\n{text}"
    if raised.is_a("builtins.ImportError"):
        message = f"Unable to import module 'lambdify.adapter.entry': {raised.message}"
        return {"errorType": "Runtime.ImportModuleError", "errorMessage": message, "stackTrace": []}, log
    payload = {"errorType": raised.name, "errorMessage": raised.message, "stackTrace": frames}
    return payload, log if raised.cause else ""


@pytest.mark.slow
def test_what_lambda_reports_is_explained_as_what_was_raised_here(tmp_path):
    told = {}
    for name, failed in fail_all(PROJECTS, tmp_path).items():
        project = project_of(failed.root)
        payload, log = report_of(failed)
        there = explain(reported.read(payload, log, project.owns), project)
        here = explain(failed.raised, project, failed.unset)
        assert (there.message, there.hint) == (here.message, here.hint)
        told[name] = text_of(there).splitlines()[0]
    assert told == {
        "import": "error: shop.py:1 imports nowhere_redis, and nothing that is packed has it.",
        "variable": "error: API_KEY is not set, and app.py:2 reads it.",
        "cause": "error: API_KEY is not set, and app.py:3 reads it.",
        "unknown": "error: ZeroDivisionError: division by zero (app.py:1)",
    }


@pytest.mark.slow
def test_why_a_lifespan_has_failed_is_the_exception_that_its_message_tells(tmp_path):
    code = """
        import asyncio, os
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            app.state.key = os.environ["API_KEY"]
            yield

        app = FastAPI(lifespan=lifespan)
        said = []

        async def receive():
            return {"type": "lifespan.startup"}

        async def send(message):
            said.append(message["message"])

        try:
            asyncio.run(app({"type": "lifespan"}, receive, send))
        except KeyError:
            pass
        raise RuntimeError(said[0])
        """
    failed = fail_all({"lifespan": {"app.py": code}}, tmp_path)["lifespan"]
    text = failed.raised.message.replace(f"{failed.root}/", "/var/task/")
    raised = Raised(type="lambdify.adapter.errors.StartupFailed", message=text)
    explained = explain(raised, project_of(failed.root))
    assert explained.message == "API_KEY is not set, and app.py:7 reads it."
    assert explained.lines[1:3] == ("  app.py:7 in lifespan", '    app.state.key = os.environ["API_KEY"]')
    assert explained.lines[-1] == "KeyError: 'API_KEY'"


@pytest.mark.parametrize(
    "value",
    [None, {}, "text", {"statusCode": 200}, {"errorType": 3}, {"errorType": "X", "stackTrace": [1, None]}],
)
def test_any_payload_can_be_read(value):
    read = reported.read(value, "[ERROR] something\nTraceback (most recent call last):\n", OURS)
    assert read is None or read.type == "X"
