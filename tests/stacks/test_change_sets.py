"""Change sets: made, read, applied, and removed again when nobody will apply them."""

import json
from datetime import UTC, datetime

import pytest
from botocore.stub import ANY

from lambdify.cli.errors import DeployFailed, SettingsError, StackBusy
from lambdify.cli.stacks import change_sets
from lambdify.cli.stacks.change_sets import ChangeSet
from lambdify.cli.stacks.changes import Change
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.template import Template

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"
CHANGE_SET = "arn:aws:cloudformation:eu-central-1:123456789012:changeSet/lambdify-1/1"
BODY = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
TEMPLATE = Template(
    stack="shop-dev", body=BODY, text=json.dumps(BODY), version="V1", tags={"lambdify:project": "shop"}
)
NOTHING = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def existing(state="UPDATE_ROLLBACK_COMPLETE"):
    return Stack(
        name="shop-dev",
        id=ID,
        state=state,
        reason="",
        outputs={},
        parameters={},
        tags=TEMPLATE.tags,
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


AN_UPDATE = {
    "StackName": "shop-dev",
    "ChangeSetName": ANY,
    "ClientToken": ANY,
    "ChangeSetType": "UPDATE",
}


def no_sleep(seconds):
    assert seconds > 0


def describe(status, reason="", changes=(), **more):
    changes = [{"Type": "Resource", "ResourceChange": each} for each in changes]
    return {"Status": status, "StatusReason": reason, "Changes": changes, **more}


@pytest.fixture
def created(stubbed):
    """The change set is made, as an update."""
    stubbed.answers(
        "cloudformation.get_template", {"TemplateBody": "{}"}, StackName=ID, TemplateStage="Original"
    )
    stubbed.answers(
        "cloudformation.create_change_set",
        {"Id": CHANGE_SET, "StackId": ID},
        **AN_UPDATE,
        TemplateBody=TEMPLATE.text,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Parameters=[],
        Tags=[{"Key": "lambdify:project", "Value": "shop"}],
    )


def test_other_parameters_are_proposed_for_the_template_that_is_there(stubbed):
    stubbed.answers(
        "cloudformation.create_change_set",
        {"Id": CHANGE_SET, "StackId": ID},
        **AN_UPDATE,
        UsePreviousTemplate=True,
        Tags=[{"Key": "lambdify:project", "Value": "shop"}],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "Live", "ParameterValue": "7"}],
    )
    stubbed.answers("cloudformation.describe_change_set", describe("CREATE_COMPLETE"))
    change_set = change_sets.propose_parameters(existing(), {"Live": "7"}, stubbed.account, sleep=no_sleep)
    assert (change_set.id, change_set.creates) == (CHANGE_SET, False)


@pytest.fixture
def created_with(stubbed):
    """`created_with(text)`: a change set with that template is made, and has no changes that matter here."""

    def created_with(text):
        stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
        stubbed.answers(
            "cloudformation.create_change_set",
            {"Id": CHANGE_SET, "StackId": ID},
            **AN_UPDATE,
            TemplateBody=text,
            Capabilities=ANY,
            Parameters=ANY,
            Tags=[],
        )
        stubbed.answers("cloudformation.describe_change_set", describe("CREATE_COMPLETE"))

    return created_with


def test_the_changes_are_read_when_cloudformation_has_worked_them_out(stubbed, created):
    stubbed.answers("cloudformation.describe_change_set", describe("CREATE_IN_PROGRESS"))
    function = {"Action": "Modify", "LogicalResourceId": "Function", "ResourceType": "AWS::Lambda::Function"}
    layer = {"Action": "Modify", "LogicalResourceId": "Layer", "ResourceType": "AWS::Lambda::LayerVersion"}
    alias = {"Action": "Modify", "LogicalResourceId": "Alias", "ResourceType": "AWS::Lambda::Alias"}
    stubbed.answers(
        "cloudformation.describe_change_set",
        describe("CREATE_COMPLETE", changes=[{**function, "Replacement": "False"}], NextToken="more"),
    )
    stubbed.answers(
        "cloudformation.describe_change_set",
        describe(
            "CREATE_COMPLETE",
            changes=[{**layer, "Replacement": "True"}, {**alias, "Replacement": "Conditional"}],
        ),
        ChangeSetName=CHANGE_SET,
        IncludePropertyValues=True,
        NextToken="more",
    )
    change_set = change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep)
    assert not change_set.creates
    assert change_set.changes == (
        Change(action="Modify", resource="Function", kind="AWS::Lambda::Function", replaced=False),
        Change(action="Modify", resource="Layer", kind="AWS::Lambda::LayerVersion", replaced=True),
        Change(action="Modify", resource="Alias", kind="AWS::Lambda::Alias", replaced=None),
    )


@pytest.mark.parametrize("reason", [NOTHING, "No updates are to be performed."])
def test_an_empty_change_set_means_nothing_to_do_and_is_removed(stubbed, created, reason):
    stubbed.answers("cloudformation.describe_change_set", describe("FAILED", reason))
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)
    assert change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep) is None


