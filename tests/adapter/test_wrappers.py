"""Handlers of others around ours: what Datadog's, X-Ray's and Powertools' documents say, with their packages.

https://docs.datadoghq.com/serverless/aws_lambda/installation/python/
https://docs.aws.amazon.com/lambda/latest/dg/python-tracing.html
https://docs.aws.amazon.com/powertools/python/latest/core/tracer/
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest
from uv import find_uv_bin
from waiting import PATIENCE

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

from .entry_process import ADAPTER, HOME, KEEP_WARM

pytestmark = [pytest.mark.slow, pytest.mark.index]

PACKAGES = ("flask", "datadog-lambda", "aws-xray-sdk", "aws-lambda-powertools")
FAILS = http_api.write_event(Request("GET", "/fails"))
EVENTS = [HOME, FAILS, KEEP_WARM]
TRACE = "1-63441c4a-abcdef012345678912345678"

APP = """
from flask import Flask
app = Flask(__name__)

@app.get("/")
def home():
    return "home"

@app.get("/fails")
def fails():
    raise ValueError("to be seen")
"""

XRAY = """
from aws_xray_sdk.core import patch_all, xray_recorder
patch_all()
from lambdify.adapter.entry import handler as app
handler = xray_recorder.capture("app")(app)
"""

POWERTOOLS = """
from aws_lambda_powertools import Tracer
from lambdify.adapter.entry import handler as app
handler = Tracer(service="shop").capture_lambda_handler(app)
"""

LAMBDA = """
# As AWS's runtime client does: the handler is imported by its name, and the process ends without notice.
import importlib, json, os, sys, types
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module), name)
for number, event in enumerate(json.load(sys.stdin)):
    context = types.SimpleNamespace(
        function_name="shop-dev", function_version="7", memory_limit_in_mb="512", aws_request_id=str(number),
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:live",
        client_context=None, get_remaining_time_in_millis=lambda: 30_000,
    )
    answer = handler(event, context)
    print("ANSWER", answer.get("statusCode", answer), flush=True)
os._exit(0)
"""

Call = Callable[..., str]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the packages."""
    folder = tmp_path_factory.mktemp("traced") / "venv"
    for words in (
        ("venv", "--quiet", "--python", sys.executable, str(folder)),
        ("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *PACKAGES),
    ):
        subprocess.run([find_uv_bin(), *words], check=True, timeout=300)
    return folder / "bin" / "python"


@pytest.fixture
def call(python: Path, tmp_path: Path) -> Call:
    """`call("tracing.handler", XRAY)`: what the handler has written, and its answers."""

    def call(handler: str, code: str = "", **environ: str) -> str:
        copytree(ADAPTER, tmp_path / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
        (tmp_path / "shop.py").write_text(APP)
        (tmp_path / "tracing.py").write_text(code)
        (tmp_path / ".lambdify").mkdir()
        (tmp_path / ".lambdify" / "bundle.json").write_text('{"app": "shop:app"}')
        of_lambda = {
            "AWS_LAMBDA_FUNCTION_NAME": "shop-dev",
            "AWS_REGION": "eu-west-1",
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1",
        }
        done = subprocess.run(
            [python, "-c", LAMBDA, handler],
            input=json.dumps(EVENTS),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), **of_lambda, **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
        assert answers == ["ANSWER 200", "ANSWER 500", "ANSWER {'lambdify': 'warm'}"]
        return done.stdout

    return call


class Daemon:
    """X-Ray's daemon, which is told by datagrams."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self.address = "{}:{}".format(*door.getsockname())

    def take(self, number: int) -> list[dict]:
        """Return the next segments. Raises TimeoutError if they do not come."""
        return [json.loads(self._door.recv(65_536).partition(b"\n")[2]) for _ in range(number)]


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(PATIENCE)
        yield Daemon(door)


def test_datadogs_handler_has_ours_imported_by_the_name_that_it_is_told(call):
    """Without their extension traces go to the log, where their forwarder finds them."""
    written = call("datadog_lambda.handler.handler", DD_LAMBDA_HANDLER="lambdify.adapter.entry.handler")
    lines = [json.loads(line) for line in written.splitlines() if line.startswith('{"traces"')]
    spans = [span for line in lines for trace in line["traces"] for span in trace]
    called = [span["resource"] for span in spans if span["name"] == "aws.httpapi"]
    assert called == ["GET /", "GET /fails"]
    failed = {span["meta"].get("http.status_code") for span in spans if span["error"]}
    assert "500" in failed
    seen = {span["resource"] for span in spans if span["name"] == "flask.request"}
    assert seen == {"GET /", "GET /fails"}, "its spans of Flask are in the same traces"


def test_what_x_ray_captures_reaches_its_daemon_before_the_answer(call, daemon):
    call("tracing.handler", XRAY, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    segments = daemon.take(len(EVENTS))
    assert [(each["name"], each["trace_id"]) for each in segments] == [("app", TRACE)] * 3
    assert {each["parent_id"] for each in segments} == {"53995c3f42cd8ad8"}


def test_the_tracer_of_powertools_tells_the_daemon_of_each_call(call, daemon):
    call("tracing.handler", POWERTOOLS, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    segments = daemon.take(len(EVENTS))
    assert [each["name"] for each in segments] == ["## handle"] * 3
    assert [each["annotations"]["ColdStart"] for each in segments] == [True, False, False]
    assert segments[0]["annotations"]["Service"] == "shop"
