"""Telemetry survives the freeze: what OpenTelemetry and Sentry hold is sent before a process stands still.

The process of these functions ends without notice after its last answer. Lambda only freezes it, but in an
environment that gets no further request that comes to the same.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import PATIENCE

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request
from lambdify.adapter.observability import telemetry

from .entry_process import FLASK, HOME, INVOKE, KEEP_WARM, Invoke, payloads
from .telemetry_sink import Collector, collect

FAILS = http_api.write_event(Request("GET", "/fails"))
FREEZE = f"{INVOKE}sys.stdout.flush()\nimport os\nos._exit(0)\n"

STREAM = """
import os, socket, sys, threading, types
client = types.ModuleType("awslambdaric.lambda_runtime_client")
client.LambdaRuntimeClient = type("LambdaRuntimeClient", (), {"post_invocation_result": lambda *_: None})
sys.modules |= {"awslambdaric": types.ModuleType("awslambdaric"), client.__name__: client}
door = socket.create_server(("127.0.0.1", 0))
os.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:%d" % door.getsockname()[1]

def take():
    while True:
        connection, _ = door.accept()
        received = b""
        while not received.endswith(b"0\\r\\n\\r\\n"):
            received += connection.recv(65_536)
        print(json.dumps(received.count(b"HTTP/1.1")), flush=True)
        connection.sendall(b"HTTP/1.1 202 Accepted\\r\\ncontent-length: 0\\r\\n\\r\\n")
        connection.close()

import json
threading.Thread(target=take, daemon=True).start()
from lambdify.adapter.streaming import runtime
for number, event in enumerate(json.load(sys.stdin)):
    runtime.handler(event, types.SimpleNamespace(aws_request_id=str(number)))
os._exit(0)
"""

FASTAPI = """
from fastapi import FastAPI

app = FastAPI(telemetry={"auto_configure": True})

@app.get("/")
async def index():
    return {"hello": "world"}

@app.get("/fails")
async def fails():
    raise ValueError("to be seen")
"""

TRACED_FLASK = """
import os
from flask import Flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shop")
app = Flask(__name__)

@app.get("/")
def index():
    with tracer.start_as_current_span("GET /"):
        return "hello"

@app.get("/fails")
def fails():
    with tracer.start_as_current_span("GET /fails"):
        raise ValueError("to be seen")
"""

NIGHTLY = """
def nightly(event, context):
    with tracer.start_as_current_span("the night"):
        {}
"""

SENTRY = """
import os, sentry_sdk
from flask import Flask
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"])
app = Flask(__name__)

@app.get("/fails")
def fails():
    raise ValueError("to be seen")
