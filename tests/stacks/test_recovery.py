"""Stacks that a failed deployment, a killed one or a half removal left, as AWS tells of them."""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.errors import Declined, StackBroken, StackBusy
from lambdify.cli.plan import drift
from lambdify.cli.stacks import recovery
from lambdify.cli.stacks.stack import Stack

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"
AT = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = [{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}]


@pytest.fixture
def stack_is(stubbed):
    """`stack_is("UPDATE_IN_PROGRESS")`: what the next look at the stack shows."""

    def stack_is(state):
        described = {"StackName": "shop-dev", "StackId": ID, "StackStatus": state, "Tags": TAGS}
        stubbed.answers("cloudformation.describe_stacks", {"Stacks": [described | {"CreationTime": AT}]})

    return stack_is


@pytest.fixture
def happened(stubbed):
    """`happened("DELETE_COMPLETE")`: the events that the next look shows, newest first."""

    def happened(*states):
        seen = {"StackEvents": [event(state) for state in states]}
        stubbed.answers("cloudformation.describe_stack_events", seen)

    return happened


@pytest.fixture
def ready(stubbed, make_settings, talk):
    """`ready(yes=True)`: what a deployment begins with."""

    def ready(console=talk.console, **options):
        return recovery.prepare(
            stage_in(stubbed.account, make_settings()), console, sleep=lambda _: None, **options
        )

    return ready


