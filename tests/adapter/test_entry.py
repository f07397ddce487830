"""The deployed entry point, as Lambda runs it: in a process of its own, on a task root that was packed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

ADAPTER = Path(__file__).parents[2] / "adapter"

INVOKE = """
import json, sys
from lambdify.adapter import entry
for event in json.load(sys.stdin):
    print(json.dumps(entry.handler(event, None)))
"""

FLASK = """
import sys
from flask import Flask
app = Flask(__name__)
print("imported", file=sys.stderr)

@app.get("/")
def home():
    print("called", file=sys.stderr)
    return "home"

def create_app():
    return app
"""

FASTAPI = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    if not BROKEN: yield
    else: raise RuntimeError("no database")

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def home():
    return "home"
"""

MANGUM_ON_NEW_PYTHONS = "ignore:There is no current event loop:DeprecationWarning"
"""From Python 3.12 on, making a Mangum asks for a loop in a way that warns."""

KEEP_WARM = {"lambdify": "keep-warm"}
HOME = http_api.write_event(Request("GET", "/"))

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def invoke(tmp_path: Path) -> Invoke:
    """Pack a project, start its handler in a new process and send it events."""

    def run(code: str, *events: Any, app: str | None = "main:app") -> subprocess.CompletedProcess[str]:
        root = tmp_path / "task"
        copytree(ADAPTER, root / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
        (root / "main.py").write_text(code)
        (root / ".lambdify").mkdir()
        if app:
            (root / ".lambdify" / "bundle.json").write_text(json.dumps({"app": app}))
        return subprocess.run(
            [sys.executable, "-W", "error", "-W", MANGUM_ON_NEW_PYTHONS, "-c", INVOKE],
            input=json.dumps(events),
            env={
                **os.environ,
                "LAMBDA_TASK_ROOT": str(root),
                "PYTHONPATH": str(root),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def payloads(done: subprocess.CompletedProcess[str]) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_app_is_loaded_once_and_answers(invoke):
    done = invoke(FLASK, HOME, HOME)
    assert [payload["body"] for payload in payloads(done)] == ["home", "home"]
    assert done.stderr.splitlines() == ["imported", "called", "called"]


def test_a_factory_makes_the_app(invoke):
    assert payloads(invoke(FLASK, HOME, app="main:create_app()"))[0]["body"] == "home"


def test_keep_warm_is_answered_without_the_app(invoke):
    done = invoke(FLASK, KEEP_WARM)
    assert payloads(done) == [{"lambdify": "warm"}]
    assert done.stderr.splitlines() == ["imported"]


@pytest.mark.parametrize(
    "event",
    [
        {**HOME, "lambdify": "keep-warm"},
        {**HOME, "body": json.dumps(KEEP_WARM), "isBase64Encoded": False},
        {**HOME, "headers": {**HOME["headers"], "lambdify": "keep-warm"}, "queryStringParameters": KEEP_WARM},
    ],
    ids=["a key", "the body", "headers and query"],
)
def test_no_request_can_be_taken_for_keep_warm(invoke, event):
    assert payloads(invoke(FLASK, event))[0]["body"] == "home"


@pytest.mark.parametrize("event", [{"lambdify": "something else"}, {"lambdify": "keep-warm", "more": 1}, {}])
def test_an_unknown_event_is_refused(invoke, event):
    done = invoke(FLASK, event)
    assert done.returncode == 1
    assert "EventUnknown: this function answers HTTP requests; it received an event with" in done.stderr


def test_an_asgi_app_with_its_lifespan(invoke):
    assert payloads(invoke(FASTAPI.replace("BROKEN", "False"), HOME))[0]["body"] == '"home"'


def test_a_failed_startup_fails_the_init_with_its_traceback(invoke):
    done = invoke(FASTAPI.replace("BROKEN", "True"), HOME)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "StartupFailed" in done.stderr
    assert "RuntimeError: no database" in done.stderr


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param("from mangum import Mangum\nhandler = Mangum(app, lifespan='off')\n", id="Mangum"),
        pytest.param("from lambdify.adapter import Adapter\nhandler = Adapter(app)\n", id="Adapter"),
        pytest.param("def handler(event, context):\n    return {'body': '\"home\"'}\n", id="function"),
    ],
)
def test_an_app_that_is_a_handler_already_is_deployed_as_it_is(invoke, handler):
    asgi = FASTAPI.replace("BROKEN", "False").replace("lifespan=lifespan", "")
    done = invoke(asgi + handler, HOME, KEEP_WARM, app="main:handler")
    first, second = payloads(done)
    assert first["body"] == '"home"'
    assert second == {"lambdify": "warm"}


def test_an_import_that_fails_in_the_app_is_logged_with_its_traceback(invoke):
    done = invoke("import nowhere_to_be_found", HOME)
    assert done.returncode == 1
    assert "while importing 'main:app', this was raised" in done.stderr
    assert 'main.py", line 1, in <module>' in done.stderr


def test_an_app_that_is_not_there(invoke):
    assert (
        "AppNotLoaded: 'main' has no attribute 'application'"
        in invoke("", HOME, app="main:application").stderr
    )


def test_a_task_root_that_was_not_packed(invoke):
    assert "bundle.json is missing" in invoke(FLASK, HOME, app=None).stderr