"""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collect() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{running.address}")
        monkeypatch.setenv("SENTRY_DSN", f"http://key@{running.address}/1")
        yield running


# -------------------------------------------------------------------- the real libraries


@pytest.mark.slow
@pytest.mark.parametrize("app", [FASTAPI, TRACED_FLASK], ids=["ASGI", "WSGI"])
@pytest.mark.parametrize("script", [FREEZE, STREAM], ids=["buffered", "streamed"])
def test_every_trace_arrives_before_the_process_stands_still(invoke: Invoke, collector, app, script):
    done = invoke(app, HOME, HOME, HOME, FAILS, script=script)
    assert len(payloads(done)) == 4
    assert collector.count("/v1/traces", b"GET /fails") >= 1
    assert collector.count("/v1/", b"to be seen") >= 1
    # Each within its own request, not all with the last.
    assert collector.posts()["/v1/traces"] == 4
    if app == FASTAPI:
        assert collector.posts()["/v1/metrics"] == 1


@pytest.mark.slow
def test_where_the_settings_say_so_they_are_kept(invoke: Invoke, collector):
    assert len(payloads(invoke(FASTAPI, HOME, HOME, HOME, FAILS, script=FREEZE, keep_telemetry=True))) == 4
    assert collector.posted == []


@pytest.mark.slow
@pytest.mark.parametrize("script", [FREEZE, STREAM], ids=["buffered", "streamed"])
def test_an_event_of_sentry_arrives(invoke: Invoke, collector, script):
    invoke(SENTRY, FAILS, script=script)
    assert collector.count("/api/1/envelope/", b"to be seen") >= 1


@pytest.mark.slow
def test_what_a_function_beside_the_app_leaves_arrives_too(invoke: Invoke, collector):
    code = TRACED_FLASK + NIGHTLY.format("return 1")
    script = FREEZE.replace("shop-dev:live", "shop-dev:nightly")
    done = invoke(code, {"any": 1}, script=script, functions={"nightly": {"handler": "main:nightly"}})
    assert done.stdout.endswith("\n1\n")
    assert collector.count("/v1/traces", b"the night") == 1


@pytest.mark.slow
def test_a_collector_that_does_not_answer_delays_one_request_and_no_event_of_sentry(
    invoke: Invoke, collector, monkeypatch
):
    with collect() as silent:
        silent.answers.clear()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{silent.address}")
        code = TRACED_FLASK.replace(
            "import os", "import os, sentry_sdk\nsentry_sdk.init(os.environ['SENTRY_DSN'])"
        )
        answers = payloads(invoke(code, HOME, HOME, FAILS, script=FREEZE))
        assert len(silent.asked) == 1, "after the first request it rests for a minute"
    assert len(answers) == 3
    assert collector.count("/api/1/envelope/", b"to be seen") >= 1


@pytest.mark.slow
def test_an_app_without_telemetry_imports_nothing_for_it(invoke: Invoke):
    script = f"{INVOKE}print(json.dumps([each for each in sys.modules if 'telemetry' in each]))"
    assert payloads(invoke(FLASK, HOME, KEEP_WARM, script=script))[-1] == []


@pytest.mark.slow
def test_the_interface_of_opentelemetry_alone_holds_nothing_and_costs_no_import(invoke: Invoke):
    script = f"{INVOKE}print(json.dumps('lambdify.adapter.observability.telemetry' in sys.modules))"
    assert payloads(invoke(f"import opentelemetry.trace\n{FLASK}", HOME, script=script))[-1] is False


# -------------------------------------------------------------------- how it goes about it


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """A provider that counts, and does what a test wants."""

    def __init__(self, act: Callable[[], Any] = lambda: True) -> None:
        self.given: list[int] = []
        self.act = act

    def force_flush(self, milliseconds: int) -> Any:
        self.given.append(milliseconds)
        return self.act()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have these providers loaded and no others; sinks as in a new process."""
    names = {
        "traces": ("opentelemetry.trace", "get_tracer_provider"),
        "logs": ("opentelemetry._logs", "get_logger_provider"),
        "metrics": ("opentelemetry.metrics", "get_meter_provider"),
    }
    fresh = tuple(
        telemetry.Sink(each.name, each._module, each._find, each._every) for each in telemetry.SINKS
    )
    monkeypatch.setattr(telemetry, "SINKS", fresh)

    def load(**providers: Any) -> None:
        monkeypatch.delitem(sys.modules, "sentry_sdk", raising=False)
        for kind, (module, get) in names.items():
            monkeypatch.delitem(sys.modules, module, raising=False)
            if kind in providers:
                made = SimpleNamespace(**{get: lambda found=providers[kind]: found})
                monkeypatch.setitem(sys.modules, module, made)  # type: ignore[arg-type]

    return load


def test_traces_and_logs_are_sent_each_time_and_metrics_once_a_minute(load, context):
    traces, logs, metrics, clock = Provider(), Provider(), Provider(), Clock()
    load(traces=traces, logs=logs, metrics=metrics)
    for _ in range(3):
        telemetry.flush(context, clock)
        clock.now += 25
    assert [len(each.given) for each in (traces, logs, metrics)] == [3, 3, 1]
    telemetry.flush(context, clock)
    assert len(metrics.given) == 2


def test_it_has_two_seconds(load, context):
    traces = Provider()
    load(traces=traces)
    telemetry.flush(context, Clock())
    assert traces.given == [2000]