@pytest.mark.parametrize("state", ["CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_what_never_was_up_or_is_half_gone_is_removed_and_made_anew(
    stubbed, stack_is, happened, ready, state
):
    stack_is(state)
    happened("before")
    stubbed.answers("cloudformation.delete_stack", StackName=ID)
    stack_is("DELETE_COMPLETE")
    happened("DELETE_COMPLETE", "before")
    assert ready(yes=True) is None


@pytest.mark.parametrize(
    ("state", "call"),
    [
        ("UPDATE_ROLLBACK_FAILED", "cloudformation.continue_update_rollback"),
        ("UPDATE_FAILED", "cloudformation.rollback_stack"),
    ],
)
def test_a_rollback_that_failed_is_tried_again_before_anything_else(
    stubbed, stack_is, happened, ready, state, call
):
    stack_is(state)
    happened("before")
    stubbed.answers(call, StackName=ID)
    stack_is("UPDATE_ROLLBACK_COMPLETE")
    happened("UPDATE_ROLLBACK_COMPLETE", "before")
    stack_is("UPDATE_ROLLBACK_COMPLETE")
    assert ready(yes=True).state == "UPDATE_ROLLBACK_COMPLETE"


def test_a_rollback_that_fails_once_more_names_the_resource_and_how_to_leave_it(
    stubbed, stack_is, happened, ready
):
    stack_is("UPDATE_ROLLBACK_FAILED")
    happened("before")
    stubbed.answers("cloudformation.continue_update_rollback", StackName=ID)
    stack_is("UPDATE_ROLLBACK_FAILED")
    failed = {"resource": "Role", "reason": "Not authorized"}
    stubbed.answers(
        "cloudformation.describe_stack_events",
        {"StackEvents": [event("UPDATE_ROLLBACK_FAILED"), event("UPDATE_FAILED", **failed), event("before")]},
    )
    with pytest.raises(StackBroken, match=r"could not be taken back .* Role .*: Not authorized") as caught:
        ready(yes=True)
    assert "`lambdify deploy dev` again" in caught.value.hint
    assert "--stack-name shop-dev --resources-to-skip Role`" in caught.value.hint


def event(state, resource="shop-dev", reason=""):
    return {
        "StackId": ID,
        "StackName": "shop-dev",
        "EventId": state,
        "Timestamp": AT,
        "LogicalResourceId": resource,
        "PhysicalResourceId": ID if resource == "shop-dev" else resource,
        "ResourceType": "AWS::IAM::Role",
        "ResourceStatus": state,
        "ResourceStatusReason": reason,
    }


@pytest.mark.parametrize("state", ["DELETE_FAILED", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_somebody_at_a_terminal_is_asked_first(stack_is, ready, talk_to, state):
    stack_is(state)
    no = talk_to("n\n")
    with pytest.raises(Declined, match="Nothing was changed"):
        ready(no.console)
    assert "shop-dev" in no.said


def test_another_deployment_is_refused_with_the_flag_that_waits_for_it(stack_is, ready):
    stack_is("UPDATE_IN_PROGRESS")
    with pytest.raises(StackBusy, match="UPDATE_IN_PROGRESS") as caught:
        ready(yes=True)
    assert "--wait" in caught.value.hint


def test_another_deployment_is_waited_for(stack_is, ready, talk):
    for state in ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
        stack_is(state)
    stack_is("UPDATE_COMPLETE")
    assert ready(wait=True).state == "UPDATE_COMPLETE"
    assert "Waiting for what CloudFormation does to shop-dev (UPDATE_IN_PROGRESS)" in talk.said


def test_a_removal_that_is_waited_for_leaves_nothing_to_change(stubbed, stack_is, ready):
    stack_is("DELETE_IN_PROGRESS")
    stubbed.refuses("cloudformation.describe_stacks", "ValidationError", "Stack shop-dev does not exist")
    assert ready(wait=True) is None


def test_what_takes_an_hour_is_waited_for_no_longer(stubbed, make_settings, talk, stack_is):
    busy = Stack(
        name="shop-dev",
        id=ID,
        state="UPDATE_IN_PROGRESS",
        reason="",
        outputs={},
        parameters={},
        tags={},
        changed_at=AT,
    )
    slept = []
    for _ in range(1805):
        stack_is("UPDATE_IN_PROGRESS")
    with pytest.raises(StackBusy, match="for an hour while we waited"):
        recovery.wait_until_idle(
            busy, stage_in(stubbed.account, make_settings()), talk.console, sleep=slept.append
        )
    assert 3590 < sum(slept) < 3610


# -------------------------------------------------------------------- what was changed by hand

STACK = Stack(
    name="shop-dev",
    id=ID,
    state="CREATE_COMPLETE",
    reason="",
    outputs={},
    parameters={},
    tags={},
    changed_at=AT,
)


def detection(state, **more):
    return {"StackId": ID, "StackDriftDetectionId": "1", "DetectionStatus": state, "Timestamp": AT, **more}


def test_a_comparison_that_takes_long_is_given_up(stubbed):
    stubbed.answers("cloudformation.detect_stack_drift", {"StackDriftDetectionId": "1"}, StackName=ID)
    slept = []
    for _ in range(5):
        stubbed.answers(
            "cloudformation.describe_stack_drift_detection_status", detection("DETECTION_IN_PROGRESS")
        )
    found = drift.detect(STACK, stubbed.account, timeout=3, sleep=slept.append)
    assert (found.known, found.reason) == (False, "CloudFormation was not done in 3 seconds")
    assert sum(slept) <= 3


def test_a_comparison_that_failed_says_why(stubbed):
    stubbed.answers("cloudformation.detect_stack_drift", {"StackDriftDetectionId": "1"})
    answer = detection("DETECTION_FAILED", DetectionStatusReason="Role: not authorized")
    stubbed.answers("cloudformation.describe_stack_drift_detection_status", answer)
    found = drift.detect(STACK, stubbed.account)
    assert (found.known, found.reason) == (False, "Role: not authorized")


def test_every_page_of_what_was_changed_is_read(stubbed):
    stubbed.answers("cloudformation.detect_stack_drift", {"StackDriftDetectionId": "1"})
    stubbed.answers("cloudformation.describe_stack_drift_detection_status", detection("DETECTION_COMPLETE"))
    one = {
        "StackId": ID,
        "LogicalResourceId": "Function",
        "ResourceType": "AWS::Lambda::Function",
        "StackResourceDriftStatus": "DELETED",
        "Timestamp": AT,
    }
    difference = {
        "PropertyPath": "/Environment/Variables",
        "ExpectedValue": '{"MODE": "slow"}',
        "ActualValue": '{"MODE": "fast"}',
        "DifferenceType": "NOT_EQUAL",
    }
    two = {**one, "StackResourceDriftStatus": "MODIFIED", "PropertyDifferences": [difference]}
    stubbed.answers(
        "cloudformation.describe_stack_resource_drifts", {"StackResourceDrifts": [one], "NextToken": "more"}
    )
    stubbed.answers("cloudformation.describe_stack_resource_drifts", {"StackResourceDrifts": [two]})
    first, second = drift.detect(STACK, stubbed.account).resources
    assert first.deleted
    (value,) = second.properties
    assert (value.path, value.before, value.after) == ("Environment.Variables.MODE", "slow", "fast")
