"""What is kept warm, as the schedule that is deployed says."""

import json

import pytest
from stages import stage_in

from lambdify.cli.look import kept_warm


@pytest.mark.parametrize(
    ("event", "rate", "environments", "every"),
    [
        ({"lambdify": "keep-warm", "concurrency": 7}, "rate(5 minutes)", 7, 5),
        ({"lambdify": "keep-warm"}, "rate(1 minute)", 1, 1),
        ({"lambdify": "keep-warm", "concurrency": 2}, "rate(60 minutes)", 2, 60),
    ],
)
def test_it_is_read_from_the_schedule(stubbed, make_settings, event, rate, environments, every):
    """The settings say 20 by now; the account had room for fewer, or nobody has deployed since."""
    answer = {
        "ScheduleExpression": rate,
        "Target": {"Arn": "a" * 10, "RoleArn": "r" * 20, "Input": json.dumps(event)},
    }
    stubbed.answers("scheduler.get_schedule", answer, Name="shop-dev")
    found = kept_warm.fetch(stage_in(stubbed.account, make_settings(overrides={"warm.concurrency": 20})))
    assert (found.schedule, found.environments) == (rate, environments)
    assert (found.settings.every, found.settings.concurrency) == (every, environments)


def test_a_stage_without_a_schedule_keeps_nothing(stubbed, make_settings):
    stubbed.refuses("scheduler.get_schedule", "ResourceNotFoundException")
    found = kept_warm.fetch(stage_in(stubbed.account, make_settings()))
    assert (found.schedule, found.environments, found.settings.every) == ("", 0, 0)
