"""The life of a stage before a second judge: moto's S3, IAM, Lambda, Logs, API Gateway, Scheduler, ELB.

What moto cannot do is left to ministack alone: its CloudFormation publishes a version before it changes the
function (so which code a version has is not looked at), takes no change back that failed, and knows neither
keys, plans, authorizers nor access logs of API Gateway; its Lambda runs nothing here.
"""

import json

import pytest
from moto import mock_aws
from stages import stage_in
from template.variants import ENDPOINTS

from lambdify.cli import aws
from lambdify.cli.aws import attempt
from lambdify.cli.deploy import deploy
from lambdify.cli.look import status
from lambdify.cli.releases.rollback import rollback
from lambdify.cli.undeploy import undeploy

pytestmark = pytest.mark.slow


@pytest.fixture
def judge(make_settings, monkeypatch):
    """An account in moto, with what its CloudFormation lacks; functions answer without being run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    # Imported when it is needed: it is large.
    from . import second_judge

    with mock_aws(config={"lambda": {"use_docker": False}}):
        second_judge.teach(monkeypatch)
        yield aws.connect(make_settings())


@pytest.fixture
def listener(judge):
    """ARN of a listener of a load balancer that is there."""
    subnets = [each["SubnetId"] for each in judge.client("ec2").describe_subnets()["Subnets"]]
    balancing = judge.client("elbv2")
    (balancer,) = balancing.create_load_balancer(Name="web", Subnets=subnets[:2])["LoadBalancers"]
    answer = {"StatusCode": "404", "ContentType": "text/plain"}
    made = balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
    )
    return made["Listeners"][0]["ListenerArn"]


@pytest.fixture
def fronts(judge):
    """What stands in front of functions: how many of each kind."""

    def fronts():
        functions = judge.client("lambda")
        names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
        look = functions.get_function_url_config
        found = {
            "http-api": judge.client("apigatewayv2").get_apis()["Items"],
            "rest-api": judge.client("apigateway").get_rest_apis()["items"],
            # moto does not list them.
            "function-url": [each for each in names if attempt(look, none_if="NotFound", FunctionName=each)],
            "alb": judge.client("elbv2").describe_target_groups()["TargetGroups"],
        }
        return {kind: len(each) for kind, each in found.items() if each}

    return fronts


def doze(_):
    """moto has done it when it answers."""


def alias(account):
    return account.client("lambda").get_alias(FunctionName="shop-dev", Name="live")["FunctionVersion"]


def memory(account):
    function = {"FunctionName": "shop-dev"}
    return account.client("lambda").get_function_configuration(**function)["MemorySize"]


@pytest.mark.parametrize("endpoint", ["http-api", "rest-api", "function-url", "alb", "none"])
def test_a_stage_lives_from_its_creation_to_its_removal(
    endpoint, judge, make_settings, make_bundle, talk, inventory, fronts, listener
):
    # moto runs no function, so there is no page to ask for.
    overrides = {**ENDPOINTS[endpoint], "http.alb.listener": listener, "release.smoke": "off"}
    settings = make_settings("dev", overrides)
    faster = make_settings("dev", {**overrides, "function.memory": 1024})
    there = {
        "buckets": [f"lambdify-{judge.account_id}-eu-central-1"],
        "stacks": ["shop-dev"],
        "functions": ["shop-dev"],
        "layers": ["shop-dev:1"],
        "versions": ["shop-dev:1"],
        "schedules": ["shop-dev"],
        "log groups": ["/aws/lambda/shop-dev"],
        **({"apis": ["shop-dev"]} if endpoint == "http-api" else {}),
    }

    def look():
        found = inventory(judge)
        assert len(found.pop("roles")) == 2
        assert fronts() == ({} if endpoint == "none" else {endpoint: 1})
        return found

    made = deploy(stage_in(judge, settings), make_bundle, talk.console, yes=True, sleep=doze)
    assert (made.changed, made.version, alias(judge)) == (True, "1", "1")
    assert bool(made.endpoint) == (endpoint != "none")
    assert look() == there

    assert not deploy(stage_in(judge, settings), make_bundle, talk.console, sleep=doze).changed
    assert look() == there

    newer = lambda: make_bundle("app = 2")  # noqa: E731
    assert (
        deploy(stage_in(judge, settings), newer, talk.console, yes=True, sleep=doze).version
        == alias(judge)
        == "2"
    )
    assert look() == {**there, "versions": ["shop-dev:1", "shop-dev:2"]}

    assert (
        deploy(stage_in(judge, faster), newer, talk.console, yes=True, sleep=doze).version
        == alias(judge)
        == "3"
    )
    assert memory(judge) == 1024
    there["versions"] = ["shop-dev:1", "shop-dev:2", "shop-dev:3"]
    assert look() == there

    back = rollback(stage_in(judge, faster), talk.console, yes=True, sleep=doze)
    assert (back.version, back.left, alias(judge)) == ("2", 3, "2")
    assert look() == there
    assert status.fetch(stage_in(judge, faster)).version == "2"

    removal = undeploy(stage_in(judge, faster), talk.console, yes=True, sleep=doze)
    assert (removal.stack, removal.bucket, removal.kept) == (True, True, ())
    assert inventory(judge) == {}
    assert fronts() == {}


def test_whoever_may_invoke_the_alias_is_named_by_the_api(judge, make_settings, make_bundle, talk):
    deploy(stage_in(judge, make_settings()), make_bundle, talk.console, yes=True, sleep=doze)
    policy = judge.client("lambda").get_policy(FunctionName="shop-dev")["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    (api,) = judge.client("apigatewayv2").get_apis()["Items"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert f":{api['ApiId']}/*" in json.dumps(statement["Condition"])
