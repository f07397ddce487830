"""Tasks on their way to the queue: what AWS is asked, and what is refused before."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.adapter import aws
from lambdify.adapter.tasks import NotEnqueued

from .aws_service import HANG_UP, AwsService
from .task_project import QUEUE, ROLE


def test_a_task_is_a_message_to_the_queue(shop, queue, validate):
    service = queue()
    result = shop.send.enqueue(7, to="ada")
    ((operation, headers, arguments),) = service.asked
    assert operation == "AmazonSQS.SendMessage"
    assert headers["x-amz-security-token"] == "token-of-the-role"
    assert arguments.keys() == {"QueueUrl", "MessageBody"}
    assert arguments["QueueUrl"] == QUEUE
    message = json.loads(arguments["MessageBody"])
    assert datetime.fromisoformat(message.pop("enqueued_at")) == result.enqueued_at
    assert message == {"id": result.id, "task": "shop_mail:send", "args": [7], "kwargs": {"to": "ada"}}
    assert (result.status, shop.sent) == ("READY", [])
    validate(service)


def test_aenqueue_sends_the_same(shop, queue):
    service = queue()
    asyncio.run(shop.send.aenqueue(7))
    assert json.loads(service.asked[0][2]["MessageBody"])["args"] == [7]


def test_options_of_a_use_go_along(shop, queue):
    service = queue()
    shop.fail.using(max_attempts=2).using(backoff=1.5).enqueue(7)
    message = json.loads(service.asked[0][2]["MessageBody"])
    assert (message["max_attempts"], message["backoff"]) == (2, 1.5)


@pytest.mark.parametrize(
    ("run_after", "delay"),
    [(timedelta(seconds=2.5), 3), (timedelta(seconds=900), 900), (timedelta(0), 0), (timedelta(hours=-1), 0)],
)
def test_up_to_a_quarter_of_an_hour_the_queue_holds_it_back(shop, queue, validate, run_after, delay):
    service = queue()
    shop.send.using(run_after=run_after).enqueue(7)
    shop.send.using(run_after=datetime.now(UTC) + run_after - timedelta(milliseconds=300)).enqueue(7)
    assert {asked[2].get("DelaySeconds", 0) for asked in service.asked} <= {delay, delay - 1}
    validate(service)


def test_what_runs_later_is_a_schedule_that_sends_to_the_queue(shop, queue, validate):
    service = queue()
    when = datetime(2031, 2, 3, 4, 5, 6, 500_000, tzinfo=UTC)
    result = shop.send.using(run_after=when.astimezone()).enqueue("<aws.scheduler.execution-id>")
    ((path, headers, arguments),) = service.asked
    assert path == f"/schedules/{result.id}"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/scheduler/aws4_request" in headers["authorization"]
    target = arguments.pop("Target")
    assert arguments == {
        "GroupName": "shop-dev-tasks",
        "ClientToken": result.id,
        "ScheduleExpression": "at(2031-02-03T04:05:07)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
    }
    assert (target["Arn"], target["RoleArn"]) == ("arn:aws:sqs:eu-west-1:123456789012:shop-dev-tasks", ROLE)
    assert "<" not in target["Input"], "Scheduler would put something else in its place"
    assert json.loads(target["Input"])["args"] == ["<aws.scheduler.execution-id>"]
    arguments |= {"Target": target}
    validate(service)


def test_a_schedule_that_is_there_already_is_the_one(shop, queue):
    queue((409, {"Message": "Schedule x already exists.", "__type": "ConflictException"}))
    assert shop.send.using(run_after=timedelta(hours=2)).enqueue(7).id


def test_a_schedule_that_is_refused_is_told(shop, queue):
    queue((403, {"Message": "not authorized to perform: iam:PassRole", "__type": "AccessDeniedException"}))
    with pytest.raises(NotEnqueued, match="shop_mail:send: CreateSchedule: AccessDeniedException: not autho"):
        shop.send.using(run_after=timedelta(hours=2)).enqueue(7)


@pytest.mark.parametrize(
    ("run_after", "size", "limit"),
    [(None, 1_200_000, "SQS takes 1,048,576"), (timedelta(hours=1), 300_000, "a schedule takes 262,144")],
)
def test_what_is_too_large_is_refused(shop, queue, run_after, size, limit):
    service = queue()
    with pytest.raises(NotEnqueued, match=rf"^shop_mail:send: {size // 1000:,},\d+ bytes; {limit}. Pass wh"):
        shop.send.using(run_after=run_after).enqueue("x" * (size - 1))
    assert service.asked == []


def test_what_sqs_refuses_is_told(shop, queue):
    queue((400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The queue does not exist."}))
    with pytest.raises(
        NotEnqueued, match=r"shop_mail:send: SendMessage: QueueDoesNotExist: The queue does n"
    ):
        shop.send.enqueue(7)


def test_a_task_of_a_program_cannot_be_imported_by_a_worker(shop, queue):
    service = queue()
    shop.send.func.__module__ = "__main__"
    with pytest.raises(NotEnqueued, match="__main__:send: a worker cannot import a program"):
        shop.send.enqueue(7)
    assert service.asked == []


# -------------------------------------------------------------------- connections, and what they cost


@pytest.fixture
def keeping(queue, monkeypatch):
    """A service that keeps connections open, as AWS's do."""
    services = []

    def start(*answers):
        queue()
        services.append(AwsService(answers or [(200, {})], "HTTP/1.1"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", services[-1].url)
        return services[-1]

    yield start
    for service in services:
        service.close()


def test_a_connection_is_used_again(shop, keeping):
    service = keeping()
    for number in range(5):
        shop.send.enqueue(number)
    assert (len(service.asked), len(service.opened)) == (5, 1)


def test_a_connection_that_is_refused_nothing_stays(shop, keeping):
    service = keeping((400, {"message": "no"}), (200, {}))
    with pytest.raises(NotEnqueued):
        shop.send.enqueue(1)
    shop.send.enqueue(2)
    assert len(service.opened) == 1


def test_a_connection_that_the_service_has_ended_is_made_anew(shop, keeping):
    service = keeping((200, {}), HANG_UP, (200, {}))
    shop.send.enqueue(1)
    shop.send.enqueue(2)  # the service hangs up in the middle of it
    assert (len(service.asked), len(service.opened)) == (3, 2)


def test_a_connection_that_ended_meanwhile_is_not_used(shop, keeping):
    first = keeping()
    shop.send.enqueue(1)
    ((_, (idle,)),) = [(place, held) for place, held in aws._idle.items() if held]
    idle.connection.sock.shutdown(2)
    shop.send.enqueue(2)
    assert (len(first.asked), len(first.opened)) == (2, 2)


def test_a_connection_that_was_idle_for_long_is_not_used(shop, keeping):
    service = keeping()
    shop.send.enqueue(1)
    ((_, held),) = [(place, held) for place, held in aws._idle.items() if held]
    held[0] = held[0]._replace(since=time.time() - 60)
    shop.send.enqueue(2)
    assert (len(service.asked), len(service.opened)) == (2, 2)


def test_enqueue_never_imports_boto3(shop, keeping):
    keeping()
    code = "import sys, shop_mail; shop_mail.send.enqueue(7); print({'boto3', 'botocore'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=sys.path[0],
    )
    assert done.stdout == "set()\n"
