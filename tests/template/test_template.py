"""The template: pure, accepted by cfn-lint in every variant, and no right too many."""

import json

import pytest

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target

ARTIFACT = Artifact(
    bucket="lambdify-123456789012-eu-central-1",
    app_key="shop/dev/app-0123456789abcdef.zip",
    layer_key="shop/dev/layer-fedcba9876543210.zip",
    uploaded=(),
)
NO_LAYER = Artifact(bucket=ARTIFACT.bucket, app_key=ARTIFACT.app_key, layer_key=None, uploaded=())


def resources(written, kind):
    return {
        name: each["Properties"]
        for name, each in written.body["Resources"].items()
        if each["Type"] == f"AWS::{kind}"
    }


def only(written, kind):
    (properties,) = resources(written, kind).values()
    return properties


def version_id(written):
    (name,) = resources(written, "Lambda::Version")
    return name


@pytest.mark.parametrize(
    ("environment", "artifact", "target"),
    [
        ({}, NO_LAYER, Target(python="3.11")),
        ({"MODE": "fast", "NAME": "Zoë ${not:a:variable}"}, ARTIFACT, Target(architecture="arm64")),
    ],
)
def test_cfn_lint_has_nothing_to_say(write, complaints, environment, artifact, target):
    overrides = {"warm.every": "1 minutes", "environment": environment, "function.description": "A shop"}
    assert complaints(write(overrides, artifact=artifact, target=target)) == []


ENDPOINTS = (
    ("http-api", False),
    ("function-url", False),
    ("function-url", True),
    ("rest-api", False),
    ("rest-api", True),
)
"""Every kind of endpoint, and whether it streams."""


def behind(kind, streaming=False):
    return {"http.endpoint": kind, "http.streaming": streaming}


def test_the_template_of_a_stage_with_everything(write, golden):
    golden("everything.json", write({"environment": {"MODE": "fast"}}).text)


def test_the_template_of_a_stage_with_as_little_as_can_be(write, golden):
    overrides = {"warm.every": "off", "function.architecture": "arm64", "function.memory": 128}
    target = Target(python="3.12", architecture="arm64")
    golden("least.json", write(overrides, artifact=NO_LAYER, target=target, stage="live").text)


@pytest.mark.parametrize(("kind", "streaming"), ENDPOINTS[1:])
def test_the_template_of_every_other_endpoint(write, golden, kind, streaming):
    written = write(behind(kind, streaming) | {"warm.every": "off"})
    golden(f"{kind}{'-streaming' if streaming else ''}.json", written.text)


def test_the_same_values_give_the_same_text(write):
    one = write({"environment": {"MODE": "1", "NAME": "2"}})
    other = write({"environment": {"NAME": "2", "MODE": "1"}})
    assert one.text == other.text
    assert json.loads(one.text) == one.body


def test_the_stack_carries_the_project_and_the_stage(write):
    assert write(stage="live").tags == {"lambdify:project": "shop", "lambdify:stage": "live"}


@pytest.mark.parametrize(
    "overrides",
    [
        {"function.memory": 1024},
        {"function.timeout": 20},
        {"function.description": "A shop"},
        {"environment": {"MODE": "fast"}},
    ],
)
def test_whatever_is_part_of_a_version_publishes_a_new_one(write, overrides):
    assert version_id(write(overrides)) != version_id(write())


def test_new_code_dependencies_and_platform_publish_a_new_version(write):
    app = Artifact(
        bucket=ARTIFACT.bucket, app_key="shop/dev/app-1.zip", layer_key=ARTIFACT.layer_key, uploaded=()
    )
    layer = Artifact(
        bucket=ARTIFACT.bucket, app_key=ARTIFACT.app_key, layer_key="shop/dev/layer-1.zip", uploaded=()
    )
    variants = [
        write(),
        write(artifact=app),
        write(artifact=layer),
        write(artifact=NO_LAYER),
        write(target=Target(python="3.14")),
        write(target=Target(python="3.13", architecture="arm64")),
    ]
    assert len({version_id(each) for each in variants}) == len(variants)


@pytest.mark.parametrize("overrides", [{"warm.every": "off"}, {"logs.retention": 3}])
def test_what_is_beside_the_function_publishes_no_version(write, overrides):
    """CloudFormation fails a version of a function that has not changed since the last one."""
    assert version_id(write(overrides)) == version_id(write())


