"""The Lambda for commands: only where it is asked for, of the same code, and led to by nothing."""

import json

import pytest
from stages import stage_in
from template.variants import ENDPOINTS, FUNCTIONS, NETWORK

from lambdify.cli import aws
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.template import deployer

ASKED = {"commands.timeout": 900, "commands.memory": 2048}
STAGES = {
    "commands": ASKED,
    "a-release-command": {"release.command": "python manage.py migrate"},
    "commands-in-a-network": {**FUNCTIONS["in-a-network"], **ASKED},
    "commands-beside-snapstart": {**FUNCTIONS["snapstart"], **ASKED, "http.endpoint": "none"},
    "commands-and-streams": {**ENDPOINTS["function-url-signed"], **ASKED},
}


def ours(template):
    """The resources that are there for commands."""
    return {name: each for name, each in template.body["Resources"].items() if "Commands" in name}


def test_a_stage_that_asks_for_none_has_none(write):
    assert "Commands" not in write({}).text
    assert "commands" not in write({}).text


def test_what_there_is_for_commands(write, golden):
    template = write(ASKED)
    sections = ("Parameters", "Conditions", "Resources", "Outputs")
    parts = {
        section: {name: each for name, each in template.body[section].items() if "Commands" in name}
        for section in sections
    }
    golden("with/commands.json", json.dumps(parts, indent=2) + "\n")


def test_a_release_command_asks_for_one(write):
    properties = ours(write(STAGES["a-release-command"]))["FunctionCommands"]["Properties"]
    assert (properties["Timeout"], properties["MemorySize"]) == (900, 1024)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_cfn_lint_has_nothing_to_say(write, complaints, stage):
    assert complaints(write(STAGES[stage]), "eu-central-1") == []


def test_nothing_but_who_may_invoke_it_leads_to_it(write):
    resources = write({**ENDPOINTS["http-api-authorizer"], "warm.concurrency": 3, **ASKED}).body["Resources"]
    for name, each in resources.items():
        if "Commands" not in name:
            assert "Commands" not in json.dumps(each), name


def test_what_serves_traffic_is_not_for_commands(write):
    of = {**FUNCTIONS["in-a-network"], **ASKED}
    app, own = (write(of).body["Resources"][name]["Properties"] for name in ("Function", "FunctionCommands"))
    assert set(app) - set(own) == {"DeadLetterConfig", "ReservedConcurrentExecutions"}
    snapped = write(STAGES["commands-beside-snapstart"]).body["Resources"]["FunctionCommands"]["Properties"]
    assert "SnapStart" not in snapped
    assert own["VpcConfig"] == app["VpcConfig"]
    assert own["Role"] == app["Role"]


def test_code_in_a_network_may_use_the_network_of_neither_lambda(write):
    role = write({**NETWORK, **ASKED}).body["Resources"]["Role"]["Properties"]
    (policy,) = [each for each in role["Policies"] if each["PolicyName"] == "vpc"]
    denied = policy["PolicyDocument"]["Statement"][1]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]
    assert [each["Fn::Sub"].rpartition(":")[2] for each in denied] == ["shop-dev", "shop-dev-commands"]


def test_a_version_is_published_when_what_runs_changes_and_not_else(write):
    def published(overrides):
        return next(name for name in ours(write({**ASKED, **overrides})) if name.startswith("Version"))

    assert published({"commands.timeout": 60}) != published({})
    assert published({"environment": {"KEY": "b"}}) != published({})
    assert published({"function.memory": 1024}) == published({})
    assert published({"function.reserved_concurrency": 3}) == published({})


def test_an_image_has_its_handler_as_its_command(write):
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambdify/shop-dev:1"
    artifact = Artifact(bucket="b", app_key="", layer_key=None, uploaded=(), image=image)
    properties = ours(write(ASKED, artifact=artifact))["FunctionCommands"]["Properties"]
    assert properties["ImageConfig"] == {"Command": ["lambdify.adapter.commands.handler"]}
    assert "Handler" not in properties


def test_who_deploys_may_have_it_made_and_may_run_commands(make_settings):
    account = aws.placeholder_account("123456789012", "eu-central-1", "aws")
    policy = deployer.write(stage_in(account, make_settings("dev", ASKED)))
    begin = "arn:aws:lambda:eu-central-1:123456789012:function:shop-dev"
    wanted = {begin, f"{begin}:*", f"{begin}-commands", f"{begin}-commands:*"}
    for action in ("lambda:InvokeFunction", "lambda:CreateFunction", "lambda:PutFunctionEventInvokeConfig"):
        (statement,) = [each for each in policy.document["Statement"] if action in each["Action"]]
        assert set(statement["Resource"]) == wanted
