"""[secrets] and [warm] concurrency in the template: what is sent, and what the function may then do."""

import json

import pytest

from lambdify.cli import template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.template import roles

ARTIFACT = Artifact(bucket="bucket", app_key="shop/dev/app-1.zip", layer_key=None, uploaded=())


@pytest.fixture
def resources(make_settings, complaints):
    def write(overrides):
        written = template.write(make_settings("dev", overrides), ARTIFACT, Target(python="3.13"))
        assert complaints(written) == []
        return written.body["Resources"]

    return write


def sent(written):
    return json.loads(written["Schedule"]["Properties"]["Target"]["Input"])


def policies(written):
    return {each["PolicyName"]: each["PolicyDocument"] for each in written["Role"]["Properties"]["Policies"]}


def test_one_environment_is_kept_warm_by_one_call(resources):
    written = resources({"warm.concurrency": 1})
    assert sent(written) == {"lambdify": "keep-warm"}
    assert set(policies(written)) == {"logs"}


def test_several_are_kept_warm_by_a_function_that_may_call_itself_and_nothing_else(resources):
    written = resources({"warm.concurrency": 5})
    assert sent(written) == {"lambdify": "keep-warm", "concurrency": 5}
    (statement,) = policies(written)["keep-warm"]["Statement"]
    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert statement["Resource"]["Fn::Sub"].endswith(":function:shop-dev:live")


def test_a_function_that_is_not_kept_warm_may_not_call_itself(resources):
    assert set(policies(resources({"warm.concurrency": 5, "warm.every": "off"}))) == {"logs"}


def test_a_function_may_read_its_secrets_and_no_others(resources):
    sources = {"KEY": "ssm:/shop/key", "STRIPE": "secretsmanager:shop#stripe"}
    statements = policies(resources({"secrets": sources}))["secrets"]["Statement"]
    on_everything = {action for each in statements if each["Resource"] == ["*"] for action in each["Action"]}
    assert on_everything <= set(roles.WILDCARDS)
    assert [each["Action"] for each in statements if each["Resource"] != ["*"]] == [
        ["ssm:GetParameters"],
        ["secretsmanager:GetSecretValue"],
    ]


def test_no_value_and_no_source_of_a_secret_is_in_the_functions_configuration(resources):
    written = resources({"secrets": {"KEY": "ssm:/shop/key"}})
    assert "KEY" not in json.dumps(written["Function"])
