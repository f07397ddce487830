"""An update tells of what it touches: CloudFormation reports every resource as updated."""

import io
from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.console import Console
from lambdify.cli.errors import DeployFailed
from lambdify.cli.stacks import stack_events
from lambdify.cli.stacks.changes import Change, Property
from lambdify.cli.stacks.stack_events import COMPLETED, Operation

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1"
UPDATE = Operation(stack="shop-dev", stack_id=ID, end_states=COMPLETED, after="")
AT = datetime(2026, 1, 1, tzinfo=UTC)
HAPPENED = (
    ("Function", "UPDATE_COMPLETE"),
    ("Role", "UPDATE_COMPLETE"),
    ("Version1", "DELETE_SKIPPED"),
    ("Version2", "CREATE_COMPLETE"),
    ("shop-dev", "UPDATE_COMPLETE"),
)


@pytest.fixture
def follow(stubbed, make_settings):
    """`follow(verbose=True, touched={"Function"})`: what is said of an update."""

    def follow(happened=HAPPENED, *, verbose=False, **options):
        state = happened[-1][1]
        events = [
            {
                "StackId": ID,
                "StackName": "shop-dev",
                "EventId": resource,
                "Timestamp": AT,
                "LogicalResourceId": resource,
                "PhysicalResourceId": ID if resource == "shop-dev" else resource,
                "ResourceType": "AWS::Lambda::Function",
                "ResourceStatus": each,
            }
            for resource, each in happened
        ]
        described = {"StackName": "shop-dev", "StackStatus": state, "CreationTime": AT}
        stubbed.answers("cloudformation.describe_stacks", {"Stacks": [described]})
        stubbed.answers("cloudformation.describe_stack_events", {"StackEvents": events[::-1]})
        said = io.StringIO()
        console = Console(verbose=verbose, stdin=io.StringIO(), stdout=io.StringIO(), stderr=said, environ={})
        try:
            stage = stage_in(stubbed.account, make_settings())
            stack_events.follow(lambda: UPDATE, stage, console, **options)
        finally:
            follow.said = [line.split() for line in said.getvalue().splitlines()]
        return follow.said

    return follow


def test_only_what_is_touched_is_told_of(follow):
    assert follow(touched={"Function", "Version1", "Version2"}) == [
        ["Function", "UPDATE_COMPLETE"],
        ["Version2", "CREATE_COMPLETE"],
    ]


def test_a_move_of_traffic_needs_no_lines(follow):
    assert follow(touched=()) == []


@pytest.mark.parametrize("options", [{"verbose": True, "touched": ()}, {}], ids=["verbose", "no update"])
def test_everything_is_told_of_with_verbose_and_where_nothing_is_an_update(follow, options):
    assert follow(**options) == [list(each) for each in HAPPENED[:-1]]


def test_what_fails_is_told_of_in_any_case(follow):
    happened = (
        ("Role", "UPDATE_FAILED"),
        ("Role", "UPDATE_COMPLETE"),
        ("shop-dev", "UPDATE_ROLLBACK_COMPLETE"),
    )
    with pytest.raises(DeployFailed):
        follow(happened, touched={"Function"})
    assert follow.said == [["Role", "UPDATE_FAILED"]]


@pytest.mark.parametrize(
    ("change", "only_refers"),
    [
        ({"action": "Modify", "replaced": False}, True),
        ({"action": "Modify", "replaced": True}, False),
        ({"action": "Modify", "replaced": False, "properties": "Code"}, False),
        ({"action": "Add", "replaced": False}, False),
    ],
)
def test_a_resource_that_only_refers_to_what_changes_is_not_touched(change, only_refers):
    path = change.pop("properties", "")
    properties = (Property(path=path, before="a", after="b"),) if path else ()
    made = Change(resource="Alias", kind="AWS::Lambda::Alias", properties=properties, **change)
    assert made.only_refers is only_refers
