"""The token that the release command is asked for with: one for each artifact, known to deployments only."""

import hashlib

import pytest
from stages import stage_in

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.deploy import deploy
from lambdify.cli.plan import diff
from lambdify.cli.releases import command_token
from lambdify.cli.stacks import stack

COMMAND = {"release.command": "python manage.py migrate"}
ONE, TWO = (
    Artifact(bucket="", app_key=f"shop/dev/app-{name}.zip", layer_key=None, uploaded=())
    for name in ("1", "2")
)


@pytest.fixture
def stage(account, make_settings):
    stage = stage_in(account, make_settings(overrides=COMMAND))
    stage.client("s3").create_bucket(
        Bucket=stage.bucket, CreateBucketConfiguration={"LocationConstraint": stage.region}
    )
    return stage


def digest(stage, artifact, **how):
    return command_token.add_variable(stage, artifact, **how).environment[command_token.VARIABLE]


def test_without_a_command_there_is_no_variable_and_no_secret(account, make_settings):
    stage = stage_in(account, make_settings())
    assert command_token.add_variable(stage, ONE) is stage.settings


def test_the_same_artifact_has_the_same_digest_and_another_one_another(stage):
    assert digest(stage, ONE) == digest(stage, ONE) != digest(stage, TWO)


def test_a_look_makes_no_secret_and_afterwards_sees_what_a_deployment_has_made(stage):
    assert digest(stage, ONE, creates=False) == command_token.UNKNOWN
    made = digest(stage, ONE)
    assert digest(stage, ONE, creates=False) == made != command_token.UNKNOWN


def test_the_token_of_a_deployment_fits_the_variable_of_its_function(
    account, make_settings, make_bundle, talk, functions
):
    stage, seen = stage_in(account, make_settings(overrides=COMMAND)), []

    def answer(version, event):
        seen.append(event)
        return {"code": 0, "output": ""}

    functions.answer = answer
    deploy(stage, make_bundle, talk.console, yes=True)
    (event,) = [each for each in seen if each.get("lambdify") == "release-command"]
    configuration = stage.client("lambda").get_function_configuration(FunctionName="shop-dev")
    told = configuration["Environment"]["Variables"][command_token.VARIABLE]
    assert hashlib.sha256(event["token"].encode()).hexdigest() == told
    assert event["token"] == command_token.make(stage, stack.fetch(stage))
    assert not diff.compute(stage, make_bundle, talk.console, drift=False).changed, "it is the same each time"