def test_the_same_template_as_before_needs_no_change_set(stubbed):
    stubbed.answers("cloudformation.get_template", {"TemplateBody": TEMPLATE.text})
    assert change_sets.propose(TEMPLATE, existing("UPDATE_COMPLETE"), stubbed.account) is None


def test_a_change_that_is_refused_says_why_and_is_removed(stubbed, created):
    stubbed.answers("cloudformation.describe_change_set", describe("FAILED", "Template error: no such type"))
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)
    with pytest.raises(DeployFailed, match="refuses the change: Template error: no such type") as caught:
        change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep)
    assert "Nothing was changed." in caught.value.hint


def test_a_change_that_does_not_pass_validation_names_the_property(stubbed, created):
    reason = "The following validation failed: use the DescribeEvents API for detailed failure information."
    stubbed.answers("cloudformation.describe_change_set", describe("FAILED", reason))
    problem = {
        "EventId": "1",
        "OperationId": "new",
        "ValidationPath": "/Resources/Function/Properties/MemorySize",
        "ValidationStatusReason": "99 is less than 128",
    }
    stubbed.answers(
        "cloudformation.describe_events",
        {"OperationEvents": [problem, {**problem, "OperationId": "old", "ValidationStatusReason": "solved"}]},
        ChangeSetName=CHANGE_SET,
        Filters={"FailedEvents": True},
    )
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)
    with pytest.raises(DeployFailed, match=r"/Function/Properties/MemorySize: 99 is less than 128$"):
        change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep)


def test_ctrl_c_while_the_changes_are_worked_out_removes_the_change_set(stubbed, created):
    stubbed.answers("cloudformation.describe_change_set", describe("CREATE_IN_PROGRESS"))
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)

    def interrupted(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=interrupted)


def test_a_change_set_that_went_with_another_one_means_that_the_stack_is_busy(stubbed, created):
    stubbed.refuses("cloudformation.describe_change_set", "ChangeSetNotFound", "ChangeSet does not exist")
    stubbed.answers("cloudformation.delete_change_set", {})
    with pytest.raises(StackBusy):
        change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep)


def test_a_deployment_that_came_first_makes_the_stack_busy(stubbed):
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    stubbed.refuses(
        "cloudformation.create_change_set",
        "ValidationError",
        f"Stack:{ID} is in UPDATE_IN_PROGRESS state and can not be updated.",
    )
    with pytest.raises(StackBusy):
        change_sets.propose(TEMPLATE, existing(), stubbed.account)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidChangeSetStatus", "ChangeSet is in OBSOLETE status"),
        ("ChangeSetNotFound", "ChangeSet [lambdify-1] does not exist"),
        ("ValidationError", f"Stack:{ID} is in UPDATE_IN_PROGRESS state and can not be updated."),
    ],
)
def test_a_change_set_that_was_overtaken_is_not_applied(stubbed, code, message):
    change_set = ChangeSet(id=CHANGE_SET, stack="shop-dev", stack_id=ID, creates=False, changes=())
    stubbed.answers("cloudformation.describe_stack_events", {"StackEvents": []})
    stubbed.refuses("cloudformation.execute_change_set", code, message)
    stubbed.answers("cloudformation.describe_change_set", {"ExecutionStatus": "OBSOLETE"})
    with pytest.raises(StackBusy):
        change_sets.apply(change_set, stubbed.account)


def test_a_stack_that_somebody_else_created_meanwhile_is_busy(stubbed):
    said = "Stack [shop-dev] already exists and cannot be created again with the changeSet [lambdify-1]."
    stubbed.refuses("cloudformation.create_change_set", "ValidationError", said)
    with pytest.raises(StackBusy):
        change_sets.propose(TEMPLATE, None, stubbed.account)


def test_a_stack_that_another_first_deployment_took_away_is_busy(stubbed):
    change_set = ChangeSet(id=CHANGE_SET, stack="shop-dev", stack_id=ID, creates=True, changes=())
    gone = f"Stack [{ID}] does not exist"
    stubbed.refuses("cloudformation.describe_stack_events", "ValidationError", gone)
    with pytest.raises(StackBusy):
        change_sets.apply(change_set, stubbed.account)


def describe_stack(status):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {"Stacks": [{"StackName": "shop-dev", "StackId": ID, "CreationTime": at, "StackStatus": status}]}


def test_the_empty_stack_goes_with_its_last_change_set(stubbed):
    change_set = ChangeSet(id=CHANGE_SET, stack="shop-dev", stack_id=ID, creates=True, changes=())
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)
    stubbed.answers("cloudformation.describe_stacks", describe_stack("REVIEW_IN_PROGRESS"), StackName=ID)
    stubbed.answers("cloudformation.list_change_sets", {"Summaries": []})
    stubbed.answers("cloudformation.delete_stack", StackName=ID)
    change_sets.discard(change_set, stubbed.account)


