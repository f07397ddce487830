"""Releases of a stage: made, tried, failed, gone back from, and pruned; against ministack's AWS."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from stages import stage_in

from lambdify.cli import releases
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import (
    AppBroken,
    Declined,
    Interrupted,
    ReleaseFailed,
    ReleaseMissing,
    StackBusy,
)
from lambdify.cli.look import status
from lambdify.cli.plan import diff
from lambdify.cli.releases import revision, rollback, traffic_split
from lambdify.cli.stacks import stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

KEEP_WARM = {"lambdify": "keep-warm"}
COMMAND = "release-command"


def nap(seconds):
    """`sleep`, where CloudFormation is on this machine."""
    time.sleep(min(seconds, 0.05))


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    """`ship("app = 2", {"release.keep": 2})`: deploy that code with those settings."""

    def ship(app="app = 1", overrides=None, **options):
        options = {"yes": True, "sleep": nap} | options
        return deploy(
            stage_in(account, make_settings(overrides=overrides)),
            lambda: make_bundle(app),
            talk.console,
            **options,
        )

    return ship


@pytest.fixture
def back(account, make_settings, talk, functions):
    """`back(1)`: roll back to release 1."""

    def back(number=None, overrides=None, **options):
        options = {"yes": True, "sleep": nap} | options
        return rollback.rollback(
            stage_in(account, make_settings(overrides=overrides)),
            talk.console,
            number=number,
            **options,
        )

    return back


@pytest.fixture
def listed(account, make_settings):
    """`listed()`: number, version and state of each release."""

    def listed():
        found = releases.find_all(stage_in(account, make_settings()))
        return [(each.number, each.version, each.state) for each in found]

    return listed


@pytest.fixture
def alias(account):
    """`alias()`: the version with the traffic, and what others get of it."""

    def alias():
        found = account.client("lambda").get_alias(FunctionName="shop-dev", Name="live")
        weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return found["FunctionVersion"], weights

    return alias


@pytest.fixture
def versions(account, make_settings):
    return lambda: sorted(releases.find_versions(stage_in(account, make_settings())), key=int)


def answer_with(statuses):
    """Versions that answer with these statuses; every other one is fine."""

    def answer(version, event):
        if event == KEEP_WARM:
            return {"lambdify": "warm"}
        return {"statusCode": statuses.get(version, 200), "body": f"I am {version}"}

    return answer


SMOKE = {"release.smoke": "/health"}


# -------------------------------------------------------------------- a release is recorded


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


def kill(seconds):
    """What `sleep` is to a process that is killed in the middle of a shift."""
    if seconds >= 60:
        raise SystemExit
    nap(seconds)


def test_one_that_was_killed_after_it_gave_traffic_is_live_and_completed_by_the_next(
    account, make_settings, ship, listed
):
    ship()
    deployed = stack.fetch(stage_in(account, make_settings()))
    releases.begin(deployed, stage_in(account, make_settings()))
    assert listed() == [(2, "1", "live"), (1, "1", "superseded")]
    assert ship().release == 3, "it was never told to be done"
    assert listed()[0] == (3, "1", "live")


# -------------------------------------------------------------------- a version is tried first


def test_a_new_version_is_tried_before_it_gets_traffic(ship, functions, alias):
    ship()
    at_trial = []

    def answer(version, event):
        at_trial.append((version, alias()))
        return {"statusCode": 200}

    functions.answer = answer
    ship("app = 2", SMOKE)
    assert at_trial == [("2", ("1", {}))]
    assert alias() == ("2", {})


def test_a_version_that_fails_its_smoke_request_gets_no_traffic(ship, functions, listed, alias, talk):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed) as caught:
        ship("app = 2", SMOKE)
    assert "answered GET /health with 500 instead of 200: I am 2" in caught.value.message
    assert "Release 2 has failed. Traffic stays with version 1; version 2 gets none." in caught.value.hint
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "failed"), (1, "1", "live")]


def test_the_reason_of_a_failure_is_recorded(account, make_settings, ship, functions):
    ship()
    functions.answer = answer_with({"2": 404})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert "404 instead of 200" in releases.find_all(stage_in(account, make_settings()))[0].reason


def test_the_deployment_after_a_failed_one_starts_cleanly(ship, functions, listed, alias):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert ship("app = 3", SMOKE).version == "3"
    assert alias() == ("3", {})
    assert listed() == [(3, "3", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_what_failed_is_tried_again_without_an_upload_or_a_new_version(ship, functions, listed, alias):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    functions.answer = answer_with({})
    again = ship("app = 2", SMOKE)
    assert (again.version, again.uploaded, again.release) == ("2", (), 3)
    assert listed() == [(3, "2", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_an_app_that_does_not_start_never_gets_traffic(ship, functions, listed, alias):
    ship()

    def answer(version, event):
        raise ArithmeticError(version)

    functions.answer = answer
    with pytest.raises(AppBroken) as caught:
        ship("app = 2")
    assert "Traffic stays with version 1" in caught.value.hint
    assert alias() == ("1", {})
    assert listed()[0] == (2, "2", "failed")


def test_the_first_version_has_the_traffic_before_it_is_tried_and_its_failure_is_said(
    ship, functions, listed, alias
):
    functions.answer = answer_with({"1": 500})
    with pytest.raises(ReleaseFailed) as caught:
        ship(overrides=SMOKE)
    assert "has the traffic all the same" in caught.value.hint
    assert alias() == ("1", {})
    functions.answer = answer_with({})
    assert ship(overrides=SMOKE).release == 2, "nothing has changed, but it has not worked yet"
    assert listed() == [(2, "1", "live"), (1, "1", "failed")]


def test_the_command_runs_in_the_new_version_before_anything_else(ship, functions, talk, alias):
    ship()
    functions.calls.clear()

    def answer(version, event):
        if event.get("lambdify") == COMMAND:
            assert alias() == ("1", {})
            return {"code": 0, "output": "migrated\n"}
        return {"statusCode": 200}

    functions.answer = answer
    ship("app = 2", SMOKE | {"release.command": "python manage.py migrate"})
    asked = [(version, event.get("lambdify") == COMMAND) for version, event in functions.calls]
    assert asked == [("2", True), ("2", False)]
    assert "migrated" in talk.said


def test_a_command_that_fails_keeps_the_traffic_where_it_is(ship, functions, alias, listed):
    ship()
    functions.answer = lambda version, event: {"code": 1, "output": "no such table\n"}
    with pytest.raises(ReleaseFailed, match="ended with 1 in version 2"):
        ship("app = 2", SMOKE | {"release.command": "python manage.py migrate"})
    assert len(functions.calls) == 2, "the first deployment's, and the command: no smoke request"
    assert alias() == ("1", {})
    assert listed()[0] == (2, "2", "failed")


# -------------------------------------------------------------------- going back, and forward


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
        stage_in(account, make_settings()),
        lambda: make_bundle("app = 2"),
        talk.console,
        drift=False,
        sleep=nap,
    )
    assert told not in talk.said
    back()
    found = diff.compute(
        stage_in(account, make_settings()),
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
    with pytest.raises(Declined, match="version 1 has its traffic"):
        deploy(stage_in(account, make_settings()), lambda: make_bundle("app = 2"), no.console)
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


# -------------------------------------------------------------------- what is kept


def test_as_many_releases_are_kept_as_are_to_be_and_no_more(ship, back, versions, listed, account):
    for number in range(1, 5):
        ship(f"app = {number}", {"release.keep": 2})
    assert versions() == ["3", "4"]
    assert listed() == [(4, "4", "live"), (3, "3", "superseded"), (2, "2", "pruned"), (1, "1", "pruned")]
    with pytest.raises(ReleaseMissing, match="Release 1 was removed: the last 2 are kept"):
        back(1, {"release.keep": 2})


def test_archives_go_with_the_last_release_that_was_made_of_them(ship, account):
    for number in (1, 2, 3, 1):
        ship(f"app = {number}", {"release.keep": 2})
    bucket = f"lambdify-{account.account_id}-eu-central-1"
    found = account.client("s3").list_objects_v2(Bucket=bucket, Prefix="shop/dev/app-")["Contents"]
    assert len(found) == 2, "of releases 3 and 4; that of the first is in use again"


def test_what_failed_goes_when_something_newer_works(ship, functions, versions, listed):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert versions() == ["1", "2"], "it can be looked at"
    ship("app = 3", SMOKE)
    assert versions() == ["1", "3"]
    assert listed() == [(3, "3", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_a_version_that_another_alias_leads_to_stays(ship, account, versions):
    ship()
    ship("app = 2")
    lambda_ = account.client("lambda")
    lambda_.create_alias(
        FunctionName="shop-dev",
        Name="theirs",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )
    ship("app = 3", {"release.keep": 1})
    assert versions() == ["1", "2", "3"]


def test_what_had_the_traffic_until_now_goes_with_the_next_deployment(ship, versions):
    for number in range(1, 4):
        ship(f"app = {number}", {"release.keep": 1})
    assert versions() == ["2", "3"]


def test_what_was_live_long_ago_is_kept_while_it_is_live_again(ship, back, versions):
    for number in range(1, 4):
        ship(f"app = {number}")
    back(1)
    ship("app = 4", {"release.keep": 1})
    assert versions() == ["1", "4"]


# -------------------------------------------------------------------- two at once


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


# -------------------------------------------------------------------- traffic in parts

SHIFT = {"release.shift": "40% every 2 minutes"}


class Minutes:
    """`sleep` for a shift: what happens in each of its minutes."""

    def __init__(self, *happenings):
        self._happenings = iter(happenings)

    def __call__(self, seconds):
        if seconds < 60:
            nap(seconds)
            return
        assert seconds == 60
        next(self._happenings)()


def test_traffic_moves_in_parts_until_it_is_all(ship, alias, listed):
    ship()
    seen = []
    minutes = Minutes(*[lambda: seen.append(alias())] * 4)
    assert ship("app = 2", SHIFT, sleep=minutes).version == "2"
    assert seen == [("1", {"2": 0.4})] * 2 + [("1", {"2": 0.8})] * 2
    assert alias() == ("2", {})
    assert listed()[0] == (2, "2", "live")


def report_error(account, version):
    """What Lambda does when a version raises."""
    dimensions = {"FunctionName": "shop-dev", "Resource": "shop-dev:live", "ExecutedVersion": version}
    account.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Errors",
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                "Value": 1.0,
                "Unit": "Count",
            }
        ],
    )


def test_errors_of_the_new_version_take_the_traffic_back(ship, alias, account, listed):
    ship()
    minutes = Minutes(lambda: report_error(account, "2"))
    with pytest.raises(ReleaseFailed) as caught:
        ship("app = 2", SHIFT, sleep=minutes)
    assert caught.value.message == "Version 2 had 1 error within a minute. It had 40% of the traffic."
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "failed"), (1, "1", "live")]


def test_errors_of_the_old_version_are_not_those_of_the_new(ship, alias, account):
    ship()
    minutes = Minutes(lambda: report_error(account, "1"), *[lambda: None] * 3)
    assert ship("app = 2", SHIFT, sleep=minutes).version == "2"


def test_ctrl_c_in_a_shift_takes_the_traffic_back(ship, alias, listed):
    ship()

    def press():
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        ship("app = 2", SHIFT, sleep=Minutes(lambda: None, press))
    assert "All of it goes to version 1 again." in caught.value.message
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "unfinished"), (1, "1", "live")]


def test_a_rollback_ends_a_shift_that_is_under_way(ship, back, alias, listed):
    ship()
    with pytest.raises(StackBusy, match="somebody else has moved its traffic"):
        ship("app = 2", SHIFT, sleep=Minutes(back))
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "rolled back"), (1, "1", "live")]


def test_a_version_may_have_as_many_errors_as_the_settings_bear(ship, alias, account):
    ship()
    minutes = Minutes(lambda: report_error(account, "2"), *[lambda: None] * 3)
    assert ship("app = 2", SHIFT | {"release.errors": 2}, sleep=minutes).version == "2"


def test_an_alarm_of_ones_own_takes_the_traffic_back(ship, alias, account, talk):
    cloudwatch = account.client("cloudwatch")

    def ring(state="ALARM"):
        cloudwatch.set_alarm_state(AlarmName="shop-5xx", StateValue=state, StateReason="test")

    cloudwatch.put_metric_alarm(
        AlarmName="shop-5xx",
        Namespace="AWS/ApiGateway",
        MetricName="5xx",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    ship()
    minutes = Minutes(lambda: None, ring)
    with pytest.raises(ReleaseFailed) as caught:
        ship("app = 2", SHIFT | {"release.alarms": ["shop-5xx"]}, sleep=minutes)
    assert caught.value.message == (
        'The alarm "shop-5xx" rang while version 2 was tried. It had 40% of the traffic.'
    )
    assert alias() == ("1", {})


def test_an_alarm_that_is_not_there_is_said_before_the_shift(ship, talk):
    ship()
    minutes = Minutes(*[lambda: None] * 4)
    ship("app = 2", SHIFT | {"release.alarms": ["shop-5xx"]}, sleep=minutes)
    assert 'there is no alarm "shop-5xx"' in talk.said


def test_the_alarm_on_the_new_version_is_part_of_the_stage(ship, account):
    ship()
    described = account.client("cloudwatch").describe_alarms
    seen = []

    def look():
        seen.extend(described(AlarmNames=["shop-dev-errors"])["MetricAlarms"])

    ship("app = 2", SHIFT, sleep=Minutes(look, *[lambda: None] * 3))
    dimensions = {each["Name"]: each["Value"] for each in seen[0]["Dimensions"]}
    assert dimensions == {"FunctionName": "shop-dev", "Resource": "shop-dev:live", "ExecutedVersion": "2"}
    assert (seen[0]["Threshold"], seen[0]["Period"]) == (1.0, 60)


def schedules(account):
    """The calls that are to be made once: when, and with which values."""
    client = account.client("scheduler")
    there = [client.get_schedule(Name=each["Name"]) for each in client.list_schedules()["Schedules"]]
    return [
        (datetime.fromisoformat(each["ScheduleExpression"][3:-1]).replace(tzinfo=UTC), each["Target"])
        for each in there
        if each["ScheduleExpression"].startswith("at(")
    ]


def be_late(account, alias):
    """What happens when the moment has come: the schedule is given another one, which is now."""
    client = account.client("scheduler")
    (name,) = [
        each["Name"] for each in client.list_schedules()["Schedules"] if each["Name"].endswith(".shift")
    ]
    there = client.get_schedule(Name=name)
    same = {key: there[key] for key in ("Name", "Target", "FlexibleTimeWindow")}
    client.update_schedule(**same, ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})")
    for _ in range(600):
        if alias() == ("1", {}):
            return
        time.sleep(0.1)
    pytest.fail("the traffic was not taken back")


def test_a_shift_that_nobody_leads_is_taken_back_by_aws(ship, alias, account):
    ship()
    before = datetime.now(UTC)
    with pytest.raises(SystemExit):
        ship("app = 2", SHIFT, sleep=kill)
    ((moment, _),) = schedules(account)
    assert timedelta(minutes=2) < moment - before < timedelta(minutes=15)
    be_late(account, alias)
    assert alias() == ("1", {})


def test_there_is_no_way_back_where_no_traffic_is_divided(ship, account):
    ship(overrides=SHIFT)
    ship("app = 2", SHIFT, sleep=Minutes(*[lambda: None] * 4))
    assert schedules(account) == []


def test_a_leader_that_slept_does_not_go_on(ship, alias, account):
    ship()
    with pytest.raises(ReleaseFailed, match="nobody had led the shift for too long"):
        ship("app = 2", SHIFT, sleep=Minutes(lambda: be_late(account, alias)))
    assert alias() == ("1", {})
    assert schedules(account) == []


def test_a_shift_that_was_taken_back_begins_anew_with_the_next_deployment(
    ship, alias, account, make_settings
):
    ship(overrides=SHIFT)
    with pytest.raises(SystemExit):
        ship("app = 2", SHIFT, sleep=kill)
    be_late(account, alias)
    found = releases.find_all(stage_in(account, make_settings()))
    divided = traffic_split.find(
        stack.fetch(stage_in(account, make_settings())),
        found,
        stage_in(account, make_settings()),
    )
    assert traffic_split.describe(divided) == (
        "The shift to version 2 (release 2) ended at 40%: nobody was leading it any more, so AWS gave all "
        "traffic to version 1 again."
    )
    seen = []
    minutes = Minutes(*[lambda: seen.append(alias())] * 4)
    assert ship("app = 2", SHIFT, sleep=minutes).version == "2"
    assert seen[0] == ("1", {"2": 0.4})
    assert alias() == ("2", {})


def test_a_shift_that_was_killed_says_so_in_its_record_and_what_to_type(
    ship, back, account, make_settings, talk, listed
):
    ship()
    with pytest.raises(SystemExit):
        ship("app = 2", SHIFT, sleep=kill)
    found = releases.find_all(stage_in(account, make_settings()))
    assert (found[0].state, found[0].reason) == ("unfinished", "its shift came to 40%")
    divided = traffic_split.find(
        stack.fetch(stage_in(account, make_settings())),
        found,
        stage_in(account, make_settings()),
    )
    assert (divided.percent, divided.release, divided.rest) == (40, 2, "1")
    assert (divided.guarded, divided.taken_back) == (True, False)
    now = traffic_split.describe(divided)
    assert "40% of the traffic goes to version 2 (release 2), the rest to version 1." in now
    assert "AWS takes it back at" in now
    assert traffic_split.describe(divided, now=divided.until).endswith("and nobody is leading it.")
    assert traffic_split.advise(divided, make_settings()) == (
        "`lambdify rollback dev` takes it back now, `lambdify deploy dev` begins it anew."
    )
    back()
    assert "A shift is under way" in talk.said
    assert listed() == [(2, "2", "rolled back"), (1, "1", "live")]


def test_ctrl_c_while_the_command_runs_says_that_it_goes_on(ship, functions, alias, listed, account):
    ship()

    def press(**_):
        raise KeyboardInterrupt

    client = account.without_retries("lambda")
    client.meta.events.register_first("provide-client-params.lambda.Invoke", press, unique_id="press")
    try:
        with pytest.raises(Interrupted) as caught:
            ship("app = 2", {"release.command": "make"})
    finally:
        client.meta.events.unregister("provide-client-params.lambda.Invoke", unique_id="press")
    assert caught.value.message == "Traffic stays with version 1; version 2 gets none."
    assert "The command goes on to its end" in caught.value.hint
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "unfinished"), (1, "1", "live")]


def test_a_rollback_ends_a_shift_that_was_killed(ship, back, alias):
    ship()
    with pytest.raises(SystemExit):
        ship("app = 2", SHIFT, sleep=kill)
    assert alias() == ("1", {"2": 0.4})
    assert back().release == 1
    assert alias() == ("1", {})


def test_a_first_deployment_has_nothing_to_shift_from(ship, alias):
    assert ship(overrides=SHIFT, sleep=Minutes()).version == "1"
    assert alias() == ("1", {})
