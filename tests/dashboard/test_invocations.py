"""Invocations, put together from the lines of a log."""

import json

import pytest

from lambdify.cli.calls import log_lines
from lambdify.cli.calls.log_lines import LogLine
from lambdify.cli.dashboard import invocations

from .hand_made import NOON, Log, logged, request_id, stream


@pytest.fixture
def log() -> Log:
    return Log()


def collect(log: Log, **functions: str):
    own = {name.replace("_", "-"): function for name, function in functions.items()}
    return invocations.collect(log.entries(), own)


def test_a_request_has_its_route_and_what_lambda_measured(log):
    log.call(1.0, ms=12.5, init=340.0, route="/books/<int:id>", method="PUT", status=404)
    (found,) = collect(log)
    assert (found.method, found.route, found.status) == ("PUT", "/books/<int:id>", 404)
    assert (found.duration_ms, found.init_ms, found.wait_ms, found.billed_ms) == (12.5, 340.0, 352.5, 352)
    assert (found.memory_mb, found.version, found.function, found.failed) == (512, "9", "", False)
    assert (found.came - NOON).total_seconds() == pytest.approx(1.0)
    assert found.is_visit


def test_a_call_without_a_route_is_no_visit(log):
    log.call(ms=1.0)
    (found,) = collect(log)
    assert not found.is_visit


def test_environments_work_at_the_same_time(log):
    log.call(0.0, ms=100, route="/slow", where=stream(environment="a"))
    log.call(0.05, ms=10, route="/fast", where=stream(environment="b"))
    assert [each.route for each in collect(log)] == ["/fast", "/slow"]


def test_a_function_in_the_app_s_lambda_is_told_by_its_line(log):
    log.call(function="report")
    assert [each.function for each in collect(log)] == ["report"]


def test_a_function_with_a_lambda_of_its_own_is_told_by_its_stream(log):
    log.call(where=stream("shop-dev-tasks"))
    log.call(1, where="2026/11/23/[9]abc", route="/")
    assert [each.function for each in collect(log, shop_dev_tasks="tasks")] == ["tasks", ""]


def test_an_event_that_lambda_repeats_is_an_invocation_each_time(log):
    log.call(0, number=7, function="report", wrote=(logged(),))
    log.call(60, number=7, function="report")
    assert [(each.request, each.failed) for each in collect(log)] == [
        (request_id(7), True),
        (request_id(7), False),
    ]


@pytest.mark.parametrize("outcome", ["\tStatus: timeout", "\tStatus: error\tError Type: Runtime.ExitError"])
def test_a_timeout_and_a_death_are_failures(log, outcome):
    log.call(outcome=outcome)
    assert [each.failed for each in collect(log)] == [True]


def test_what_has_not_ended_is_left_out_unless_it_has_answered(log):
    log.write(f"START RequestId: {request_id(1)} Version: 9")
    log.write(f"START RequestId: {request_id(2)} Version: 9", where=stream(environment="b"))
    told = {"route": "/", "method": "GET", "status": 200, "ms": 3.0, "cold": False, "request": request_id(2)}
    log.write(json.dumps({"lambdify": told}), 0.1, stream(environment="b"))
    assert [(each.request, each.duration_ms) for each in collect(log)] == [(request_id(2), 3.0)]


def test_a_log_in_json_tells_the_same():
    one = request_id(1)
    metrics = {
        "durationMs": 12.5, "billedDurationMs": 353, "memorySizeMB": 512, "initDurationMs": 340.0,
    }  # fmt: skip
    record = {"requestId": one, "status": "success", "metrics": metrics}
    lines = [
        {"time": "t", "type": "platform.start", "record": {"requestId": one, "version": "9"}},
        {"lambdify": {"route": "/", "method": "GET", "status": 200, "ms": 9, "cold": True, "request": one}},
        {"time": "t", "type": "platform.report", "record": record},
    ]
    written = (LogLine(id="1", at=NOON, stream=stream(), message=json.dumps(line)) for line in lines)
    (found,) = invocations.collect(log_lines.read(written), {})
    assert (found.route, found.duration_ms, found.init_ms, found.memory_mb) == ("/", 12.5, 340.0, 512)


def test_a_line_of_the_app_that_looks_like_ours_counts_nothing_that_is_no_number(log):
    told = {"route": "/", "method": "GET", "status": "fine", "ms": [], "cold": 1, "request": request_id(1)}
    log.write(json.dumps({"lambdify": told}))
    assert [(each.status, each.duration_ms) for each in collect(log)] == [(0, 0.0)]
