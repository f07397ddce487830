"""Files that a CDN serves go where the traffic goes: with a deployment, a rollback, a shift that fails."""

from datetime import UTC, datetime, timedelta

import pytest
from fixtures.static_files import bucket_of, shown
from stages import stage_in
from waiting import nap

from lambdify.cli import releases
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import AppBroken, ReleaseFailed
from lambdify.cli.releases import pruning, rollback
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.undeploy import undeploy

from .shipping import ONE_WARM, SHIFT, SMOKE, Minutes, answer_with

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

CDN = {"http.cdn": True, "http.endpoint": "function-url", **ONE_WARM}
STYLE = "static/style.css"


def look(color):
    """A release's files: one name that stays, one that does not."""
    return {STYLE: color.encode(), f"static/{color}.0badcafe.js": color.encode()}


@pytest.fixture
def ship(account, make_settings, make_bundle, add_files, talk, functions):
    """`ship("red")`: deploy an app whose style sheet is red."""

    def ship(color, overrides=None, **options):
        settings = make_settings(overrides={**CDN, **(overrides or {})})
        bundle = make_bundle(f"app = {color!r}")
        bundle = add_files(bundle, look(color)) if settings.http.cdn else bundle
        return deploy(
            stage_in(account, settings),
            lambda: bundle,
            talk.console,
            **{"yes": True, "sleep": nap, **options},
        )

    return ship


@pytest.fixture
def stage(account, make_settings):
    return stage_in(account, make_settings(overrides=CDN))


def test_a_new_stage_has_its_files_before_it_has_visitors(ship, account, functions):
    seen = []
    functions.answer = lambda version, event: seen.append(shown(account)) or {"statusCode": 200}
    deployed = ship("red")
    assert seen[0] == look("red")
    assert deployed.endpoint.startswith("https://")
    assert deployed.endpoint.endswith(".cloudfront.net")


def test_the_files_of_a_release_are_shown_after_its_trial_and_before_its_traffic(ship, account, functions):
    ship("red")
    seen = []
    functions.answer = lambda version, event: seen.append(shown(account)) or {"statusCode": 200}
    ship("blue")
    assert {each[STYLE] for each in seen} == {b"red"}
    assert all("static/blue.0badcafe.js" in each for each in seen)
    assert shown(account) == {**look("red"), **look("blue")}


def test_a_release_that_fails_its_trial_shows_nothing(ship, account, functions):
    ship("red", SMOKE)
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("blue", SMOKE)
    assert shown(account)[STYLE] == b"red"


def test_a_rollback_takes_its_files_along_and_the_next_deployment_its_own(ship, stage, account, talk):
    ship("red")
    ship("blue")
    rollback.rollback(stage, talk.console, yes=True, sleep=nap)
    assert shown(account)[STYLE] == b"red"
    rollback.rollback(stage, talk.console, number=2, yes=True, sleep=nap)
    assert shown(account)[STYLE] == b"blue"
    ship("green")
    assert shown(account)[STYLE] == b"green"


def test_a_rollback_that_fails_its_trial_shows_nothing(ship, stage, account, talk, functions):
    ship("red")
    ship("blue")
    functions.answer = lambda version, event: 1 / 0 if version == "1" else {"statusCode": 200}
    with pytest.raises(AppBroken):
        rollback.rollback(stage, talk.console, yes=True, sleep=nap)
    assert shown(account)[STYLE] == b"blue"


def test_a_shift_that_fails_takes_its_files_back(ship, account):
    ship("red", SHIFT)
    seen = []

    def fail():
        seen.append(shown(account)[STYLE])
        now = {"Namespace": "AWS/Lambda"}
        dimensions = [
            {"Name": "FunctionName", "Value": "shop-dev"},
            {"Name": "Resource", "Value": "shop-dev:live"},
            {"Name": "ExecutedVersion", "Value": "2"},
        ]
        data = [{"MetricName": "Errors", "Dimensions": dimensions, "Value": 9.0, "Unit": "Count"}]
        account.client("cloudwatch").put_metric_data(**now, MetricData=data)

    with pytest.raises(ReleaseFailed):
        ship("blue", SHIFT, sleep=Minutes(*[fail] * 4))
    assert seen[0] == b"blue"
    assert shown(account)[STYLE] == b"red"


def test_a_run_that_finds_nothing_to_do_repairs_what_a_killed_rollback_left(ship, account):
    ship("red")
    s3, bucket = account.client("s3"), bucket_of(account)
    s3.put_object(Bucket=bucket, Key=f"shop/dev/{STYLE}", Body=b"of another release")
    assert not ship("red").changed
    assert shown(account)[STYLE] == b"red"


def test_old_files_outlive_their_release_by_a_month_and_then_go(ship, account, talk, make_settings):
    stage = stage_in(account, make_settings(overrides={**CDN, "release.keep": 1}))
    for color in ("red", "blue", "green"):
        ship(color, {"release.keep": 1})
    assert set(shown(account)) == {
        STYLE,
        *(f"static/{each}.0badcafe.js" for each in ("red", "blue", "green")),
    }
    deployed = stack.fetch(stage)

    def prune(days):
        now = datetime.now(UTC) + timedelta(days=days)
        pruning.prune(deployed, stage, talk.console, previous=aliases.read(deployed), now=now)
        return shown(account)

    assert len(prune(29)) == 4
    assert prune(31) == look("green")
    assert {each.state for each in releases.find_all(stage)} == {"live", "pruned"}


def test_nothing_is_left_of_a_stage_that_is_removed(ship, stage, account, talk, inventory):
    ship("red")
    ship("blue")
    removal = undeploy(stage, talk.console, yes=True, sleep=nap)
    assert removal.objects > 6
    assert inventory(account) == {}
    cloudfront = account.client("cloudfront")
    assert cloudfront.list_distributions()["DistributionList"].get("Items", []) == []


def test_a_stage_that_loses_its_cdn_can_still_be_removed_whole(ship, account, talk, make_settings):
    ship("red")
    stage = stage_in(account, make_settings(overrides={"http.endpoint": "function-url"}))
    ship("blue", {"http.cdn": False})
    outputs = stack.fetch(stage).outputs
    assert "cloudfront" not in outputs["Endpoint"]
    assert "Files" not in outputs
    assert shown(account) == look("red")
    undeploy(stage, talk.console, yes=True, sleep=nap)
    names = [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]]
    assert names == []


def test_a_rollback_to_before_the_cdn_says_what_that_means(ship, stage, account, talk):
    ship("red", {"http.cdn": False})
    ship("blue")
    rollback.rollback(stage, talk.console, yes=True, sleep=nap)
    assert "Release 1 was made without a CDN: it sees the host of the endpoint" in talk.said
    assert shown(account) == look("blue")
