"""Traffic that moves in parts, and what takes it back."""

from datetime import UTC, datetime, timedelta

import pytest
from releases.shipping import SHIFT, Minutes, kill
from stages import stage_in
from waiting import eventually

from lambdify.cli import releases
from lambdify.cli.errors import (
    Interrupted,
    ReleaseFailed,
    StackBusy,
)
from lambdify.cli.releases import traffic_split
from lambdify.cli.stacks import stack

COMMANDS = "provide-client-params.lambda.InvokeWithResponseStream"
pytestmark = [pytest.mark.cloud, pytest.mark.slow]


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
    assert eventually(lambda: alias() == ("1", {})), "the traffic was not taken back"


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
    client.meta.events.register_first(COMMANDS, press, unique_id="press")
    try:
        with pytest.raises(Interrupted) as caught:
            ship("app = 2", {"release.command": "make"})
    finally:
        client.meta.events.unregister(COMMANDS, unique_id="press")
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