def test_it_has_less_where_the_invocation_has_less_left(load, make_context):
    traces = Provider()
    load(traces=traces)
    telemetry.flush(make_context(remaining=1250), Clock())
    telemetry.flush(make_context(remaining=240), Clock())
    assert traces.given == [1000]


def test_a_context_that_does_not_know_is_no_obstacle(load):
    traces = Provider()
    load(traces=traces)
    telemetry.flush(None, Clock())
    assert traces.given == [2000]


def test_a_provider_that_holds_nothing_is_left_alone(load, context):
    load(traces=SimpleNamespace())
    telemetry.flush(context, Clock())


def refuse() -> bool:
    return False


def explode() -> bool:
    raise LookupError("no collector")


@pytest.mark.parametrize(("act", "told"), [(refuse, ""), (explode, "traces could not be sent")])
def test_what_failed_rests_for_a_minute_and_alone(load, context, caplog, act, told):
    traces, logs, clock = Provider(act), Provider(), Clock()
    load(traces=traces, logs=logs)
    for _ in range(3):
        telemetry.flush(context, clock)
        clock.now += 25
    assert (len(traces.given), len(logs.given)) == (1, 3)
    assert told in caplog.text
    telemetry.flush(context, clock)
    assert len(traces.given) == 2


def test_a_provider_that_cannot_be_had_is_told_and_rests(load, context, caplog):
    load(traces=None)
    asked = []

    def get() -> None:
        asked.append(1)
        raise LookupError("no such provider")

    sys.modules["opentelemetry.trace"].get_tracer_provider = get  # type: ignore[attr-defined]
    clock = Clock()
    telemetry.flush(context, clock)
    telemetry.flush(context, clock)
    assert asked == [1]
    assert "OpenTelemetry's traces could not be sent" in caplog.text
    assert "LookupError: no such provider" in caplog.text


def test_what_hangs_is_told_and_not_begun_again_while_it_hangs(load, make_context, caplog):
    over, begun = threading.Event(), threading.Event()
    traces, logs, clock = Provider(lambda: begun.set() or over.wait(PATIENCE)), Provider(), Clock()
    load(traces=traces, logs=logs)
    telemetry.flush(make_context(remaining=300), clock)
    assert begun.wait(PATIENCE)
    assert "OpenTelemetry's traces could not be sent in time; the next attempt is in a minute" in caplog.text
    for _ in range(3):  # it still hangs after its rest, and gets another one
        clock.now += 61
        telemetry.flush(make_context(remaining=300), clock)
    assert (len(traces.given), len(logs.given)) == (1, 4)
    over.set()
    telemetry.SINKS[1]._thread.join(PATIENCE)
    clock.now += 61
    telemetry.flush(make_context(remaining=300), clock)
    assert len(traces.given) == 2


def test_sentry_is_asked_when_it_is_loaded(load, context, monkeypatch):
    load()
    given: list[float] = []
    sentry = SimpleNamespace(flush=lambda timeout: given.append(timeout))
    monkeypatch.setitem(sys.modules, "sentry_sdk", sentry)
    telemetry.flush(context, Clock())
    assert given == [4.0]  # more than it gets: it is seen to wait


@pytest.mark.slow
def test_an_invocation_that_fails_is_flushed_too_and_fails_as_it_did(invoke: Invoke, collector):
    code = TRACED_FLASK + NIGHTLY.format("raise KeyError")
    script = FREEZE.replace("shop-dev:live", "shop-dev:nightly")
    done = invoke(code, {"any": 1}, script=script, functions={"nightly": {"handler": "main:nightly"}})
    assert "KeyError" in done.stderr
    assert collector.count("/v1/traces", b"the night") == 1


def test_where_there_is_no_room_for_a_thread_the_answer_goes_out_all_the_same(load, context, caplog):
    traces, clock = Provider(), Clock()
    load(traces=traces)
    usual = threading.stack_size(1 << 47)  # more than a process may have
    try:
        telemetry.flush(context, clock)
    finally:
        threading.stack_size(usual)
    assert traces.given == []
    assert "OpenTelemetry's traces could not be sent" in caplog.text
