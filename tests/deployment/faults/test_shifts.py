"""What happens while traffic moves in parts: the calls of that are refused, and whoever leads it is killed.

A part of the traffic may go to the new version then. Whoever deploys is told so, unless it was taken back.
"""

import json
import time

import pytest

from lambdify.cli.errors import ReleaseFailed

from . import cases, rough_road
from .rough_road import Place

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

MOVE, PROPOSE = "cloudformation:ExecuteChangeSet", "cloudformation:CreateChangeSet"
ALARMS, ERRORS = "monitoring:DescribeAlarms", "monitoring:GetMetricStatistics"
WEIGHTS = "lambda:GET /2015-03-31/functions/NAME/aliases/live"


@pytest.fixture
def stage(make_stage):
    """A stage whose traffic moves by halves."""
    return make_stage({"release.keep": 2, "release.shift": "50% every 1 minute"})


@pytest.fixture
def shift(stage):
    """The calls of a shift, from the first to the one that gives all traffic to the new version."""
    cases.begin(stage)
    stage.app += 1
    passed = stage.places("deploy")
    last = max(number for number, each in enumerate(passed) if each.operation == MOVE)
    return passed[passed.index(Place(ALARMS, 1)) : last + 1]


def told(problems):
    """All of them, a line each."""
    return "\n".join(problems)


def is_new(place):
    """Whether it is the first of a call that nothing but a shift makes."""
    return place in {Place(ALARMS, 1), Place(ERRORS, 1), Place(WEIGHTS, 1)}


def strikes(place):
    return cases.strikes(place) if is_new(place) else cases.strike(place)


def test_after_any_fault_of_a_shift_the_next_deployment_gives_all_traffic_to_the_new_version(
    stage, mortal, shift
):
    chosen = [each for each in shift if is_new(each) or cases.writes(each)]
    assert not told(cases.later_deployment(stage, mortal, chosen.__contains__, strikes))


# -------------------------------------------------------------------- where it cannot be taken back


@pytest.mark.parametrize(
    ("since", "divided"),
    [
        (Place(MOVE, 2), False),
        (Place(ERRORS, 1), True),
        (Place(MOVE, 3), True),
    ],
    ids=str,
)
def test_whoever_cannot_take_the_traffic_back_is_told_how_to_by_the_time_they_can(stage, since, divided):
    cases.begin(stage)
    (old,) = stage.live()
    stage.app += 1
    assert not told(cases.refused("deploy", since, rough_road.expired, stage, onward=True))
    version, weights = stage.weights()
    assert (version, bool(weights)) == (old, divided)
    assert f"A part of the traffic may go to version {int(old) + 1}: " in stage.failure.hint
    assert f"`lambdify rollback dev` gives all of it to version {old} again." in stage.failure.hint
    assert not told(cases.forward("deploy", stage, {}))


def test_what_spoke_against_the_version_is_the_error_also_where_the_traffic_cannot_be_taken_back(stage):
    # In place of a metric, which would stay in the account for all that comes after.
    def erroneous(call):
        status, headers, body = call.forward()
        point = {"Timestamp": time.time(), "Sum": 1.0, "Unit": "Count"}
        call.handler.reply(status, headers, json.dumps(json.loads(body) | {"Datapoints": [point]}).encode())

    cases.begin(stage)
    stage.app += 1
    stage.road.clear()
    stage.road.perils = {Place(ERRORS, 1): erroneous, Place(PROPOSE, 3): rough_road.denied}
    with pytest.raises(ReleaseFailed, match="Version 3 had 1 error within a minute") as caught:
        stage.ship()
    assert "The traffic could not be taken back: AWS refused some:Action" in stage.said
    assert "A part of the traffic goes to version 3: `lambdify rollback dev` gives" in caught.value.hint
    assert stage.back().version == "2"
    assert stage.weights() == ("2", {})


# -------------------------------------------------------------------- out of a shift that was killed


@pytest.fixture
def divided(stage, mortal):
    """A stage with half of its traffic at version 3, and nobody who leads the shift."""
    cases.begin(stage)
    stage.app += 1
    assert not told(cases.killed("deploy", Place(ERRORS, 1), stage, mortal))
    assert stage.weights() == ("2", {"3": 0.5})
    return stage


@pytest.mark.parametrize(("command", "version"), [("deploy", "3"), ("rollback", "2")])
def test_where_the_traffic_goes_has_to_be_seen_before_it_moves(divided, command, version):
    assert not told(cases.refused(command, Place(WEIGHTS, 1), rough_road.denied, divided))
    assert divided.weights() == ("2", {"3": 0.5})
    assert divided.commands[command]().version == version
    assert divided.weights() == (version, {})


@pytest.mark.parametrize(("command", "version"), [("deploy", "3"), ("rollback", "2")])
def test_a_way_out_that_is_killed_too_is_gone_by_the_next_run(divided, mortal, command, version):
    divided.target = 2
    assert not told(cases.killed(command, Place(MOVE, 1), divided, mortal))
    assert divided.commands[command]().version == version
    assert divided.weights() == (version, {})


def test_a_removal_in_the_middle_of_a_shift_is_completed_by_the_next(divided, mortal):
    assert not told(cases.killed("undeploy", Place("cloudformation:DeleteStack", 1), divided, mortal))
    divided.clear()
    assert divided.everything() == {}
