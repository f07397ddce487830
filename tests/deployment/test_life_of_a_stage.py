"""The whole life of a stage, through every call, against AWS's APIs as ministack answers them."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import boto3
import pytest
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import BundleRefused, Declined, DeployFailed, NotDeployed, StackForeign, UsageError
from lambdify.cli.look import status
from lambdify.cli.plan import diff
from lambdify.cli.stacks import stack
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

BUCKET = "lambdify-{}-eu-central-1"


def alias(account, name="shop-dev"):
    return account.client("lambda").get_alias(FunctionName=name, Name="live")["FunctionVersion"]


def move_bucket(account, region):
    """Make the artifacts bucket anew, in a region whose buckets Lambda here does not take code from."""
    bucket = BUCKET.format(account.account_id)
    here = account.client("s3")
    if bucket in [each["Name"] for each in here.list_buckets()["Buckets"]]:
        for each in here.list_objects_v2(Bucket=bucket).get("Contents", []):
            here.delete_object(Bucket=bucket, Key=each["Key"])
        here.delete_bucket(Bucket=bucket)
    if region:
        there = boto3.Session(account.account_id, "secret", region_name=region)
        there.client("s3", endpoint_url=here.meta.endpoint_url).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
        )


def configuration(account, name="shop-dev"):
    return account.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")


def test_the_first_deployment_makes_everything_that_the_stage_needs_and_nothing_else(
    account, make_settings, make_bundle, talk, inventory
):
    assert inventory(account) == {}
    deployment = deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    assert deployment.changed
    assert deployment.function == deployment.stack == "shop-dev"
    assert deployment.version == alias(account) == "1"
    made = inventory(account)
    assert len(made.pop("roles")) == 2
    assert made == {
        "buckets": [BUCKET.format(account.account_id)],
        "stacks": ["shop-dev"],
        "functions": ["shop-dev"],
        "layers": ["shop-dev:1"],
        "versions": ["shop-dev:1"],
        "apis": ["shop-dev"],
        "schedules": ["shop-dev"],
        "log groups": ["/aws/lambda/shop-dev"],
    }


def test_zips_that_grew_into_an_image_are_refused_and_nothing_has_happened(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    before = inventory(account)
    grown = replace(make_bundle(), form="image")
    for ask in (diff.compute, partial(deploy, yes=True)):
        with pytest.raises(BundleRefused, match="deployed as zips"):
            ask(stage_in(account, make_settings()), lambda: grown, talk.console)
    assert inventory(account) == before


def test_the_endpoint_sends_every_path_to_the_alias(account, make_settings, make_bundle, talk):
    deployment = deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    gateway = account.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    (route,) = gateway.get_routes(ApiId=api["ApiId"])["Items"]
    (integration,) = gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    (stage,) = gateway.get_stages(ApiId=api["ApiId"])["Items"]
    assert deployment.endpoint == api["ApiEndpoint"]
    assert route["RouteKey"] == stage["StageName"] == "$default"
    assert route["Target"] == f"integrations/{integration['IntegrationId']}"
    assert integration["IntegrationUri"].endswith(":function:shop-dev:live")
    assert integration["PayloadFormatVersion"] == "2.0"
    policy = account.client("lambda").get_policy(FunctionName="shop-dev", Qualifier="live")
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert api["ApiId"] in json.dumps(statement["Condition"])


def test_the_schedule_calls_the_alias_with_the_keep_warm_event(account, make_settings, make_bundle, talk):
    deploy(
        stage_in(account, make_settings(overrides={"warm.concurrency": 7})),
        make_bundle,
        talk.console,
        yes=True,
    )
    schedule = account.client("scheduler").get_schedule(Name="shop-dev")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Target"]["Arn"].endswith(":function:shop-dev:live")
    assert json.loads(schedule["Target"]["Input"]) == {"lambdify": "keep-warm", "concurrency": 7}


def test_a_second_deployment_with_nothing_changed_says_so_and_changes_nothing(
    account, make_settings, make_bundle, talk
):
    first = deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    before = stack.fetch(stage_in(account, make_settings()))
    second = deploy(stage_in(account, make_settings()), make_bundle, talk.console)
    assert (second.changed, second.uploaded) == (False, ())
    assert (second.endpoint, second.version) == (first.endpoint, first.version)
    assert stack.fetch(stage_in(account, make_settings())) == before
    assert "Nothing has changed" in talk.said


def test_after_a_rollback_it_is_cloudformation_that_finds_nothing_to_do(
    account, make_settings, make_bundle, talk
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    move_bucket(account, "ap-southeast-2")
    with pytest.raises(DeployFailed):
        deploy(
            stage_in(account, make_settings()),
            lambda: make_bundle("app = 2"),
            talk.console,
            yes=True,
        )
    again = deploy(stage_in(account, make_settings()), make_bundle, talk.console)
    assert again.version == "1"
    assert "Nothing has changed" in talk.said
    names = stack.list_change_sets("shop-dev", account)
    assert len(names) == 1, "the one that failed; the empty one was removed"


def test_a_changed_line_uploads_the_app_alone_and_moves_the_alias_to_a_new_version(
    account, make_settings, make_bundle, talk, inventory
):
    first = deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    code = configuration(account)["CodeSha256"]
    second = deploy(
        stage_in(account, make_settings()),
        lambda: make_bundle("app = 2"),
        talk.console,
        yes=True,
    )
    assert [key.rpartition("-")[0] for key in second.uploaded] == ["shop/dev/app"]
    assert second.version == alias(account) == "2"
    assert second.endpoint == first.endpoint
    assert configuration(account)["CodeSha256"] != code
    assert inventory(account)["versions"] == ["shop-dev:1", "shop-dev:2"], "to go back to"
    assert inventory(account)["layers"] == ["shop-dev:1"]


def test_changed_dependencies_upload_the_layer_alone_and_replace_its_version(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    second = deploy(
        stage_in(account, make_settings()),
        lambda: make_bundle(layer="newer"),
        talk.console,
        yes=True,
    )
    assert [key.rpartition("-")[0] for key in second.uploaded] == ["shop/dev/layer"]
    assert second.version == alias(account) == "2"
    assert inventory(account)["layers"] == ["shop-dev:2"]
    assert [each["Arn"][-2:] for each in configuration(account)["Layers"]] == [":2"]


def test_dependencies_that_are_gone_take_the_layer_with_them(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    deploy(
        stage_in(account, make_settings()),
        lambda: make_bundle(layer=None),
        talk.console,
        yes=True,
    )
    assert "layers" not in inventory(account)
    assert not configuration(account).get("Layers")


def test_a_changed_setting_uploads_nothing_and_publishes_a_new_version(
    account, make_settings, make_bundle, talk
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    changed = make_settings(overrides={"function.memory": 1024, "environment": {"MODE": "fast"}})
    second = deploy(stage_in(account, changed), make_bundle, talk.console, yes=True)
    assert second.uploaded == ()
    assert second.version == alias(account) == "2"
    assert configuration(account)["MemorySize"] == 1024
    assert configuration(account)["Environment"]["Variables"] == {"MODE": "fast"}


def test_a_setting_beside_the_function_publishes_no_version(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    changed = make_settings(overrides={"warm.every": "off", "logs.retention": 7})
    second = deploy(stage_in(account, changed), make_bundle, talk.console, yes=True)
    assert second.changed
    assert second.version == "1"
    assert "schedules" not in inventory(account)
    assert len(inventory(account)["roles"]) == 1
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 7


def test_stages_are_independent_and_the_bucket_goes_with_the_last_one(
    account, make_settings, make_bundle, talk, inventory
):
    dev, live = make_settings("dev"), make_settings("live")
    deploy(stage_in(account, dev), make_bundle, talk.console, yes=True)
    before = stack.fetch(stage_in(account, dev))
    deploy(stage_in(account, live), lambda: make_bundle("app = 2"), talk.console, yes=True)
    assert stack.fetch(stage_in(account, dev)) == before
    assert (
        configuration(account, "shop-dev")["CodeSha256"] != configuration(account, "shop-live")["CodeSha256"]
    )
    assert not undeploy(stage_in(account, dev), talk.console, yes=True).bucket
    assert inventory(account)["functions"] == ["shop-live"]
    assert status.fetch(stage_in(account, live)).endpoint
    assert undeploy(stage_in(account, live), talk.console, yes=True).bucket
    assert inventory(account) == {}


def test_undeploying_leaves_nothing_whatever_was_deployed_before(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    deploy(
        stage_in(account, make_settings()),
        lambda: make_bundle("app = 2"),
        talk.console,
        yes=True,
    )
    deploy(
        stage_in(account, make_settings()),
        lambda: make_bundle("app = 2", "newer"),
        talk.console,
        yes=True,
    )
    removal = undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    gone = (removal.stack, removal.objects, removal.bucket)
    assert gone == (True, 8, True), "archives, releases, and whose the stage is"
    assert inventory(account) == {}


def test_undeploying_twice_finds_nothing_to_remove(account, make_settings, make_bundle, talk):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    with pytest.raises(NotDeployed, match='There is nothing of "shop-dev" in eu-central-1 to remove'):
        undeploy(stage_in(account, make_settings()), talk.console, yes=True)


def test_undeploying_completes_a_removal_that_was_cut_short(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    found = stack.fetch(stage_in(account, make_settings()))
    account.client("cloudformation").delete_stack(StackName=found.id)
    account.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=found.id, WaiterConfig={"Delay": 1}
    )
    removal = undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    assert (removal.stack, removal.objects, removal.bucket) == (False, 4, True)
    assert inventory(account) == {}


def test_a_failed_update_is_rolled_back_and_names_the_first_resource_that_failed(
    account, make_settings, make_bundle, talk, inventory
):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    before = {kind: names for kind, names in inventory(account).items() if kind != "buckets"}
    move_bucket(account, "ap-southeast-2")
    changed = make_settings(overrides={"function.memory": 2048, "logs.retention": 3})
    with pytest.raises(DeployFailed) as caught:
        deploy(stage_in(account, changed), lambda: make_bundle("app = 2"), talk.console, yes=True)
    assert caught.value.message.startswith("The deployment failed. Function (AWS::Lambda::Function): ")
    assert "S3" in caught.value.message
    assert "Everything is as it was before." in caught.value.hint
    assert "`lambdify deploy dev` again" in caught.value.hint
    assert stack.fetch(stage_in(account, make_settings())).state == "UPDATE_ROLLBACK_COMPLETE"
    function = account.client("lambda").get_function_configuration(FunctionName="shop-dev")
    assert function["MemorySize"] == 512
    after = {kind: names for kind, names in inventory(account).items() if kind != "buckets"}
    assert after == before


def test_a_failed_creation_leaves_an_empty_stack_that_the_next_deployment_replaces(
    cloud, account, make_settings, make_bundle, talk, inventory
):
    move_bucket(account, "ap-southeast-2")
    with pytest.raises(DeployFailed) as caught:
        deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    assert "Nothing of it is left but the empty stack." in caught.value.hint
    assert stack.fetch(stage_in(account, make_settings())).state == "ROLLBACK_COMPLETE"
    assert status.fetch(stage_in(account, make_settings())).function == ""
    assert set(inventory(account)) == {"buckets", "stacks"}

    move_bucket(account, None)
    # S3's client remembers where it found a bucket; the next command will have another.
    account = aws.connect(make_settings(), endpoint_url=cloud, credentials=(account.account_id, "secret"))
    deployment = deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    assert deployment.changed
    assert "Removing the empty stack that the failed creation of shop-dev left" in talk.said
    assert stack.fetch(stage_in(account, make_settings())).state == "CREATE_COMPLETE"


def test_a_stack_of_somebody_else_is_never_touched(account, make_settings, make_bundle, talk, inventory):
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="shop-dev", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="shop-dev", WaiterConfig={"Delay": 1})
    before = inventory(account)

    def never():
        raise AssertionError("nothing is packed for a stack that cannot be deployed to")

    for command in (
        lambda: deploy(stage_in(account, make_settings()), never, talk.console, yes=True),
        lambda: undeploy(stage_in(account, make_settings()), talk.console, yes=True),
        lambda: status.fetch(stage_in(account, make_settings())),
    ):
        with pytest.raises(StackForeign, match="was not made by lambdify"):
            command()
    assert inventory(account) == before


def test_a_stack_of_another_project_is_named(account, make_settings, make_bundle, talk):
    other = make_settings("dev", {"name": "shop-dev", "stage": "x"})
    deploy(stage_in(account, other), make_bundle, talk.console, yes=True)
    clash = make_settings("dev-x", {"name": "shop"})
    assert clash.full_name == other.full_name
    with pytest.raises(StackForeign, match='belongs to the project "shop-dev"'):
        deploy(stage_in(account, clash), make_bundle, talk.console, yes=True)


def test_a_no_at_the_prompt_changes_nothing_and_leaves_no_change_set(
    account, make_settings, make_bundle, talk, talk_to, inventory
):
    no = talk_to("n\n")
    with pytest.raises(Declined, match="shop-dev was not changed"):
        deploy(stage_in(account, make_settings()), make_bundle, no.console)
    assert "Apply this to shop-dev in eu-central-1?" in no.said
    assert set(inventory(account)) == {"buckets"}

    deploy(stage_in(account, make_settings()), make_bundle, talk_to("y\n").console)
    before = (
        stack.fetch(stage_in(account, make_settings())),
        stack.list_change_sets("shop-dev", account),
    )
    with pytest.raises(Declined):
        deploy(
            stage_in(account, make_settings()),
            lambda: make_bundle("app = 2"),
            talk_to("n\n").console,
        )
    assert (
        stack.fetch(stage_in(account, make_settings())),
        stack.list_change_sets("shop-dev", account),
    ) == before
    assert alias(account) == "1"


class Impatient(io.StringIO):
    """Somebody at a terminal who presses Ctrl-C instead of an answer."""

    def isatty(self):
        return True

    def readline(self, size=-1):
        raise KeyboardInterrupt


def test_ctrl_c_at_the_prompt_leaves_no_change_set_and_no_empty_stack(
    account, make_settings, make_bundle, inventory
):
    stderr = Impatient()
    console = Console(stdin=Impatient(), stdout=io.StringIO(), stderr=stderr, environ={"TERM": "dumb"})
    with pytest.raises(KeyboardInterrupt):
        deploy(stage_in(account, make_settings()), make_bundle, console)
    assert "Apply this to shop-dev" in stderr.getvalue()
    assert set(inventory(account)) == {"buckets"}


def test_the_change_set_is_shown_before_the_question(account, make_settings, make_bundle, talk_to):
    yes = talk_to("y\n")
    deploy(stage_in(account, make_settings()), make_bundle, yes.console)
    shown, _, _ = yes.said.partition("Apply this")
    assert "+ Function" in shown
    assert "AWS::Lambda::Function" in shown


def test_without_a_terminal_nothing_is_applied_unless_told_so(
    account, make_settings, make_bundle, talk, inventory
):
    with pytest.raises(UsageError, match="there is nobody to ask"):
        deploy(stage_in(account, make_settings()), make_bundle, talk.console)
    assert set(inventory(account)) == {"buckets"}


def test_what_a_cancelled_first_deployment_left_is_used_by_the_next(
    account, make_settings, make_bundle, talk, inventory
):
    account.client("cloudformation").create_change_set(
        StackName="shop-dev",
        ChangeSetName="lambdify-killed",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    with pytest.raises(NotDeployed):
        status.fetch(stage_in(account, make_settings()))
    assert deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True).version == "1"
    assert inventory(account)["stacks"] == ["shop-dev"]


def test_a_stack_that_somebody_else_is_about_to_create_is_theirs(account, make_settings, make_bundle, talk):
    account.client("cloudformation").create_change_set(
        StackName="shop-dev",
        ChangeSetName="theirs",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    with pytest.raises(StackForeign):
        deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    assert stack.list_change_sets("shop-dev", account) == ["theirs"]


def test_undeploying_removes_what_a_cancelled_first_deployment_left(account, make_settings, talk, inventory):
    account.client("cloudformation").create_change_set(
        StackName="shop-dev",
        ChangeSetName="lambdify-killed",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    assert undeploy(stage_in(account, make_settings()), talk.console, yes=True).stack
    assert inventory(account) == {}


def test_undeploying_asks_first(account, make_settings, make_bundle, talk, talk_to):
    deploy(stage_in(account, make_settings()), make_bundle, talk.console, yes=True)
    with pytest.raises(Declined, match="shop-dev was not deleted"):
        undeploy(stage_in(account, make_settings()), talk_to("\n").console)
    assert stack.fetch(stage_in(account, make_settings())).state == "CREATE_COMPLETE"
    assert undeploy(stage_in(account, make_settings()), talk_to("yes\n").console).stack


def test_the_status_tells_what_is_deployed(account, make_settings, make_bundle, talk):
    bundle = make_bundle()
    began = datetime.now(UTC)
    deployment = deploy(stage_in(account, make_settings()), lambda: bundle, talk.console, yes=True)
    found = status.fetch(stage_in(account, make_settings()))
    assert (found.stack, found.state, found.region) == ("shop-dev", "CREATE_COMPLETE", "eu-central-1")
    assert (found.endpoint, found.function, found.version) == (deployment.endpoint, "shop-dev", "1")
    assert (found.runtime, found.memory, found.timeout) == ("python3.13", 512, 30)
    assert found.code_size == bundle.app.zipped
    assert found.schedule == "rate(5 minutes)"
    assert bundle.app.digest.startswith(found.app)
    assert bundle.layer.digest.startswith(found.layer)
    assert abs((found.changed_at - began).total_seconds()) < 60


def test_the_status_of_what_is_not_deployed_says_how_to_deploy_it(account, make_settings):
    with pytest.raises(NotDeployed) as caught:
        status.fetch(stage_in(account, make_settings("staging")))
    assert "`lambdify deploy staging`" in caught.value.hint
