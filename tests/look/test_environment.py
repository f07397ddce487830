"""The variables that are deployed, beside those that are set."""

import pytest
from stages import stage_in

from lambdify.cli.aws import Account
from lambdify.cli.errors import AccessDenied, NotDeployed
from lambdify.cli.look import environment
from lambdify.cli.look.aws_console import function_page
from lambdify.cli.look.environment import Variable


@pytest.fixture
def deployed(stubbed):
    """`deployed(SITE="x")`: an account with the stage, whose function has these variables."""

    def answers(**variables):
        stubbed.finds_stage()
        configuration = {"Environment": {"Variables": variables}} if variables else {}
        stubbed.answers(
            "lambda.get_function_configuration", configuration, FunctionName="shop-dev", Qualifier="live"
        )
        return stubbed.account

    return answers


def test_each_variable_is_as_it_is_set_or_it_is_said_how_not(deployed, make_settings):
    settings = make_settings(overrides={"environment": {"SAME": "1", "OTHER": "new", "NEW": "x"}})
    found = environment.fetch(stage_in(deployed(SAME="1", OTHER="old", GONE="y"), settings))
    assert [(each.name, each.state) for each in found] == [
        ("GONE", "only deployed"),
        ("NEW", "not deployed yet"),
        ("OTHER", "differs"),
        ("SAME", "as set"),
    ]


def test_variables_that_lambdify_adds_are_none_of_the_project(deployed, make_settings):
    settings = make_settings(overrides={"environment": {"SITE": "1", "OURS": "x"}})
    found = environment.fetch(stage_in(deployed(SITE="1", OURS="x"), settings), ours={"OURS"})
    assert [each.name for each in found] == ["SITE"]


def test_of_a_secret_the_source_is_told_and_whether_the_release_knows_it(deployed, stubbed, make_settings):
    account = deployed()
    stubbed.finds_stage()
    stubbed.answers("s3.list_objects_v2", {})
    settings = make_settings(overrides={"secrets": {"DATABASE_URL": "ssm:/shop/database-url"}})
    (secret,) = environment.fetch(stage_in(account, settings))
    assert (secret.name, secret.source, secret.deployed, secret.settings) == (
        "DATABASE_URL",
        "ssm:/shop/database-url",
        None,
        None,
    )


def test_values_are_shown_only_where_it_is_asked_for():
    plain = Variable(name="SITE", state="differs", source="", deployed="old", settings="new")
    secret = Variable(name="KEY", state="as set", source="ssm:/key", deployed=None, settings=None)
    assert environment.show(environment.hide([plain, secret]), values=False).splitlines() == [
        "Variable  State    Source",
        "SITE      differs",
        "KEY       as set   ssm:/key",
    ]
    assert environment.show([plain, secret], values=True).splitlines() == [
        "Variable  State    Value or source",
        "SITE      differs  'old' deployed, 'new' in the settings",
        "KEY       as set   ssm:/key",
    ]
    assert all(each.deployed is each.settings is None for each in environment.hide([plain, secret]))


def test_a_function_without_variables_has_none(deployed, make_settings):
    assert environment.show(environment.fetch(stage_in(deployed(), make_settings())), values=False) == (
        "There are no environment variables."
    )


def test_variables_that_a_key_hides_from_us_are_refused_with_what_is_missing(stubbed, make_settings):
    stubbed.finds_stage()
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}
    stubbed.answers("lambda.get_function_configuration", {"Environment": {"Error": error}})
    with pytest.raises(AccessDenied, match="unable to decrypt") as caught:
        environment.fetch(stage_in(stubbed.account, make_settings()))
    assert "kms:Decrypt" in caught.value.hint


def test_what_is_not_there_has_no_variables(stubbed, make_settings):
    stubbed.refuses(
        "cloudformation.describe_stacks", "ValidationError", "Stack with id shop-dev does not exist"
    )
    with pytest.raises(NotDeployed):
        environment.fetch(stage_in(stubbed.account, make_settings()))


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
    ],
)
def test_the_console_of_each_partition_is_at_its_own_host(partition, region, host):
    account = Account(client=str, account_id="123456789012", region=region, partition=partition)
    assert function_page("shop-dev", account) == (
        f"https://{host}/lambda/home?region={region}#/functions/shop-dev"
    )
