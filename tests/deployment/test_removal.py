"""Removing a stage: what is kept and named, and a removal that was killed after any of its steps."""

import io

import pytest
from stages import stage_in

from lambdify.cli import undeploy
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import NotDeployed, StackBroken
from lambdify.cli.stacks import change_sets, stack, stack_events

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

LOG = "/aws/lambda/shop-dev"


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    """`ship({"resources": {...}})`: deploy with these settings."""

    def ship(overrides=None, app="app = 1"):
        settings = make_settings(overrides=overrides)
        return deploy(stage_in(account, settings), lambda: make_bundle(app), talk.console, yes=True)

    return ship


@pytest.fixture
def remove(account, make_settings, talk):
    """`remove(keep_logs=True)`: what `lambdify undeploy --yes` does."""

    def remove(**options):
        return undeploy.undeploy(stage_in(account, make_settings()), talk.console, **{"yes": True, **options})

    return remove


def test_the_log_that_is_kept_is_named_and_the_next_deployment_goes_on_with_it(
    account, ship, remove, inventory
):
    ship()
    account.client("logs").create_log_stream(logGroupName=LOG, logStreamName="yesterday")
    (kept,) = remove(keep_logs=True).kept
    assert (kept.name, kept.kind) == (LOG, "AWS::Logs::LogGroup")
    assert "--keep-logs" in kept.why
    assert inventory(account) == {"log groups": [LOG]}
    ship()
    streams = account.client("logs").describe_log_streams(logGroupName=LOG)["logStreams"]
    assert "yesterday" in [each["logStreamName"] for each in streams]
    assert remove().kept == ()
    assert inventory(account) == {}


def test_the_log_that_was_kept_can_be_removed_later(account, ship, remove, inventory):
    ship()
    remove(keep_logs=True)
    removal = remove()
    assert (removal.stack, removal.log_group) == (False, True)
    assert inventory(account) == {}


def test_a_log_group_of_that_name_that_is_not_ours_stays(account, remove, inventory):
    account.client("logs").create_log_group(logGroupName=LOG)
    with pytest.raises(NotDeployed):
        remove()
    assert inventory(account) == {"log groups": [LOG]}


def test_what_the_project_asked_to_keep_is_kept_and_named(account, ship, remove, inventory):
    queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {"QueueName": "orders"}}
    ship({"resources": {"Orders": queue}})
    (kept,) = remove().kept
    assert kept.kind == "AWS::SQS::Queue"
    assert kept.name.endswith("/orders")
    assert kept.why == "its DeletionPolicy is Retain"
    assert len(account.client("sqs").list_queues()["QueueUrls"]) == 1


@pytest.fixture
def stuck(account, ship):
    """A stage with a network of its own, which CloudFormation cannot delete; the id of what is in the way."""
    ship({"resources": {"Net": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}})
    resources = account.client("cloudformation").describe_stack_resource
    net = resources(StackName="shop-dev", LogicalResourceId="Net")["StackResourceDetail"]
    ec2 = account.client("ec2")
    made = ec2.create_subnet(VpcId=net["PhysicalResourceId"], CidrBlock="10.0.1.0/24")
    return made["Subnet"]["SubnetId"]


@pytest.mark.usefixtures("stuck")
def test_what_cannot_be_deleted_is_named_with_the_ways_out_and_can_be_left(account, remove, inventory):
    with pytest.raises(StackBroken, match=r"could not be deleted\. Net \(AWS::EC2::VPC\)") as caught:
        remove()
    assert "`lambdify undeploy dev --leave`" in caught.value.hint
    (kept,) = remove(leave=True).kept
    assert kept.kind == "AWS::EC2::VPC"
    assert kept.why.startswith("CloudFormation could not delete it: ")
    assert inventory(account) == {}


@pytest.mark.usefixtures("stuck")
def test_somebody_at_a_terminal_is_asked_whether_to_leave_it(
    account, remove, make_settings, talk_to, inventory
):
    asked = talk_to("y\ny\n")
    assert undeploy.undeploy(stage_in(account, make_settings()), asked.console).kept
    assert "Leave Net behind?" in asked.said
    assert inventory(account) == {}


def test_a_deployment_ends_a_removal_that_failed_when_what_was_in_the_way_is_gone(
    account, ship, remove, stuck
):
    with pytest.raises(StackBroken):
        remove()
    account.client("ec2").delete_subnet(SubnetId=stuck)
    assert ship().changed


def delete_the_stack(account, settings, console):
    found = stack.fetch(stage_in(account, settings))
    begin = lambda: change_sets.delete(found, account)  # noqa: E731
    stack_events.follow(begin, stage_in(account, settings), console)


def delete_the_log(account, settings, console):
    delete_the_stack(account, settings, console)
    account.client("logs").delete_log_group(logGroupName=LOG)


def delete_an_archive(account, settings, console):
    delete_the_log(account, settings, console)
    bucket = account.bucket
    first = account.client("s3").list_objects_v2(Bucket=bucket)["Contents"][0]
    account.client("s3").delete_object(Bucket=bucket, Key=first["Key"])


def empty_the_bucket(account, settings, console):
    delete_the_log(account, settings, console)
    bucket = account.bucket
    for each in account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]:
        account.client("s3").delete_object(Bucket=bucket, Key=each["Key"])


@pytest.mark.parametrize(
    "done",
    [delete_the_stack, delete_the_log, delete_an_archive, empty_the_bucket],
    ids=lambda done: done.__name__,
)
def test_a_removal_that_was_killed_after_a_step_is_completed_by_the_next(
    account, ship, remove, make_settings, talk, inventory, done
):
    ship()
    ship(app="app = 2")
    done(account, make_settings(), talk.console)
    remove()
    assert inventory(account) == {}
    with pytest.raises(NotDeployed, match="There is nothing of"):
        remove()


def test_what_stays_is_told_to_the_user(account, ship, make_settings):
    ship()
    stdout = io.StringIO()
    console = Console(stdin=io.StringIO(), stdout=stdout, stderr=io.StringIO(), environ={})
    removal = undeploy.undeploy(stage_in(account, make_settings()), console, yes=True, keep_logs=True)
    console.answer(undeploy.describe(removal, make_settings()))
    assert stdout.getvalue().startswith(
        f"shop-dev is gone. What stays:\n  {LOG} (AWS::Logs::LogGroup): --keep"
    )