def test_a_stack_that_somebody_else_creates_meanwhile_stays(stubbed):
    change_set = ChangeSet(id=CHANGE_SET, stack="shop-dev", stack_id=ID, creates=True, changes=())
    stubbed.answers("cloudformation.delete_change_set", ChangeSetName=CHANGE_SET)
    stubbed.answers("cloudformation.describe_stacks", describe_stack("CREATE_IN_PROGRESS"), StackName=ID)
    change_sets.discard(change_set, stubbed.account)


def test_a_deletion_that_is_under_way_is_joined(stubbed):
    operation = change_sets.delete(existing("DELETE_IN_PROGRESS"), stubbed.account)
    assert (operation.stack_id, operation.end_states, operation.after) == (ID, {"DELETE_COMPLETE"}, "")


def test_a_change_set_whose_making_was_not_answered_is_found_by_its_name(stubbed):
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    stubbed.refuses("cloudformation.create_change_set", "AlreadyExistsException", "already exists")
    stubbed.answers(
        "cloudformation.describe_change_set",
        {"ChangeSetId": CHANGE_SET, "StackId": ID},
        StackName="shop-dev",
        ChangeSetName=ANY,
    )
    stubbed.answers("cloudformation.describe_change_set", describe("CREATE_COMPLETE"))
    assert change_sets.propose(TEMPLATE, existing(), stubbed.account, sleep=no_sleep).id == CHANGE_SET


def test_a_change_set_whose_execution_was_not_answered_is_being_carried_out(stubbed):
    change_set = ChangeSet(id=CHANGE_SET, stack="shop-dev", stack_id=ID, creates=False, changes=())
    stubbed.answers("cloudformation.describe_stack_events", {"StackEvents": []})
    stubbed.refuses("cloudformation.execute_change_set", "InvalidChangeSetStatus", "EXECUTE_IN_PROGRESS")
    stubbed.answers("cloudformation.describe_change_set", {"ExecutionStatus": "EXECUTE_IN_PROGRESS"})
    assert change_sets.apply(change_set, stubbed.account).stack_id == ID


def test_express_mode_keeps_the_rollback(stubbed):
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    stubbed.answers(
        "cloudformation.create_change_set",
        {"Id": CHANGE_SET, "StackId": ID},
        **AN_UPDATE,
        TemplateBody=TEMPLATE.text,
        Capabilities=ANY,
        Parameters=ANY,
        Tags=ANY,
        DeploymentConfig={"Mode": "EXPRESS", "DisableRollback": False},
    )
    stubbed.answers("cloudformation.describe_change_set", describe("CREATE_COMPLETE"))
    assert change_sets.propose(TEMPLATE, existing(), stubbed.account, express=True, sleep=no_sleep)


def test_express_mode_is_refused_where_boto3_does_not_know_it(stubbed):
    operation = stubbed.stub("cloudformation").client.meta.service_model.operation_model("CreateChangeSet")
    known = operation.input_shape.members.pop("DeploymentConfig")
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    try:
        with pytest.raises(SettingsError, match="does not know express mode") as caught:
            change_sets.propose(TEMPLATE, existing(), stubbed.account, express=True)
    finally:
        operation.input_shape.members["DeploymentConfig"] = known
    assert "boto3 1.43.38" in caught.value.hint


def test_a_template_that_is_too_long_for_reading_is_sent_without_its_layout(stubbed, created_with):
    body = {"Resources": {f"Topic{n}": {"Type": "AWS::SNS::Topic"} for n in range(800)}}
    long = Template(stack="shop-dev", body=body, text=json.dumps(body, indent=4), version="", tags={})
    assert len(long.text) > 51_200
    created_with(json.dumps(body, separators=(",", ":")))
    assert change_sets.propose(long, existing(), stubbed.account, sleep=no_sleep)


def test_a_template_that_is_too_long_anyhow_is_refused_with_what_makes_it_so(stubbed):
    body = {"Resources": {f"Topic{n}": {"Type": "AWS::SNS::Topic"} for n in range(2000)}}
    long = Template(stack="shop-dev", body=body, text=json.dumps(body), version="", tags={})
    stubbed.answers("cloudformation.get_template", {"TemplateBody": "{}"})
    with pytest.raises(SettingsError, match="and CloudFormation takes 51200") as caught:
        change_sets.propose(long, existing(), stubbed.account)
    assert "[resources]" in caught.value.hint


def test_express_mode_hurries_a_deletion_too(stubbed):
    stubbed.answers("cloudformation.describe_stack_events", {"StackEvents": []})
    express = {"Mode": "EXPRESS", "DisableRollback": False}
    stubbed.answers("cloudformation.delete_stack", StackName=ID, DeploymentConfig=express)
    assert change_sets.delete(existing("CREATE_COMPLETE"), stubbed.account, express=True)
