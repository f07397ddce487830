"""Which states a stack can be deployed to in, and what gets it out of the others."""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.errors import AccessDenied, StackBroken, StackBusy, StackForeign
from lambdify.cli.stacks import stack

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"
OURS = [{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}]


@pytest.fixture
def found(stubbed, make_settings):
    """`found("CREATE_COMPLETE")`: the stack of the stage dev, in that state."""

    def found(state, tags=OURS, change_sets=(), **more):
        described = {"StackName": "shop-dev", "StackId": ID, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}
        described |= {"StackStatus": state, "Tags": tags, **more}
        stubbed.answers("cloudformation.describe_stacks", {"Stacks": [described]}, StackName="shop-dev")
        if change_sets:
            summaries = [{"ChangeSetName": name} for name in change_sets]
            stubbed.answers("cloudformation.list_change_sets", {"Summaries": summaries})
        return stack.find(stage_in(stubbed.account, make_settings()))

    return found


def test_a_stack_that_does_not_exist_is_none(stubbed, make_settings):
    stubbed.refuses(
        "cloudformation.describe_stacks", "ValidationError", "Stack with id shop-dev does not exist"
    )
    assert stack.find(stage_in(stubbed.account, make_settings())) is None


def test_a_stack_that_may_not_be_looked_at_is_not_taken_for_none(stubbed, make_settings):
    stubbed.refuses(
        "cloudformation.describe_stacks",
        "AccessDenied",
        "User: ann is not authorized to perform: cloudformation:DescribeStacks on resource: shop-dev",
    )
    with pytest.raises(AccessDenied, match="cloudformation:DescribeStacks"):
        stack.find(stage_in(stubbed.account, make_settings()))


def test_a_stack_tells_its_outputs_and_when_it_changed(found):
    changed = datetime(2026, 2, 1, tzinfo=UTC)
    outputs = [{"OutputKey": "Endpoint", "OutputValue": "https://api"}]
    existing = found("UPDATE_COMPLETE", Outputs=outputs, LastUpdatedTime=changed)
    assert existing.outputs == {"Endpoint": "https://api"}
    assert existing.changed_at == changed


@pytest.mark.parametrize(
    "state",
    [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ],
)
def test_a_stack_at_rest_can_be_deployed_to(found, make_settings, state):
    stack.check(found(state), make_settings())


def test_an_empty_stack_that_waits_for_its_first_change_can_be_deployed_to(found, make_settings):
    waiting = found("REVIEW_IN_PROGRESS", tags=[], change_sets=["lambdify-1"])
    assert waiting.is_new
    stack.check(waiting, make_settings())


@pytest.mark.parametrize(
    "state",
    [
        "CREATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
    ],
)
def test_a_stack_that_is_being_worked_on_is_busy(found, make_settings, state):
    with pytest.raises(StackBusy, match=state) as caught:
        stack.check(found(state), make_settings())
    assert "--wait" in caught.value.hint
    assert caught.value.exit_code == 40


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("CREATE_FAILED", "lambdify undeploy dev"),
        ("ROLLBACK_FAILED", "lambdify undeploy dev"),
        ("DELETE_FAILED", "lambdify undeploy dev"),
        ("UPDATE_FAILED", "lambdify deploy dev"),
        ("UPDATE_ROLLBACK_FAILED", "lambdify deploy dev"),
    ],
)
def test_a_broken_stack_names_the_command_that_gets_it_out(found, make_settings, state, command):
    with pytest.raises(StackBroken, match=rf"{state}, which cannot be deployed to\. Role: in use") as caught:
        stack.check(found(state, StackStatusReason="Role: in use"), make_settings())
    assert f"`{command}`" in caught.value.hint
    assert caught.value.exit_code == 41


@pytest.mark.parametrize("tags", [[], OURS[:1], [OURS[0], {"Key": "lambdify:stage", "Value": "live"}]])
def test_a_stack_without_exactly_our_tags_is_not_ours(found, tags):
    with pytest.raises(StackForeign, match='"shop-dev" exists in eu-central-1') as caught:
        found("CREATE_COMPLETE", tags=tags)
    assert "It was not touched." in caught.value.hint
    assert caught.value.exit_code == 42


def test_tags_that_the_company_adds_do_no_harm(found):
    assert found("CREATE_COMPLETE", tags=[*OURS, {"Key": "cost-center", "Value": "42"}]).name == "shop-dev"
