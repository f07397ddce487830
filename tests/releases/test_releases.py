"""A release of a stage is recorded: its number, its state, who made it of what; also with two at once."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from releases.shipping import SMOKE, kill
from stages import stage_in

from lambdify.cli import releases
from lambdify.cli.errors import (
    StackBusy,
)
from lambdify.cli.releases import revision
from lambdify.cli.stacks import stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def test_each_deployment_is_a_release_with_a_number_of_its_own(ship, listed):
    assert [ship().release, ship("app = 2").release, ship("app = 3").release] == [1, 2, 3]
    assert listed() == [(3, "3", "live"), (2, "2", "superseded"), (1, "1", "superseded")]


def test_a_deployment_that_changes_nothing_is_no_release(ship, listed, talk):
    ship()
    again = ship()
    assert (again.changed, again.release) == (False, 1)
    assert listed() == [(1, "1", "live")]


def test_a_setting_beside_the_function_is_a_release_of_the_same_version(ship, listed):
    ship()
    ship(overrides={"logs.retention": 3})
    assert listed() == [(2, "1", "live"), (1, "1", "superseded")]


def test_a_release_tells_who_made_it_of_what(account, make_settings, ship, tmp_path):
    shop = make_settings().root
    (shop / "app.py").write_text("app = 1")
    for command in (["init"], ["add", "."], ["commit", "-q", "-m", "First"]):
        identity = ["-c", "user.name=Zoë", "-c", "user.email=zoe@example.org"]
        subprocess.run(["git", *identity, *command], cwd=shop, check=True, capture_output=True)
    deployment = ship(overrides={"environment": {"TOKEN": "hidden"}, "function.memory": 256})
    found = releases.find_live(stage_in(account, make_settings()))
    assert found.by == account.caller == f"arn:aws:iam::{account.account_id}:root"
    assert (len(found.commit), found.dirty) == (40, False)
    assert found.artifacts == tuple(reversed(deployment.uploaded))
    assert found.settings["function"]["memory"] == 256
    assert found.settings["environment"] == ["TOKEN"]
    record = account.client("s3").get_object(
        Bucket=f"lambdify-{account.account_id}-eu-central-1", Key="shop/dev/releases/00001.json"
    )
    assert b"hidden" not in record["Body"].read()
    (shop / "new.py").write_text("")
    assert revision.find(shop) == replace(revision.find(shop), commit=found.commit, dirty=True)


def test_outside_of_git_there_is_no_commit(tmp_path):
    assert revision.find(tmp_path) == revision.Revision(commit="", dirty=False)


def test_a_number_is_taken_once_by_however_many(account, make_settings, ship):
    ship()
    deployed = stack.fetch(stage_in(account, make_settings()))
    account.client("s3")
    with ThreadPoolExecutor(4) as threads:
        begun = threads.map(lambda _: releases.begin(deployed, stage_in(account, make_settings())), range(4))
        assert sorted(each.number for each in begun) == [2, 3, 4, 5]


def test_a_deployment_that_was_killed_before_it_gave_traffic_is_unfinished(
    account, make_settings, ship, listed, alias
):
    ship()
    with pytest.raises(SystemExit):
        ship("app = 2", overrides=SMOKE | {"release.shift": "50% every 1 minute"}, sleep=kill)
    assert listed() == [(2, "2", "unfinished"), (1, "1", "live")]
    assert ship("app = 2").release == 3
    assert listed() == [(3, "2", "live"), (2, "2", "unfinished"), (1, "1", "superseded")]


def test_one_that_was_killed_after_it_gave_traffic_is_live_and_completed_by_the_next(
    account, make_settings, ship, listed
):
    ship()
    deployed = stack.fetch(stage_in(account, make_settings()))
    releases.begin(deployed, stage_in(account, make_settings()))
    assert listed() == [(2, "1", "live"), (1, "1", "superseded")]
    assert ship().release == 3, "it was never told to be done"
    assert listed()[0] == (3, "1", "live")


def test_a_second_deployment_in_between_keeps_the_first_from_moving_traffic_to_what_it_never_tried(
    ship, functions, alias, listed
):
    ship()
    second = []

    def answer(version, event):
        if version == "2" and not second:
            second.append(None)
            second.append(ship("app = 3"))
        return {"statusCode": 200}

    functions.answer = answer
    with pytest.raises(StackBusy, match="another deployment came in between") as caught:
        ship("app = 2", SMOKE)
    assert "Traffic stays" not in caught.value.hint
    assert second[1].version == "3"
    assert alias() == ("3", {})
    assert listed() == [(3, "3", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_two_deployments_at_once_end_with_one_of_them_live_and_the_other_told(ship, functions, alias):
    ship()

    def attempt(app):
        try:
            return ship(app).version
        except StackBusy:
            return "busy"

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(attempt, ["app = 2", "app = 3"]))
    assert alias()[0] in ended
    assert set(ended) <= {"2", "3", "busy"}
