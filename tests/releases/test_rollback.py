"""Going back to a release that was live, and forward again."""

import pytest
from releases.shipping import ONE_WARM, SMOKE, answer_with
from stages import stage_in
from waiting import nap

from lambdify.cli.deploy import deploy
from lambdify.cli.errors import (
    Declined,
    ReleaseFailed,
    ReleaseMissing,
)
from lambdify.cli.look import status
from lambdify.cli.plan import diff
from lambdify.cli.releases import rollback
from lambdify.cli.stacks import stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def test_a_rollback_gives_the_traffic_to_the_release_before(ship, back, listed, alias, account):
    ship()
    ship("app = 2")
    done = back()
    assert (done.release, done.version, done.left, done.changed) == (1, "1", 2, True)
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "rolled back"), (1, "1", "live")]


def configuration(account):
    found = account.client("lambda").get_function_configuration(FunctionName="shop-dev")
    return found["RevisionId"], found["CodeSha256"]


def test_a_rollback_uploads_nothing_and_changes_nothing_but_the_alias(ship, back, account, make_settings):
    ship()
    ship("app = 2")
    before = stack.fetch(stage_in(account, make_settings()))
    body = stack.fetch_body(before, account)
    newest = configuration(account)
    back()
    after = stack.fetch(stage_in(account, make_settings()))
    assert stack.fetch_body(after, account) == body
    assert configuration(account) == newest
    assert {**before.outputs, "Version": "1"} == after.outputs


def test_one_may_go_back_to_any_release_that_is_kept(ship, back, listed, alias):
    for number in range(1, 5):
        ship(f"app = {number}")
    assert back(2).version == "2"
    assert alias() == ("2", {})
    assert back(4).version == "4"
    assert listed()[0] == (4, "4", "live")


def test_two_rollbacks_go_two_releases_back(ship, back):
    for number in range(1, 4):
        ship(f"app = {number}")
    assert [back().release, back().release] == [2, 1]
    with pytest.raises(ReleaseMissing, match="no release of shop-dev to go back to"):
        back()


def test_a_rollback_skips_what_failed_and_what_was_rolled_back(ship, back, functions):
    ship()
    ship("app = 2")
    back()
    functions.answer = answer_with({"3": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 3", SMOKE)
    assert ship("app = 4").release == 4
    assert back().release == 1


def test_after_a_rollback_the_same_code_goes_forward_again(ship, back, listed, alias):
    ship()
    ship("app = 2")
    back()
    forward = ship("app = 2")
    assert (forward.changed, forward.version, forward.uploaded) == (True, "2", ())
    assert alias() == ("2", {})
    assert listed() == [(3, "2", "live"), (2, "2", "rolled back"), (1, "1", "superseded")]


def test_a_diff_says_that_the_traffic_would_go_forward(ship, back, talk, account, make_settings, make_bundle):
    ship()
    ship("app = 2")
    told = "The traffic is with version 1, of before: `deploy` moves it forward."
    diff.compute(
        stage_in(account, make_settings(overrides=ONE_WARM)),
        lambda: make_bundle("app = 2"),
        talk.console,
        drift=False,
        sleep=nap,
    )
    assert told not in talk.said
    back()
    found = diff.compute(
        stage_in(account, make_settings(overrides=ONE_WARM)),
        lambda: make_bundle("app = 2"),
        talk.console,
        drift=False,
        sleep=nap,
    )
    assert not found.preview.changes
    assert told in talk.said


def test_going_forward_again_is_asked_about(ship, back, talk_to, account, make_settings, make_bundle, alias):
    ship()
    ship("app = 2")
    back()
    no = talk_to("n\n")
    stage = stage_in(account, make_settings(overrides=ONE_WARM))
    with pytest.raises(Declined, match="version 1 has its traffic"):
        deploy(stage, lambda: make_bundle("app = 2"), no.console)
    assert "Give version 2 the traffic of shop-dev?" in no.said
    assert alias() == ("1", {})


def test_new_code_after_a_rollback_leaves_the_traffic_until_it_is_tried(ship, back, functions, alias):
    ship()
    ship("app = 2")
    back()
    functions.answer = answer_with({"3": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 3", SMOKE)
    assert alias() == ("1", {})


def test_the_old_version_is_asked_by_the_host_that_visitors_use(ship, back, functions):
    ship(overrides=SMOKE)
    ship("app = 2", SMOKE, find_address=lambda _: "http://127.0.0.1:36399")
    back(find_address=lambda _: "http://127.0.0.1:36400")
    hosts = [(version, event["headers"]["host"]) for version, event in functions.calls[1:]]
    assert hosts == [("2", "127.0.0.1:36399"), ("1", "127.0.0.1:36400")]


def test_the_old_version_is_tried_with_what_it_had_to_answer_before_it_gets_traffic_again(
    ship, back, functions, alias
):
    functions.answer = answer_with({"1": 204})
    ship(overrides={"release.smoke": "/old", "release.status": 204})
    ship("app = 2", SMOKE)
    asked = []

    def answer(version, event):
        asked.append((version, event["rawPath"]))
        return {"statusCode": 500}

    functions.answer = answer
    with pytest.raises(ReleaseFailed, match="with 500 instead of 204"):
        back(overrides=SMOKE)
    assert asked == [("1", "/old")]
    assert alias() == ("2", {})


def test_a_status_tells_the_bundle_that_runs_also_after_a_rollback(ship, back, account, make_settings):
    first = ship()
    ship("app = 2")
    back()
    found = status.fetch(stage_in(account, make_settings()), check_health=False)
    assert found.version == "1"
    (app,) = [key for key in first.uploaded if "/app-" in key]
    assert app.endswith(f"/app-{found.app}.zip")


def test_a_rollback_asks_first(ship, talk_to, account, make_settings, alias):
    ship()
    ship("app = 2")
    no = talk_to("n\n")
    with pytest.raises(Declined):
        rollback.rollback(stage_in(account, make_settings()), no.console)
    assert "to release 1 (version 1" in no.said
    assert "instead of release 2?" in no.said
    assert alias() == ("2", {})


def test_the_live_release_is_where_one_is_already(ship, back, talk):
    ship()
    assert not back(1).changed
    assert "has the traffic already" in talk.said


def test_a_release_that_never_was_is_refused(ship, back):
    ship()
    with pytest.raises(ReleaseMissing, match="There is no release 7 of shop-dev") as caught:
        back(7)
    assert caught.value.exit_code == 47


def test_a_release_that_failed_and_is_pruned_is_refused_as_any_other(ship, back, functions, listed):
    functions.answer = answer_with({"2": 500})
    ship(overrides=SMOKE)
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    ship("app = 3", SMOKE)
    ship("app = 4", SMOKE)
    assert (2, "2", "failed") in listed()
    with pytest.raises(ReleaseMissing, match="Release 2 was removed"):
        back(2)


def test_a_release_that_failed_can_be_named(ship, back, functions, talk):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    functions.answer = answer_with({})
    assert back(2).version == "2"
    assert "warning: Release 2 failed: Version 2 answered GET /health with 500" in talk.said
