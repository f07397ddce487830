"""Removing a stage that something else is being done to. (The rest is in test_life_of_a_stage.)"""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.errors import Interrupted, StackBusy
from lambdify.cli.undeploy import describe, undeploy

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"


@pytest.fixture
def stack_is(stubbed):
    """`stack_is("UPDATE_IN_PROGRESS")`: what the next look at the stack shows."""

    def stack_is(state):
        tags = [{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}]
        at = datetime(2026, 1, 1, tzinfo=UTC)
        described = {"StackName": "shop-dev", "StackId": ID, "StackStatus": state, "Tags": tags}
        stubbed.answers("cloudformation.describe_stacks", {"Stacks": [described | {"CreationTime": at}]})

    return stack_is


def events(*states):
    return {
        "StackEvents": [
            {
                "StackId": ID,
                "StackName": "shop-dev",
                "EventId": state,
                "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "LogicalResourceId": "shop-dev",
                "PhysicalResourceId": ID,
                "ResourceType": "AWS::CloudFormation::Stack",
                "ResourceStatus": state,
            }
            for state in states
        ]
    }


def test_a_stack_that_is_being_deployed_to_is_not_deleted(stubbed, stack_is, make_settings, talk):
    stack_is("UPDATE_IN_PROGRESS")
    with pytest.raises(StackBusy, match="UPDATE_IN_PROGRESS"):
        undeploy(stage_in(stubbed.account, make_settings()), talk.console, yes=True)


def test_a_deletion_that_is_under_way_is_watched_to_its_end(stubbed, stack_is, make_settings, talk):
    stack_is("DELETE_IN_PROGRESS")
    stack_is("DELETE_COMPLETE")
    seen = events("DELETE_COMPLETE", "DELETE_IN_PROGRESS", "UPDATE_COMPLETE")
    stubbed.answers("cloudformation.describe_stack_events", seen)
    stubbed.refuses("logs.delete_log_group", "ResourceNotFoundException", "no such log group")
    stubbed.refuses("s3.head_bucket", "404", "Not Found", 404)
    removal = undeploy(stage_in(stubbed.account, make_settings()), talk.console, yes=True)
    assert (removal.stack, removal.log_group, removal.objects, removal.bucket) == (True, False, 0, False)


def test_a_log_group_that_came_back_is_removed(stubbed, stack_is, make_settings, talk):
    """A role that somebody gave more rights lets a function that still runs make its log group anew."""
    stack_is("CREATE_COMPLETE")
    stubbed.refuses("s3.get_object", "NoSuchKey", "The specified key does not exist.", 404)
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    stubbed.answers("cloudformation.describe_stack_events", events("CREATE_COMPLETE"))
    stubbed.answers("cloudformation.delete_stack", StackName=ID)
    stack_is("DELETE_COMPLETE")
    stubbed.answers("cloudformation.describe_stack_events", events("DELETE_COMPLETE", "CREATE_COMPLETE"))
    stubbed.answers("logs.delete_log_group", logGroupName="/aws/lambda/shop-dev")
    stubbed.refuses("s3.head_bucket", "404", "Not Found", 404)
    assert undeploy(stage_in(stubbed.account, make_settings()), talk.console, yes=True).log_group


def test_ctrl_c_during_the_deletion_keeps_the_archives_for_the_next_try(
    stubbed, stack_is, make_settings, talk
):
    stack_is("DELETE_IN_PROGRESS")
    stack_is("DELETE_IN_PROGRESS")
    stubbed.answers("cloudformation.describe_stack_events", events("DELETE_IN_PROGRESS"))

    def interrupted(seconds):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="shop-dev goes on without you"):
        undeploy(
            stage_in(stubbed.account, make_settings()),
            talk.console,
            yes=True,
            sleep=interrupted,
        )


def removed_with_secrets(stubbed, stack_is, settings, talk, find):
    stack_is("DELETE_IN_PROGRESS")
    stack_is("DELETE_COMPLETE")
    stubbed.answers("cloudformation.describe_stack_events", events("DELETE_COMPLETE", "DELETE_IN_PROGRESS"))
    stubbed.refuses("logs.delete_log_group", "ResourceNotFoundException", "no such log group")
    stubbed.refuses("s3.head_bucket", "404", "Not Found", 404)
    find()
    return describe(undeploy(stage_in(stubbed.account, settings), talk.console, yes=True), settings)


def test_secrets_stay_and_are_told_with_the_command_that_deletes_them(stubbed, stack_is, make_settings, talk):
    """Somebody typed them, and they may be nowhere else. Those of others are no matter."""
    sources = {"KEY": "ssm:/shop/{stage}/KEY", "GONE": "ssm:/shop/{stage}/GONE", "OTHER": "ssm:/other"}
    settings = make_settings("dev", {"secrets": sources})

    def find():
        rule = {"Key": "Name", "Option": "Equals", "Values": ["/shop/dev/KEY", "/shop/dev/GONE"]}
        stubbed.answers(
            "ssm.describe_parameters", {"Parameters": [{"Name": "/shop/dev/KEY"}]}, ParameterFilters=[rule]
        )

    assert removed_with_secrets(stubbed, stack_is, settings, talk, find) == (
        "shop-dev is gone. What stays:\n"
        "  KEY (a secret): `lambdify secrets unset KEY --stage dev` deletes its value"
    )


def test_whoever_may_not_list_parameters_may_remove_a_stage(stubbed, stack_is, make_settings, talk):
    settings = make_settings("dev", {"secrets": {"KEY": "ssm:/shop/dev/KEY"}})

    def find():
        stubbed.refuses("ssm.describe_parameters", "AccessDeniedException", "not authorized")

    assert removed_with_secrets(stubbed, stack_is, settings, talk, find) == "shop-dev is gone."
