"""What a deployment would do, asked of AWS's APIs as ministack answers them, and that none of it is done."""

import io
import json

import pytest
from stages import stage_in

from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import StackForeign, StageProtected
from lambdify.cli.plan import diff, preview
from lambdify.cli.stacks import stack
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture
def look(account, make_settings, make_bundle, talk):
    """`look({"function.memory": 1024})`: what a deployment with these settings would do."""

    def look(overrides=None, app="app = 1", **options):
        settings = make_settings(overrides=overrides)
        return diff.compute(stage_in(account, settings), lambda: make_bundle(app), talk.console, **options)

    return look


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    """`ship({"function.memory": 1024})`: deploy with these settings."""

    def ship(overrides=None, app="app = 1", console=talk.console, yes=True):
        return deploy(
            stage_in(account, make_settings(overrides=overrides)),
            lambda: make_bundle(app),
            console,
            yes=yes,
        )

    return ship


def test_of_a_stage_that_is_not_there_all_is_new_and_looking_leaves_nothing(account, look, inventory):
    found = look()
    assert (found.creates, found.changed, found.drift) == (True, True, None)
    assert {each.action for each in found.preview.changes} == {"Add"}
    assert "may logs:CreateLogStream, logs:PutLogEvents on LogGroup.Arn" in [
        each.text for each in found.preview.rights
    ]
    assert inventory(account) == {}


def test_of_what_is_deployed_nothing_would_change(ship, look):
    ship()
    found = look()
    assert not found.changed
    assert preview.show_in_full(found.preview, found.drift)[0].text == "Nothing would change."


def test_values_are_shown_before_and_after_and_nothing_is_uploaded_or_left(account, ship, look, inventory):
    ship()
    before = inventory(account), stack.list_change_sets("shop-dev", account), archives(account)
    found = look({"function.memory": 1024, "environment": {"MODE": "fast"}}, app="app = 2")
    (function,) = [each for each in found.preview.changes if each.resource == "Function"]
    values = {each.path: (each.before, each.after) for each in function.properties}
    assert values["MemorySize"] == (512, 1024)
    assert values["Environment.Variables.MODE"] == (None, "fast")
    assert values["Code.S3Key"][0] != values["Code.S3Key"][1]
    assert (inventory(account), stack.list_change_sets("shop-dev", account), archives(account)) == before


def archives(account):
    s3, bucket = account.client("s3"), f"lambdify-{account.account_id}-eu-central-1"
    return sorted(each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"])


def test_a_switched_endpoint_is_told_as_a_url_that_changes(ship, look):
    ship()
    found = look({"http.endpoint": "function-url"}, drift=False)
    assert (found.preview.url_change.before, found.preview.url_change.after) == ("http-api", "function-url")
    assert diff.to_json(found)["endpoint"] == {"before": "http-api", "after": "function-url"}


def test_what_was_changed_by_hand_is_found(account, ship, look):
    ship()
    account.client("logs").put_retention_policy(logGroupName="/aws/lambda/shop-dev", retentionInDays=90)
    found = look()
    assert not found.changed
    (drifted,) = found.drift.resources
    assert (drifted.resource, drifted.deleted) == ("LogGroup", False)
    assert [(each.before, each.after) for each in drifted.properties] == [("30", "90")]


def test_the_value_for_programs_has_these_names(ship, look):
    ship()
    value = json.loads(json.dumps(diff.to_json(look({"function.memory": 1024}))))
    assert list(value) == [
        "stack",
        "region",
        "creates",
        "changed",
        "changes",
        "lambdas",
        "rights",
        "endpoint",
        "monthly",
        "drift",
    ]
    (function,) = [each for each in value["changes"] if each["resource"] == "Function"]
    assert function == {
        "action": "Modify",
        "resource": "Function",
        "type": "AWS::Lambda::Function",
        "replaced": False,
        "loses_data": False,
        "properties": [{"path": "MemorySize", "before": 512, "after": 1024}],
    }
    assert set(value["monthly"]) == {"currency", "before", "after", "basis", "items"}


def test_a_stack_of_somebody_else_is_not_looked_into(account, look):
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    account.client("cloudformation").create_stack(StackName="shop-dev", TemplateBody=template)
    with pytest.raises(StackForeign):
        look()


def test_before_the_question_the_short_form_is_shown(ship, talk_to):
    ship()
    yes = talk_to("y\n")
    ship({"function.memory": 1024}, console=yes.console, yes=False)
    shown, _, _ = yes.said.partition("Apply this to shop-dev")
    assert "~ Function" in shown
    assert "AWS::Lambda::Function  (MemorySize)" in shown


# -------------------------------------------------------------------- protect = true

PROTECTED = {"protect": True}


def test_a_protected_stage_is_not_removed_and_says_how_it_could_be(
    account, make_settings, ship, talk, inventory
):
    ship(PROTECTED)
    before = inventory(account)
    with pytest.raises(StageProtected) as caught:
        undeploy(stage_in(account, make_settings(overrides=PROTECTED)), talk.console, yes=True)
    assert "set protect = false" in caught.value.hint
    # Nor from a checkout whose settings do not know of it.
    with pytest.raises(StageProtected, match="has termination protection") as caught:
        undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    assert "--no-enable-termination-protection --stack-name shop-dev" in caught.value.hint
    assert inventory(account) == before


def test_in_an_account_that_is_nobody_elses_setting_protect_false_is_enough(
    account, make_settings, ship, talk, inventory
):
    ship(PROTECTED)
    undeploy(stage_in(account, make_settings()), talk.console, yes=True, unprotect=True)
    assert inventory(account) == {}


def test_somebody_at_a_terminal_may_take_the_protection_off(account, make_settings, ship, talk_to, inventory):
    ship(PROTECTED)
    assert undeploy(stage_in(account, make_settings()), talk_to("y\ny\n").console).stack
    assert inventory(account) == {}


@pytest.mark.parametrize(
    "change", [{"http.endpoint": "function-url"}, {"resources": {}}], ids=["another URL", "lost data"]
)
def test_a_change_that_takes_something_away_from_a_protected_stage_is_refused(
    account, ship, change, inventory
):
    orders = {"resources": {"Orders": {"Type": "AWS::DynamoDB::Table", "Properties": TABLE}}}
    ship({**PROTECTED, **orders})
    before = inventory(account), stack.list_change_sets("shop-dev", account)
    with pytest.raises(StageProtected, match="is protected, and this would delete or replace"):
        ship({**PROTECTED, **orders, **change})
    assert (inventory(account), stack.list_change_sets("shop-dev", account)) == before
    assert ship({**orders, **change}).changed


TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def test_ordinary_changes_of_a_protected_stage_go_through(ship):
    ship(PROTECTED)
    assert ship({**PROTECTED, "function.memory": 1024}, app="app = 2").version == "2"


def test_a_deployment_without_a_change_protects_the_stack_too(account, make_settings, ship):
    ship()
    ship(PROTECTED)
    assert stack.fetch(stage_in(account, make_settings())).protected


def test_nobody_is_asked_of_a_change_that_is_refused(ship):
    ship(PROTECTED)
    stderr = io.StringIO()
    console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, environ={})
    with pytest.raises(StageProtected):
        ship({**PROTECTED, "http.endpoint": "none"}, console=console, yes=False)
    assert "Apply this" not in stderr.getvalue()
