"""A stage that is not deployed yet: a name that is taken, and a likely slip, are told before packing."""

import json

import pytest
from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.errors import Declined, FunctionForeign
from lambdify.cli.plan import diff
from lambdify.cli.releases import new_stage
from lambdify.cli.undeploy import undeploy


def refuse_to_pack():
    raise AssertionError("this was to be told before packing")


@pytest.fixture
def others(stubbed):
    """`others("dev", "prod")`: the project has these stages, and no function has the new one's name."""

    def others(*names):
        stubbed.refuses("lambda.get_function", "ResourceNotFoundException")
        folders = [{"Prefix": f"shop/{name}/"} for name in names]
        stubbed.answers("s3.list_objects_v2", {"CommonPrefixes": folders, "IsTruncated": False})
        return stubbed.account

    return others


NEW = " is a new stage of shop in eu-central-1; deployed there: dev, prod."


@pytest.mark.parametrize(
    ("stage", "there", "said"),
    [
        ("dev", (), ""),
        ("dev", ("dev",), ""),
        ("live", ("dev", "prod"), f'  "live"{NEW}\n'),
        ("prdo", ("dev", "prod"), f'warning: "prdo"{NEW} Did you mean "prod"?\n'),
    ],
)
def test_a_new_stage_beside_others_is_said_to_be_one(others, make_settings, talk, stage, there, said):
    new_stage.check(stage_in(others(*there), make_settings(stage)), talk.console, yes=True)
    assert talk.said == said


def test_in_a_terminal_a_name_that_may_be_a_slip_is_asked_about(others, make_settings, talk_to):
    asked = talk_to("n\n")
    with pytest.raises(Declined):
        new_stage.check(stage_in(others("prod"), make_settings("prdo")), asked.console, yes=False)
    assert "Make the new stage prdo all the same?" in asked.said


def test_the_answer_yes_makes_it(others, make_settings, talk_to):
    new_stage.check(stage_in(others("prod"), make_settings("prdo")), talk_to("y\n").console, yes=False)


@pytest.mark.parametrize(
    ("tags", "description", "owner"),
    [
        ({"aws:cloudformation:stack-name": "shop-sls"}, "", 'it belongs to the stack "shop-sls"'),
        ({}, "Zappa Deployment", 'another tool has made it ("Zappa Deployment")'),
        ({}, "", "another tool has made it"),
        (
            {"lambdify:project": "shop", "lambdify:stage": "dev"},
            "",
            "an undeploy of this stage left it behind",
        ),
    ],
    ids=["stack", "described", "bare", "ours"],
)
def test_a_function_of_that_name_is_told_with_whose_it_is(
    stubbed, make_settings, talk, tags, description, owner
):
    found = {"Configuration": {"FunctionName": "shop-dev", "Description": description}, "Tags": tags}
    stubbed.answers("lambda.get_function", found, FunctionName="shop-dev")
    with pytest.raises(FunctionForeign) as caught:
        new_stage.check(stage_in(stubbed.account, make_settings()), talk.console, yes=True)
    assert caught.value.message == (
        'A function named "shop-dev" exists in eu-central-1, and no stack of lambdify holds it: '
        + owner
        + "."
    )
    assert 'name = "shop-web" in lambdify.toml' in caught.value.hint
    assert caught.value.exit_code == 54


def test_a_deployment_tells_it_before_it_packs(account, make_settings, talk):
    role = account.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps({}))
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="shop-dev",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": b"PK\5\6" + bytes(18)},
        Runtime="python3.13",
        Handler="app.handler",
        Description="Zappa Deployment",
    )
    with pytest.raises(FunctionForeign, match="Zappa Deployment"):
        deploy(stage_in(account, make_settings()), refuse_to_pack, talk.console, yes=True)


def test_a_second_stage_is_said_to_be_new_before_it_is_packed(
    account, make_settings, make_bundle, talk, functions
):
    deploy(stage_in(account, make_settings("live")), make_bundle, talk.console, yes=True)
    assert "is a new stage" not in talk.said
    with pytest.raises(AssertionError):
        deploy(stage_in(account, make_settings("liev")), refuse_to_pack, talk.console, yes=True)
    assert (
        'warning: "liev" is a new stage of shop in eu-central-1; deployed there: live. Did you' in talk.said
    )


def test_looking_at_a_stage_that_is_not_deployed_says_so_too(
    account, make_settings, make_bundle, talk, functions
):
    deploy(stage_in(account, make_settings("live")), make_bundle, talk.console, yes=True)
    with pytest.raises(AssertionError):
        diff.compute(stage_in(account, make_settings("liev")), refuse_to_pack, talk.console)
    assert 'warning: "liev" is a new stage of shop' in talk.said


def test_a_stage_that_was_removed_is_not_named(account, make_settings, make_bundle, talk, functions):
    live, kept = (stage_in(account, make_settings(name)) for name in ("live", "staging"))
    for stage in (live, kept):
        deploy(stage, make_bundle, talk.console, yes=True)
    undeploy(live, talk.console, yes=True)
    assert new_stage.find_others(stage_in(account, make_settings())) == ("staging",)
