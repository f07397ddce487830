"""Schedules in the local cloud: when they fire, what they bring, and which are refused."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from local.events.observed import ROLE, Observed
from waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.slow]
WHOLE = {"Mode": "OFF"}


def soon(zone: str = "UTC", seconds: int = 2) -> tuple[datetime, str]:
    """A time in the zone, and its expression."""
    moment = (
        (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0).astimezone(ZoneInfo(zone))
    )
    return moment, f"at({moment:%Y-%m-%dT%H:%M:%S})"


def target(function: Observed, mark: str) -> dict[str, Any]:
    attributes = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    told = {"mark": mark, **{name: f"<aws.scheduler.{name}>" for name in attributes}}
    return {"Arn": function.alias, "RoleArn": ROLE, "Input": json.dumps(told)}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_a_schedule_of_a_template_fires_at_its_time_in_its_zone(
    function: Observed, mark: str, zone: str
) -> None:
    moment, expression = soon(zone)
    properties = {
        "Name": mark,
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": WHOLE,
        "Target": target(function, mark),
    }
    function.make(mark, {"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}})
    assert eventually(lambda: function.calls(mark))
    (call,) = function.calls(mark)
    assert call.arn == function.alias
    assert 0 <= call.at - moment.timestamp() < 10
    event = call.event
    assert event["scheduled-time"] == f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert event["schedule-arn"].endswith(f":schedule/default/{mark}")
    assert len(event["execution-id"]) == 36
    assert event["attempt-number"] == "1"


def test_a_schedule_that_is_to_go_after_its_time_goes_and_the_next_of_its_name_fires(
    function: Observed, mark: str
) -> None:
    scheduler = function.client("scheduler")
    for count in (1, 2):
        _, expression = soon(seconds=1)
        scheduler.create_schedule(
            Name=mark,
            ScheduleExpression=expression,
            FlexibleTimeWindow=WHOLE,
            Target=target(function, mark),
            ActionAfterCompletion="DELETE",
        )
        assert eventually(lambda count=count: len(function.calls(mark)) == count)
        assert eventually(lambda: scheduler.list_schedules(NamePrefix=mark)["Schedules"] == [])


def test_a_schedule_brings_a_message_to_a_queue(function: Observed, mark: str) -> None:
    url = function.queue(mark)
    arn = function.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    function.client("scheduler").create_schedule(
        Name=mark,
        ScheduleExpression=soon(seconds=1)[1],
        FlexibleTimeWindow=WHOLE,
        Target={"Arn": arn["Attributes"]["QueueArn"], "RoleArn": ROLE, "Input": '{"task": 1}'},
    )
    assert eventually(lambda: function.count(url) == 1)
    assert function.take(url)[0]["Body"] == '{"task": 1}'


def test_a_schedule_of_every_minute_fires_within_a_minute(function: Observed, mark: str) -> None:
    function.client("scheduler").create_schedule(
        Name=mark,
        ScheduleExpression="cron(* * * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow=WHOLE,
        Target=target(function, mark),
    )
    assert eventually(lambda: function.calls(mark), seconds=75)
    (call,) = function.calls(mark)
    assert call.at % 60 < 10
    assert call.event["scheduled-time"] == time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(call.at))
    function.client("scheduler").delete_schedule(Name=mark)


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("every day", "UTC"),
        ("rate(30 seconds)", "UTC"),
        ("cron(0 6 1 * 1 *)", "UTC"),
        ("cron(99 * * * ? *)", "UTC"),
        ("at(tomorrow)", "UTC"),
        ("rate(1 minute)", "Europe/Berlni"),
    ],
)
def test_what_no_schedule_can_be_is_refused(
    function: Observed, mark: str, expression: str, zone: str
) -> None:
    asked = {
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": WHOLE,
        "Target": target(function, mark),
    }
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid Schedule Expression"):
        function.client("scheduler").create_schedule(Name=mark, **asked)
