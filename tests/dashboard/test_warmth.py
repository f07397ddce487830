"""How many environments visitors would have needed at once."""

import pytest

from lambdify.cli.dashboard import invocations, warmth
from lambdify.cli.plan import costs

from .hand_made import Log, stream


def compute(log: Log, most: int = warmth.MOST, kept: int = 0):
    visits = [each for each in invocations.collect(log.entries(), {}) if each.is_visit]
    return warmth.compute(visits, kept=kept, every=5, memory=512, architecture="arm64", most=most)


@pytest.fixture
def log() -> Log:
    return Log()


def page(log: Log, at: float, *cold: float | None) -> None:
    """Requests of one page, at once, each in an environment of its own; those with a number wait for it."""
    for number, init in enumerate(cold):
        log.call(at + number * 0.01, ms=200, init=init, route="/", where=stream(environment=f"{at}-{number}"))


def test_a_lonely_visitor_is_spared_by_one_environment(log):
    page(log, 0, 900.0)
    page(log, 60, None)
    found = compute(log)
    assert (found.visitors, found.at_once, found.overlapped, found.cold) == (2, 1, 0, 1)
    assert (found.advice.concurrency, found.advice.spared) == (1, 1)


def test_as_many_are_needed_as_a_page_asks_for_at_once(log):
    page(log, 0, None, 900.0, 900.0, 900.0)
    found = compute(log)
    assert (found.at_once, found.overlapped, found.cold) == (4, 3, 3)
    assert (found.advice.concurrency, found.advice.spared) == (4, 3)


def test_a_cold_start_does_not_make_requests_overlap_that_would_not_without_it(log):
    log.call(0.0, ms=100, init=2000.0, route="/", where=stream(environment="a"))
    log.call(1.0, ms=100, init=2000.0, route="/", where=stream(environment="b"))
    found = compute(log)
    assert (found.at_once, found.cold, found.advice.concurrency) == (1, 2, 1)


def test_one_environment_never_works_on_two_at_once_whatever_its_clock_says(log):
    log.call(0.0, ms=100, init=900.0, route="/")
    log.call(0.995, ms=100, route="/")
    log.call(1.09, ms=100, route="/")
    found = compute(log)
    assert (found.at_once, found.overlapped, found.advice.concurrency) == (1, 0, 1)


def test_who_was_cold_alone_counts_not_who_was_many(log):
    page(log, 0, *[None] * 6)
    page(log, 600, None, 900.0)
    assert compute(log).advice.concurrency == 2


def test_who_was_cold_beside_living_environments_met_them_busy_whatever_the_log_says(log):
    """Before its init AWS fetches the code, which no line tells: the request came earlier than it seems."""
    for at in (0.0, 5.0, 10.0):
        log.call(at, ms=300, route="/", where=stream(environment="a"))
    log.call(5.4, ms=100, init=900.0, route="/", where=stream(environment="b"))
    found = compute(log, kept=1)
    assert (found.at_once, found.overlapped, found.cold) == (2, 1, 1)
    assert (found.advice.concurrency, found.advice.spared) == (2, 1)


@pytest.mark.parametrize("other", [stream(version="8", environment="a"), stream(environment="b")])
def test_an_environment_of_another_version_or_that_ends_there_was_not_busy(log, other):
    for at in (0.0, 10.0):
        log.call(at, ms=300, route="/", where=other)
    log.call(5.4, ms=100, init=900.0, route="/", where=stream(environment="b"))
    assert compute(log, kept=1).at_once == 1


def test_a_rush_is_no_matter_of_keeping_warm(log):
    page(log, 0, *[900.0] * 12)
    found = compute(log, most=5)
    assert (found.at_once, found.cold) == (12, 12)
    assert (found.advice.concurrency, found.advice.spared) == (5, 5)


def test_where_nobody_waited_there_is_no_advice(log):
    page(log, 0, None, None)
    assert compute(log).advice is None
    assert compute(Log()).visitors == 0


def test_who_was_cold_though_enough_were_kept_warm_is_spared_by_no_more(log):
    page(log, 0, 900.0)
    page(log, 600, None, None, 900.0)
    found = compute(log, kept=1)
    assert (found.cold, found.advice.concurrency, found.advice.spared) == (2, 3, 1)
    assert compute(log, kept=3).advice is None


def test_it_is_said_in_one_line(log):
    assert warmth.describe(compute(Log())) == ""
    page(log, 0, None, None)
    assert warmth.describe(compute(log)).endswith(
        "at most 2 at once; 1 came while another one ran; none met a cold start"
    )
    page(log, 600, None, None, 900.0)
    said = warmth.describe(compute(log))
    assert said == (
        "5, at most 3 at once; 3 came while another one ran; 1 met a cold start: "
        "concurrency = 3 under [warm] would have spared 1, for about $0.03 a month"
    )
    assert warmth.describe(compute(log, kept=3)).endswith(
        "1 met a cold start, and keeping more than 3 warm would have spared none"
    )


def test_it_costs_what_the_schedule_would():
    """730 hours, every five minutes, 0.10, 0.13 and 0.16 seconds of 512 MB on arm64, and the request."""
    calls = 730 * 12 * 3
    expected = calls * (0.13 * 0.5 * 0.0000133334 + 0.0000002)
    assert costs.price_keep_warm(5, 3, memory=512, architecture="arm64") == pytest.approx(expected)
