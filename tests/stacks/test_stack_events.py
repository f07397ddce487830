"""What CloudFormation does, told as it happens; and what a failure is put down to."""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.errors import AwsError, DeployFailed, Interrupted, StackBroken
from lambdify.cli.stacks import stack_events
from lambdify.cli.stacks.stack_events import COMPLETED, DELETED, Operation

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"
UPDATE = Operation(stack="shop-dev", stack_id=ID, end_states=COMPLETED, after="before")
DELETION = Operation(stack="shop-dev", stack_id=ID, end_states=DELETED, after="before")
CHECKS = "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues."


def described(state):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {"Stacks": [{"StackName": "shop-dev", "StackStatus": state, "CreationTime": at}]}


def event(id_, resource, state, reason=""):
    of_stack = resource == "shop-dev"
    return {
        "StackId": ID,
        "StackName": "shop-dev",
        "EventId": id_,
        "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "LogicalResourceId": resource,
        "PhysicalResourceId": ID if of_stack else resource,
        "ResourceType": "AWS::CloudFormation::Stack" if of_stack else f"AWS::Lambda::{resource}",
        "ResourceStatus": state,
        "ResourceStatusReason": reason,
    }


@pytest.fixture
def happens(stubbed):
    """`happens("UPDATE_IN_PROGRESS", event(...), ...)`: what the next look shows; events oldest first."""
    told = [event("before", "shop-dev", "CREATE_COMPLETE")]

    def happens(state, *events):
        told.extend(events)
        stubbed.answers("cloudformation.describe_stacks", described(state), StackName=ID)
        stubbed.answers("cloudformation.describe_stack_events", {"StackEvents": told[::-1]}, StackName=ID)

    return happens


@pytest.fixture
def watch(stubbed, make_settings):
    """`watch(operation)`: all that is told, as "resource state"."""

    def watch(operation=UPDATE, sleep=lambda seconds: None):
        events = stack_events.watch(operation, stage_in(stubbed.account, make_settings()), sleep=sleep)
        return [f"{each.resource} {each.state}" for each in events]

    return watch


