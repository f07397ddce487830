"""What the log tells, as numbers."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from lambdify.cli.dashboard import numbers
from lambdify.cli.dashboard.numbers import ReleaseMark, Source

from .hand_made import NOON, Log, logged, stream

RELEASE = ReleaseMark(number=7, at=NOON, by="ann", commit="0123456789abcdef", version="9", failed=False)


def source(log: Log) -> Source:
    return Source(
        entries=log.entries(),
        since=NOON - timedelta(hours=1),
        until=NOON + timedelta(hours=1),
        hours=2,
        complete=True,
        releases=(RELEASE,),
        functions={"shop-dev-tasks": "tasks"},
        region="eu-central-1",
        logs="lambdify logs dev",
        tasks_waiting=3,
        given_up=1,
    )


@pytest.fixture
def log() -> Log:
    log = Log()
    log.call(0, ms=5, init=900.0, where=stream(environment="b"))
    log.call(10, ms=100, init=800.0, route="/books/<int:id>")
    log.call(20, ms=20, route="/books/<int:id>", status=404)
    log.call(21, ms=30, route="/books/<int:id>", status=500, wrote=(logged(),))
    log.call(3000, ms=40, route="/", method="POST", status=302)
    log.call(40, ms=7, function="report")
    log.call(50, ms=9, where=stream("shop-dev-tasks"), init=100.0, wrote=(logged(),))
    return log


@pytest.fixture
def compute(make_settings):
    def compute(log: Log, **overrides):
        return numbers.compute(source(log), make_settings(overrides=overrides), {"app.py"}.__contains__)

    return compute


def test_requests_are_those_of_visitors_and_their_times_hold_the_cold_start(log, compute):
    found = compute(log)
    answers = found.answers
    assert (answers.requests, answers.answers_4xx, answers.answers_5xx, found.calls) == (4, 1, 1, 7)
    assert (found.times.p50_ms, found.times.longest_ms) == (30, 900)
    assert (found.stage, found.region, found.tasks_waiting, found.given_up) == (
        "shop-dev",
        "eu-central-1",
        3,
        1,
    )


def test_routes_are_told_by_count_with_all_that_came_of_them(log, compute):
    book, home = compute(log).routes
    assert (book.method, book.route, book.answers.requests) == ("GET", "/books/<int:id>", 3)
    assert (book.answers.answers_4xx, book.answers.answers_5xx, book.cold) == (1, 1, 1)
    assert (book.times.p50_ms, book.times.p99_ms) == (30, 900)
    assert (home.method, home.route, home.answers.answers_5xx) == ("POST", "/", 0)
    # 950 ms of half a GB on arm64 or x86_64, three calls, and three requests of an HTTP API.
    assert book.usd == pytest.approx(0.95 * 0.5 * 0.0000166667 + 3 * 0.0000002 + 3 * 0.000001, rel=0.25)


def test_cold_starts_tell_which_of_them_met_a_visitor(log, compute):
    cold = compute(log).cold_starts
    assert (cold.count, cold.init.longest_ms) == (3, 900)
    assert [(each.route, each.wait_ms, each.init_ms, each.version) for each in cold.met] == [
        ("/books/<int:id>", 900, 800, "9")
    ]


def test_functions_and_tasks_tell_their_failures(log, compute):
    report, tasks = compute(log).functions
    assert (report.name, report.runs, report.failed, report.last_failed) == ("report", 1, 0, "")
    assert (tasks.name, tasks.runs, tasks.failed, tasks.cold) == ("tasks", 1, 1, 1)
    assert tasks.last_failed.startswith("00000007")


def test_the_parts_hold_everything_once(log, compute):
    parts = compute(log).parts
    assert sum(each.answers.requests for each in parts) == 4
    assert sum(each.answers.answers_5xx for each in parts) == 1
    assert (sum(each.cold_met for each in parts), sum(each.cold_others for each in parts)) == (1, 2)
    assert {later.begins - each.begins for each, later in itertools.pairwise(parts)} == {timedelta(minutes=2)}


def test_the_month_costs_what_these_hours_do(log, compute):
    cost = compute(log).cost
    assert cost.usd_per_month == pytest.approx(cost.usd / 2 * 730, abs=1e-4)
    assert cost.usd > sum(each.usd for each in compute(log).routes)


def test_without_request_lines_all_calls_of_the_app_count_and_no_route_is_known(compute):
    log = Log()
    log.call(0, ms=5, init=900.0)
    log.call(10, ms=15)
    log.call(20, ms=7, function="report")
    found = compute(log)
    assert (found.routes_known, found.routes, found.warmth) == (False, (), None)
    assert (found.answers.requests, found.times.longest_ms, found.cold_starts.count) == (2, 905, 1)
    assert found.cold_starts.met == ()


def test_with_the_setting_and_no_line_yet_nobody_came(compute):
    log = Log()
    log.call(0, ms=5, init=900.0)
    found = compute(log, **{"logs.requests": True})
    assert (found.routes_known, found.answers.requests, found.calls) == (True, 0, 1)


def test_an_empty_log_is_an_empty_dashboard(compute):
    found = compute(Log())
    assert (found.calls, found.failures, found.routes, found.cost.usd) == (0, (), (), 0)


def test_what_was_read_in_no_time_costs_nothing(log, make_settings):
    nothing = replace(source(Log()), until=NOON, since=NOON)
    assert numbers.compute(nothing, make_settings(), {}.__contains__).cost.usd_per_month == 0
