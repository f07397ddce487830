"""Releases of a stage with functions: all aliases move together, and each has a version that knows it."""

import json

import pytest
from releases.shipping import KEEP_WARM, Minutes
from stages import stage_in

from lambdify.cli import releases
from lambdify.cli.errors import AppBroken, ReleaseFailed
from lambdify.cli.stacks import aliases, stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

CHECK = {"lambdify": "check"}
SHARED = {"functions": {"resize": {"handler": "shop.images:resize"}}}
OWN = {"functions": {"x": {"handler": "shop.reports:nightly", "timeout": 120}}}
"""The Lambda of a function "x" is shop-dev-x, which has an answer in these tests."""
BOTH = {"functions": SHARED["functions"] | OWN["functions"]}


def answer_with(failed=None, statuses=None):
    """What versions answer: to the check, which of their functions cannot be loaded."""

    def answer(version, event):
        if event == CHECK:
            return {"lambdify": "checked", "failed": (failed or {}).get(version, {})}
        if event == KEEP_WARM:
            return {"lambdify": "warm"}
        return {"statusCode": (statuses or {}).get(version, 200)}

    return answer


@pytest.fixture
def ship(ship, functions):
    functions.answer = answer_with()
    return ship


@pytest.fixture
def leads(account, make_settings):
    """`leads()`: where each alias leads, as Lambda has it, and as the stack tells it."""

    def leads():
        deployed = stack.fetch(stage_in(account, make_settings()))
        found = {}
        for each in aliases.read(deployed):
            alias = account.client("lambda").get_alias(FunctionName=each.function, Name=each.name)
            assert alias["FunctionVersion"] == each.version
            found[each.name] = each.code
        return found

    return leads


def test_all_aliases_move_in_one_update(ship, leads, account):
    ship(overrides=BOTH)
    assert leads() == {"live": "shop-dev:1", "resize": "shop-dev:1", "x": "shop-dev-x:1"}
    ship("app = 2", BOTH)
    assert leads() == {"live": "shop-dev:2", "resize": "shop-dev:2", "x": "shop-dev-x:2"}


def test_until_the_trial_has_succeeded_every_alias_stays(ship, leads, functions):
    ship(overrides=BOTH)
    at_trial = []

    def answer(version, event):
        at_trial.append(leads())
        return answer_with()(version, event)

    functions.answer = answer
    ship("app = 2", BOTH)
    assert at_trial
    assert all(each == leads_to("1") for each in at_trial)
    assert leads() == leads_to("2")


def leads_to(version):
    return {"live": f"shop-dev:{version}", "resize": f"shop-dev:{version}", "x": f"shop-dev-x:{version}"}


def test_every_lambda_loads_the_functions_before_anything_moves(ship, functions):
    ship(overrides=BOTH)
    functions.calls.clear()
    ship("app = 2", BOTH)
    assert [version for version, event in functions.calls if event == CHECK] == ["2", "2"]


def test_a_function_that_does_not_load_keeps_all_where_it_is(ship, leads, functions, listed):
    ship(overrides=BOTH)
    broken = {"resize": {"type": "ModuleNotFoundError", "message": "No module named 'shop.pictures'"}}
    functions.answer = answer_with({"2": broken})
    with pytest.raises(AppBroken) as caught:
        ship("app = 2", BOTH)
    assert caught.value.message.startswith("[functions.resize] cannot be loaded where it is deployed: ")
    assert "shop.pictures" in caught.value.message
    assert "Traffic stays with version 1; version 2 gets none." in caught.value.hint
    assert "New functions" not in caught.value.hint
    assert leads() == leads_to("1")
    assert listed() == [(2, "2", "failed"), (1, "1", "live")]
    functions.answer = answer_with()
    ship("app = 3", BOTH)
    assert leads() == leads_to("3")


def test_a_handler_that_is_no_function_names_its_own_setting(ship, functions):
    said = "[functions.resize] handler = 'shop:SIZE' is not a function of event and context"
    functions.answer = answer_with({"1": {"resize": {"type": "AppNotLoaded", "message": said}}})
    with pytest.raises(AppBroken) as caught:
        ship(overrides=BOTH)
    assert caught.value.message == (
        "[functions.resize] cannot be loaded where it is deployed: "
        "handler = 'shop:SIZE' is not a function of event and context."
    )
    assert '[functions.resize] handler = "package.module:function"' in caught.value.hint


def test_a_new_function_leads_to_the_new_version_at_once(ship, leads, functions, listed):
    ship()
    functions.answer = answer_with(statuses={"2": 500})
    with pytest.raises(ReleaseFailed) as caught:
        ship("app = 2", BOTH | {"release.smoke": "/health"})
    assert leads() == {"live": "shop-dev:1", "resize": "shop-dev:2", "x": "shop-dev-x:1"}
    assert "Traffic stays with version 1; version 2 gets none." in caught.value.hint
    assert "New functions have no other one: resize, x." in caught.value.hint
    assert listed()[0] == (2, "2", "failed")
    functions.answer = answer_with()
    ship("app = 3", BOTH)
    assert leads() == {"live": "shop-dev:3", "resize": "shop-dev:3", "x": "shop-dev-x:2"}


def test_a_rollback_takes_every_function_back(ship, back, leads, listed):
    for number in (1, 2, 3):
        ship(f"app = {number}", BOTH)
    assert back(overrides=BOTH).release == 2
    assert leads() == leads_to("2")
    assert back(1, BOTH).release == 1
    assert leads() == leads_to("1")
    assert [state for _, _, state in listed()] == ["rolled back", "rolled back", "live"]
    ship("app = 3", BOTH)
    assert leads() == leads_to("3")


