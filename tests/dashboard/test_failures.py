"""What went wrong, in groups."""

import json
from datetime import timedelta

import pytest

from lambdify.cli.dashboard import failures, invocations

from .hand_made import NOON, TRACEBACK, Log, logged, request_id, stream

OWN = {"app.py", "jobs.py"}


@pytest.fixture
def log() -> Log:
    return Log()


def group(log: Log, **functions: str):
    own = {name.replace("_", "-"): function for name, function in functions.items()}
    entries = log.entries()
    calls = invocations.collect(entries, own)
    return failures.group(entries, calls, own, OWN.__contains__, "lambdify logs dev --local")


def test_the_same_exception_on_the_same_way_is_one_group_whatever_its_values_and_lines(log):
    log.call(0, route="/", wrote=(logged("KeyError: 'pen'"),))
    log.call(5, route="/", wrote=(logged("KeyError: 'ink'", line=7),))
    log.call(9, route="/shop", wrote=(logged("KeyError: 'pad'"),))
    (found,) = group(log)
    assert (found.type, found.message, found.where, found.count) == ("KeyError", "'pad'", "app.py:5", 3)
    assert [(each - NOON).total_seconds() for each in (found.first, found.last)] == [0, 9]
    assert found.routes == ("GET /", "GET /shop")
    assert found.traceback == (
        "  … 1 frame in flask",
        "  app.py:5 in index",
        "    price[name]",
        "KeyError: 'pad'",
    )


def test_another_type_and_another_way_are_other_groups_and_the_most_frequent_comes_first(log):
    log.call(0, route="/a", wrote=(logged("KeyError: 'pen'"),))
    log.call(1, route="/b", wrote=(logged("ValueError: pen"),))
    for second in (2, 3):
        log.call(second, route="/c", wrote=(logged("KeyError: 'pen'", function="show"),))
    found = group(log)
    assert [(each.type, each.count, each.routes) for each in found] == [
        ("KeyError", 2, ("GET /c",)),
        ("KeyError", 1, ("GET /a",)),
        ("ValueError", 1, ("GET /b",)),
    ]
    assert len({each.id for each in found}) == 3


def test_a_group_keeps_its_id(log):
    log.call(0, wrote=(logged("KeyError: 'pen'"),))
    other = Log()
    other.call(700, wrote=(logged("KeyError: 'ink'", line=99),))
    assert [each.id for each in group(log)] == [each.id for each in group(other)]


def test_an_exception_that_is_logged_twice_in_a_request_counts_once(log):
    log.call(0, route="/", wrote=(logged(what="the app's own"), logged(what="the framework's")))
    assert [each.count for each in group(log)] == [1]


def test_the_command_shows_the_last_one(log):
    log.call(0, number=1, wrote=(logged(),))
    log.call(1, number=2, wrote=(logged(),))
    (found,) = group(log)
    assert found.request == request_id(2)
    day = f"{found.last.astimezone() - timedelta(days=1):%Y-%m-%d}"
    assert found.command == f"lambdify logs dev --local --since {day} --request 00000002"


def test_what_the_handler_raises_as_aws_s_client_writes_it(log):
    text = (
        "[ERROR] RuntimeError: no paper left\nTraceback (most recent call last):\n"
        '\xa0\xa0File "/var/task/jobs.py", line 3, in report\n'
        '\xa0\xa0\xa0\xa0raise RuntimeError("no paper left")'
    )
    log.call(0, function="report", wrote=(text,))
    (found,) = group(log)
    assert (found.type, found.message, found.where) == ("RuntimeError", "no paper left", "jobs.py:3")
    assert found.routes == ("report",)
    assert '    raise RuntimeError("no paper left")' in found.traceback


@pytest.mark.parametrize(
    "record",
    [
        {"level": "ERROR", "message": "KeyError: 'pen'", "errorType": "KeyError", "errorMessage": "'pen'"},
        {"log_level": "ERROR", "errorType": "KeyError", "errorMessage": "'pen'"},
        {"level": "ERROR", "message": "it failed", "errorType": "KeyError", "errorMessage": "'pen'"},
    ],
)
def test_exceptions_in_a_log_in_json(log, record):
    trace = ['  File "/var/task/app.py", line 5, in index\n    price[name]\n']
    log.call(0, wrote=(json.dumps({**record, "stackTrace": trace, "requestId": request_id(1)}),))
    (found,) = group(log)
    assert (found.type, found.message, found.where) == ("KeyError", "'pen'", "app.py:5")


def test_a_traceback_that_an_app_s_own_json_holds(log):
    trace = TRACEBACK.format(line=5, function="index", source="price[name]", raised="KeyError: 'pen'")
    log.call(0, wrote=(json.dumps({"level": "error", "event": "it failed", "exception": trace}),))
    (found,) = group(log)
    assert (found.type, found.where) == ("KeyError", "app.py:5")


def test_a_traceback_that_is_printed_line_by_line(log):
    text = TRACEBACK.format(line=5, function="index", source="price[name]", raised="KeyError: 'pen'")
    log.call(0, route="/", wrote=("before", *text.splitlines(), "after"))
    (found,) = group(log)
    assert (found.type, found.where, found.count, found.routes) == ("KeyError", "app.py:5", 1, ("GET /",))


def test_a_cause_is_told_with_it(log):
    chained = (
        f"{logged('KeyError: 1')}\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        + TRACEBACK.format(line=9, function="index", source="raise Shut", raised="app.Shut: today")
    )
    log.call(0, wrote=(chained,))
    (found,) = group(log)
    assert (found.type, found.where) == ("app.Shut", "app.py:9")
    assert "KeyError: 1" in found.traceback


def test_timeouts_and_deaths_are_groups_of_their_own(log):
    log.call(0, wrote=("2026-11-23T12:00:03.000Z ID Task timed out after 3.00 seconds",))
    log.call(9, wrote=("2026-11-23T12:00:09.000Z ID Task timed out after 30.00 seconds",))
    log.call(20, wrote=("RequestId: " + request_id(3) + " Error: Runtime exited with error: signal: killed",))
    assert [(each.type, each.count, each.traceback) for each in group(log)] == [
        ("timed out", 2, ()),
        ("process ended", 1, ()),
    ]


def test_what_is_only_logged_is_grouped_without_its_numbers(log):
    for number in (1, 2):
        log.call(number, wrote=(f"[ERROR]\t2026-11-23T12:00:00.000Z\tID\torder {number} of 'ann' is lost",))
    log.call(3, wrote=("[WARNING]\t2026-11-23T12:00:00.000Z\tID\tlow on paper",))
    (found,) = group(log)
    assert (found.type, found.count, found.message) == ("logged", 2, "order 2 of 'ann' is lost")


def test_a_failure_at_the_start_has_no_request(log):
    log.write("INIT_START Runtime Version: python:3.13")
    log.write(logged("ModuleNotFoundError: No module named 'paper'").replace("ID", ""))
    (found,) = group(log)
    assert (found.request, found.type, found.routes) == ("", "ModuleNotFoundError", ())
    assert found.command.endswith(" --filter ModuleNotFoundError")


def test_a_failure_in_a_lambda_of_a_function_is_that_function_s(log):
    log.call(0, where=stream("shop-dev-tasks"), wrote=(logged(),))
    assert [each.routes for each in group(log, shop_dev_tasks="tasks")] == [("tasks",)]
