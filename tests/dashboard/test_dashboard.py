"""Reading a stage's dashboard: what a service refuses is left out, and what is not there is said."""

import time

import pytest
from stages import stage_in

from lambdify.cli.dashboard import dashboard
from lambdify.cli.errors import NotDeployed

from .hand_made import request_id, stream

REPORT = (
    f"REPORT RequestId: {request_id(1)}\tDuration: 9.00 ms\tBilled Duration: 9 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 64 MB"
)
RAISED = (
    f"[ERROR]\t2026-11-23T12:00:00.000Z\t{request_id(1)}\tit failed\nTraceback (most recent call last):\n"
    "  File \"/var/task/app.py\", line 5, in index\n    price[name]\nKeyError: 'pen'"
)


@pytest.fixture
def logged(stubbed):
    """A stage with one call in its log, of the last minute."""
    now = round(time.time() * 1000) - 60_000
    stubbed.refuses("scheduler.get_schedule", "ResourceNotFoundException")
    stubbed.finds_stage()
    events = [
        {"eventId": str(number), "timestamp": now, "logStreamName": stream(), "message": message}
        for number, message in enumerate((RAISED, REPORT))
    ]
    stubbed.answers("logs.filter_log_events", {"events": events})
    return stubbed


def test_releases_that_may_not_be_read_are_left_out_and_it_is_told(logged, make_settings):
    logged.refuses("s3.list_objects_v2", "AccessDenied", "no s3:ListBucket", 403)
    found = dashboard.fetch(stage_in(logged.account, make_settings()), 1, flags=("--profile work",))
    assert (found.numbers.calls, found.numbers.releases) == (1, ())
    (left_out,) = found.left_out
    assert left_out.startswith("the releases: ")
    (failure,) = found.numbers.failures
    assert failure.command.startswith("lambdify logs dev --profile work --since ")


def test_a_file_of_the_project_is_told_from_others(logged, make_settings):
    logged.refuses("s3.list_objects_v2", "AccessDenied", "no s3:ListBucket", 403)
    settings = make_settings()
    (settings.root / "app.py").write_text("")
    found = dashboard.fetch(stage_in(logged.account, settings), 1)
    assert [each.where for each in found.numbers.failures] == ["app.py:5"]


def test_a_stage_that_is_not_there_is_an_error(moto, make_settings):
    with pytest.raises(NotDeployed):
        dashboard.fetch(stage_in(moto, make_settings()), 1)


def test_without_the_setting_no_log_is_read_for_what_visitors_met(stubbed, make_settings):
    assert dashboard.measure_warmth(stage_in(stubbed.account, make_settings()), 24, patience=1) is None


def test_with_the_setting_calls_without_a_line_are_no_visitors(logged, make_settings):
    stage = stage_in(logged.account, make_settings(overrides={"logs.requests": True}))
    found = dashboard.measure_warmth(stage, 1, patience=5)
    assert (found.visitors, found.cold) == (0, 0)