def test_a_function_that_an_old_release_did_not_have_stays_and_that_is_said(ship, back, leads, talk):
    ship()
    ship("app = 2", BOTH)
    back(overrides=BOTH)
    assert leads() == {"live": "shop-dev:1", "resize": "shop-dev:2", "x": "shop-dev-x:1"}
    assert "resize stays with version 2: release 1 has no version of it in shop-dev." in talk.said


def test_a_release_of_a_function_alone_is_one_too(ship, back, leads, listed, account, make_settings):
    """Its memory changes, and so its Lambda alone gets a version."""
    ship(overrides=BOTH)
    more = {"functions": BOTH["functions"] | {"x": {**OWN["functions"]["x"], "memory": 1024}}}
    ship(overrides=more)
    assert leads() == {"live": "shop-dev:1", "resize": "shop-dev:1", "x": "shop-dev-x:2"}
    assert listed() == [(2, "1", "live"), (1, "1", "superseded")]
    assert releases.find_live(stage_in(account, make_settings())).functions["x"] == "shop-dev-x:2"
    assert back(overrides=more).release == 1
    assert leads()["x"] == "shop-dev-x:1"
    assert listed() == [(2, "1", "rolled back"), (1, "1", "live")]
    ship(overrides=more)
    assert leads()["x"] == "shop-dev-x:2"


def test_a_release_of_a_function_alone_that_fails_leaves_it_where_it_was(ship, leads, functions, listed):
    ship(overrides=BOTH)
    functions.answer = answer_with({"2": {"x": {"type": "KeyError", "message": "'HOME'"}}})
    more = {"functions": {"x": {**OWN["functions"]["x"], "memory": 1024}, **SHARED["functions"]}}
    with pytest.raises(AppBroken) as caught:
        ship(overrides=more)
    assert "What they had before stays with x." in caught.value.hint
    assert leads() == leads_to("1")
    assert listed() == [(2, "1", "failed"), (1, "1", "live")]


def test_a_function_that_gets_a_lambda_of_its_own_and_loses_it(ship, back, leads, talk):
    ship(overrides={"functions": {"x": {"handler": "shop.reports:nightly"}}})
    assert leads()["x"] == "shop-dev:1"
    ship("app = 2", OWN)
    assert leads() == {"live": "shop-dev:2", "x": "shop-dev-x:1"}
    back(overrides=OWN)
    assert leads() == {"live": "shop-dev:1", "x": "shop-dev-x:1"}
    assert "x stays with version 1: release 1 has no version of it in shop-dev-x." in talk.said
    ship("app = 3", {"functions": {"x": {"handler": "shop.reports:nightly"}}})
    assert leads() == {"live": "shop-dev:3", "x": "shop-dev:3"}


def test_a_version_of_a_lambda_that_was_made_again_is_not_the_one_of_before(ship, back, leads, talk):
    """It counts from 1 again."""
    ship(overrides=OWN)
    ship("app = 2")
    ship("app = 3", OWN)
    assert leads()["x"] == "shop-dev-x:1"
    back(1, OWN)
    assert leads() == {"live": "shop-dev:1", "x": "shop-dev-x:1"}
    assert "x stays with version 1: release 1 has no version of it in shop-dev-x." in talk.said


def test_a_removed_function_leaves_no_alias_and_no_lambda(ship, leads, account):
    ship(overrides=BOTH)
    ship("app = 2")
    assert leads() == {"live": "shop-dev:2"}
    found = account.client("lambda").list_functions()["Functions"]
    assert [each["FunctionName"] for each in found] == ["shop-dev"]
    assert [
        each["Name"] for each in account.client("lambda").list_aliases(FunctionName="shop-dev")["Aliases"]
    ] == ["live"]


def test_functions_move_at_the_end_of_a_shift(ship, leads, alias):
    ship(overrides=BOTH)
    seen = []
    minutes = Minutes(*[lambda: seen.append((alias(), leads()))] * 4)
    ship("app = 2", BOTH | {"release.shift": "40% every 2 minutes"}, sleep=minutes)
    assert [each[0] for each in seen] == [("1", {"2": 0.4})] * 2 + [("1", {"2": 0.8})] * 2
    assert all(each[1] == leads_to("1") for each in seen)
    assert leads() == leads_to("2")


def test_versions_of_lambdas_of_their_own_are_pruned_with_their_releases(ship, back, account, make_settings):
    for number in range(1, 5):
        ship(f"app = {number}", BOTH | {"release.keep": 2})
    stage = stage_in(account, make_settings())
    assert releases.find_versions(stage, "shop-dev-x") == ("3", "4")
    assert releases.find_versions(stage) == ("3", "4")
    assert back(overrides=BOTH | {"release.keep": 2}).version == "3"


def test_a_record_of_a_later_lambdify_can_be_read(ship, listed, account):
    ship()
    bucket = f"lambdify-{account.account_id}-eu-central-1"
    key = {"Bucket": bucket, "Key": "shop/dev/releases/00001.json"}
    record = json.loads(account.client("s3").get_object(**key)["Body"].read())
    account.client("s3").put_object(**key, Body=json.dumps(record | {"colour": "blue"}).encode())
    del record["functions"]
    account.client("s3").put_object(
        **key | {"Key": "shop/dev/releases/00002.json"}, Body=json.dumps(record | {"number": 2}).encode()
    )
    assert [number for number, _, _ in listed()] == [2, 1]