def test_the_function_may_write_to_its_own_log_and_nothing_else(write):
    role = resources(write({"warm.concurrency": 1}), "IAM::Role")["Role"]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": ["LogGroup", "Arn"]},
    }
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_schedule_may_call_the_alias_for_this_account_and_nothing_else(write):
    role = resources(write(), "IAM::Role")["ScheduleRole"]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["lambda:InvokeFunction"], {"Ref": "Alias"})
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_our_own_api_may_call_the_alias(write):
    permission = only(write(), "Lambda::Permission")
    assert permission["FunctionName"] == {"Ref": "Alias"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${AWS::AccountId}:${Api}/*")


def test_a_function_url_needs_both_permissions_since_october_2025(write):
    allowed = resources(write(behind("function-url")), "Lambda::Permission")
    assert all(each.pop("FunctionName") == {"Ref": "Alias"} for each in allowed.values())
    assert list(allowed.values()) == [
        {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"},
        {"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True},
    ]


def test_a_rest_api_may_call_the_alias_from_its_stage_alone(write):
    permission = only(write(behind("rest-api")), "Lambda::Permission")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${AWS::AccountId}:${RestApi}/live/*")


def test_a_rest_api_sends_its_root_and_all_below_it_to_the_alias(write):
    written = write(behind("rest-api"))
    methods = resources(written, "ApiGateway::Method")
    assert {each["HttpMethod"] for each in methods.values()} == {"ANY"}
    assert only(written, "ApiGateway::Resource")["PathPart"] == "{proxy+}"
    assert [each["ResourceId"] for each in methods.values()] == [
        {"Fn::GetAtt": ["RestApi", "RootResourceId"]},
        {"Ref": "RestPath"},
    ]
    (deployment,) = [each for each in written.body["Resources"] if each.startswith("RestDeployment")]
    assert written.body["Resources"][deployment]["DependsOn"] == list(methods)


def test_a_rest_api_that_changes_is_deployed_anew(write):
    def deployment(**overrides):
        return only(write(behind("rest-api") | overrides), "ApiGateway::Stage")["DeploymentId"]

    assert deployment() == deployment(**{"function.memory": 1024})
    assert deployment() != deployment(**{"http.streaming": True})


@pytest.mark.parametrize(("kind", "streaming"), ENDPOINTS)
def test_endpoint_and_function_agree_on_streaming(write, kind, streaming):
    written = write(behind(kind, streaming))
    ways = {each["InvokeMode"] == "RESPONSE_STREAM" for each in resources(written, "Lambda::Url").values()}
    for each in resources(written, "ApiGateway::Method").values():
        integration = each["Integration"]
        ways.add(integration.get("ResponseTransferMode") == "STREAM")
        ways.add(integration["Uri"]["Fn::Sub"].endswith("/response-streaming-invocations"))
    assert ways <= {streaming}
    handler = only(written, "Lambda::Function")["Handler"]
    name = "streaming.runtime" if streaming else "entry"
    assert handler == f"lambdify.adapter.{name}.handler"


def test_a_stream_behind_a_rest_api_may_take_as_long_as_the_function(write):
    def limit(seconds):
        written = write(behind("rest-api", streaming=True) | {"function.timeout": seconds})
        methods = resources(written, "ApiGateway::Method").values()
        return {each["Integration"]["TimeoutInMillis"] for each in methods}

    assert (limit(60), limit(900)) == ({60_000}, {900_000})


@pytest.mark.parametrize(
    ("every", "rate"), [("1 minutes", "rate(1 minute)"), ("5 minutes", "rate(5 minutes)")]
)
def test_the_schedule_is_a_rate_in_minutes(write, every, rate):
    assert only(write({"warm.every": every}), "Scheduler::Schedule")["ScheduleExpression"] == rate


def test_a_stage_that_is_not_kept_warm_has_no_schedule_and_no_role_for_one(write):
    written = write({"warm.every": "off"})
    assert resources(written, "Scheduler::Schedule") == {}
    assert set(resources(written, "IAM::Role")) == {"Role"}


def test_the_log_group_is_there_before_the_function_and_is_left_to_undeploy(write):
    group = write().body["Resources"]["LogGroup"]
    assert group["Properties"] == {"LogGroupName": "/aws/lambda/shop-dev", "RetentionInDays": 30}
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"
    assert only(write(), "Lambda::Function")["LoggingConfig"] == {"LogGroup": {"Ref": "LogGroup"}}


def test_a_name_as_long_as_settings_allow_fits_everything_that_is_named(write, complaints):
    written = write({"name": "n" * 60})
    names = [
        only(written, "Lambda::Function")["FunctionName"],
        only(written, "Scheduler::Schedule")["Name"],
        written.stack,
    ]
    assert [len(name) for name in names] == [64, 64, 64]
    assert complaints(written) == []