def test_each_event_is_told_once_and_the_end_is_the_end(happens, watch):
    happens("CREATE_COMPLETE")
    happens("UPDATE_IN_PROGRESS", event("1", "shop-dev", "UPDATE_IN_PROGRESS"))
    happens("UPDATE_IN_PROGRESS", event("2", "Function", "UPDATE_COMPLETE"))
    happens("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    happens("UPDATE_COMPLETE", event("3", "shop-dev", "UPDATE_COMPLETE"))
    assert watch() == ["shop-dev UPDATE_IN_PROGRESS", "Function UPDATE_COMPLETE", "shop-dev UPDATE_COMPLETE"]


def test_looking_begins_often_and_becomes_leisurely(happens, watch):
    for _ in range(6):
        happens("CREATE_COMPLETE")
    happens("UPDATE_COMPLETE", event("1", "shop-dev", "UPDATE_COMPLETE"))
    slept = []
    watch(sleep=slept.append)
    assert slept == [0.2, 0.3, 0.5, 1.0, 2.0, 2.0]


def test_events_come_in_pages(stubbed, watch):
    newest, older = event("2", "shop-dev", "UPDATE_COMPLETE"), event("1", "Function", "UPDATE_COMPLETE")
    pages = [
        {"StackEvents": [newest], "NextToken": "more"},
        {"StackEvents": [older, event("before", "shop-dev", "CREATE_COMPLETE")]},
    ]
    stubbed.answers("cloudformation.describe_stacks", described("UPDATE_COMPLETE"))
    stubbed.answers("cloudformation.describe_stack_events", pages[0], StackName=ID)
    stubbed.answers("cloudformation.describe_stack_events", pages[1], StackName=ID, NextToken="more")
    assert watch() == ["Function UPDATE_COMPLETE", "shop-dev UPDATE_COMPLETE"]


def test_a_failure_is_put_down_to_the_first_resource_that_failed(happens, watch):
    happens(
        "UPDATE_ROLLBACK_COMPLETE",
        event("1", "Layer", "UPDATE_FAILED", "Resource update cancelled"),
        event("2", "Function", "UPDATE_FAILED", "Unzipped size must be smaller than 262144000 bytes"),
        event("3", "Alias", "UPDATE_FAILED", "No such version"),
        event("4", "shop-dev", "UPDATE_ROLLBACK_COMPLETE"),
    )
    with pytest.raises(DeployFailed) as caught:
        watch()
    assert caught.value.message == (
        "The deployment failed. Function (AWS::Lambda::Function): "
        "Unzipped size must be smaller than 262144000 bytes"
    )
    assert caught.value.hint.startswith("Everything is as it was before.")
    assert caught.value.exit_code == 43


def test_a_creation_that_failed_says_what_is_left_of_it(happens, watch):
    happens(
        "ROLLBACK_COMPLETE",
        event("1", "Role", "CREATE_FAILED", "Not authorized"),
        event("2", "shop-dev", "ROLLBACK_COMPLETE"),
    )
    with pytest.raises(DeployFailed, match=r"Role .*: Not authorized") as caught:
        watch()
    assert caught.value.hint == (
        "Nothing of it is left but the empty stack. Correct the cause, then `lambdify deploy dev` again."
    )


def test_a_rollback_that_failed_too_names_the_way_out(happens, watch):
    happens(
        "UPDATE_ROLLBACK_FAILED",
        event("1", "Function", "UPDATE_FAILED", "Rate exceeded"),
        event("2", "shop-dev", "UPDATE_ROLLBACK_FAILED"),
    )
    with pytest.raises(DeployFailed, match=r"and so did its rollback\. Function .*: Rate exceeded") as caught:
        watch()
    assert "`lambdify deploy dev` gets it out of there" in caught.value.hint


def test_a_stack_that_does_not_pass_validation_names_the_property(stubbed, happens, watch):
    happens(
        "UPDATE_ROLLBACK_COMPLETE",
        event("1", "shop-dev", "UPDATE_FAILED", CHECKS),
        event("2", "shop-dev", "UPDATE_ROLLBACK_COMPLETE"),
    )
    problem = {
        "EventId": "1",
        "ValidationPath": "/Resources/Function/Properties/Timeout",
        "ValidationStatusReason": "1000 is greater than 900",
    }
    stubbed.answers(
        "cloudformation.describe_events",
        {"OperationEvents": [problem]},
        StackName=ID,
        Filters={"FailedEvents": True},
    )
    with pytest.raises(DeployFailed, match=r"failed\. /Resources/Function/Properties/Timeout: 1000 is"):
        watch()


def test_a_failure_that_no_resource_explains_names_the_state(happens, watch):
    happens("UPDATE_ROLLBACK_COMPLETE", event("1", "shop-dev", "UPDATE_ROLLBACK_COMPLETE", "User Initiated"))
    with pytest.raises(DeployFailed, match="no resource says why; the stack is in the state UPDATE_"):
        watch()


def test_a_deletion_that_failed_names_what_is_in_the_way(happens, watch):
    happens(
        "DELETE_FAILED",
        event("1", "Role", "DELETE_FAILED", "Cannot delete entity, must detach all policies first."),
        event("2", "shop-dev", "DELETE_FAILED", "The following resource(s) failed to delete: [Role]."),
    )
    with pytest.raises(StackBroken, match=r'"shop-dev" could not be deleted\. Role .*: Cannot') as caught:
        watch(DELETION)
    assert "`lambdify undeploy dev` again" in caught.value.hint


def test_losing_sight_of_cloudformation_says_that_it_goes_on(stubbed, watch):
    stubbed.refuses("cloudformation.describe_stacks", "InternalFailure", "We are sorry", 500)
    with pytest.raises(AwsError) as caught:
        watch()
    assert caught.value.during == "watching CloudFormation, which goes on without you"


def test_ctrl_c_says_what_goes_on_and_how_to_look(stubbed, happens, make_settings, talk):
    happens(
        "CREATE_COMPLETE",
        event("1", "Function", "UPDATE_COMPLETE"),
        event("2", "Role", "UPDATE_IN_PROGRESS"),
    )

    def interrupted(seconds):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="do with shop-dev goes on without you") as caught:
        stack_events.follow(
            lambda: UPDATE,
            stage_in(stubbed.account, make_settings()),
            talk.console,
            sleep=interrupted,
        )
    assert "`lambdify status dev`" in caught.value.hint
    assert caught.value.exit_code == 130
    assert talk.said == "  Function  UPDATE_COMPLETE\n"


def test_ctrl_c_while_cloudformation_is_being_told_says_so_too(stubbed, make_settings, talk):
    def begin():
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="goes on without you"):
        stack_events.follow(begin, stage_in(stubbed.account, make_settings()), talk.console)
