"""What a message of the failed queue tells: what failed, when and why, and where it is sent again."""

import json
from datetime import UTC, datetime

import pytest

from lambdify.cli.failed_events import failure, view

TASKS = "arn:aws:sqs:eu-central-1:123456789012:shop-dev-tasks"
ORDERS = "arn:aws:sqs:eu-central-1:123456789012:orders"
REPORT = "arn:aws:lambda:eu-central-1:123456789012:function:shop-dev:report"
AT = datetime(2026, 11, 29, 6, 0, 3, tzinfo=UTC)
ID = "1a2b3c4d-0000-4000-8000-000000000000"


def message(body, *, attributes=None, origin=""):
    text = body if isinstance(body, str) else json.dumps(body)
    system = {"SentTimestamp": str(round(AT.timestamp() * 1000)), "ApproximateReceiveCount": "1"}
    own = {name: {"DataType": "String", "StringValue": text} for name, text in (attributes or {}).items()}
    return {
        "MessageId": ID,
        "ReceiptHandle": "handle",
        "Body": text,
        "Attributes": system | ({"DeadLetterQueueSourceArn": origin} if origin else {}),
        "MessageAttributes": own,
    }


def read(*arguments, **options):
    return failure.read(message(*arguments, **options), TASKS)


def of_lambda(**more):
    """What Lambda keeps of an event that it gave up."""
    return {
        "version": "1.0",
        "timestamp": "2026-11-29T06:00:01.500Z",
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "functionArn": REPORT,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
        **more,
    }


RAISED = {
    "errorMessage": "'total'\nand a second line",
    "errorType": "KeyError",
    "stackTrace": ['  File "/var/task/shop/reports.py", line 3, in nightly\n    return event["total"]\n'],
}


def test_an_event_is_told_with_what_the_function_raised_and_goes_to_its_alias_again():
    event = {"detail": {"kind": "full"}}
    found = read(of_lambda(requestPayload=event, responsePayload=RAISED))
    assert (found.kind, found.what, found.attempts) == ("event", "report", 3)
    assert found.error == "KeyError: 'total'"
    assert found.at == datetime(2026, 11, 29, 6, 0, 1, 500_000, tzinfo=UTC)
    assert found.trace == (
        '  File "/var/task/shop/reports.py", line 3, in nightly',
        '    return event["total"]',
    )
    assert (found.target, json.loads(found.body)) == (REPORT, event)


@pytest.mark.parametrize("payload", [None, [], "text", 0])
def test_an_event_is_whatever_json_it_was(payload):
    found = read(of_lambda(requestPayload=payload, responsePayload=RAISED))
    assert found.payload == payload
    assert json.loads(found.body) == payload


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            {"responsePayload": {"errorMessage": "Task timed out after 3.00 seconds"}},
            "Task timed out after 3",
        ),
        ({"responsePayload": {"errorType": "Sandbox.Timedout"}}, "Sandbox.Timedout"),
        ({}, "Lambda does not tell why"),
        ({"responsePayload": "nonsense"}, "Lambda does not tell why"),
        (
            {"requestContext": {"functionArn": REPORT, "condition": "EventAgeExceeded"}},
            "It was older than max_age before a try succeeded.",
        ),
    ],
)
def test_why_is_one_line(more, why):
    assert why in read(of_lambda(requestPayload={}, **more)).error


@pytest.mark.parametrize("kind", ["KinesisBatchInfo", "DDBStreamBatchInfo"])
def test_a_batch_of_a_stream_has_its_numbers_and_its_function(kind):
    numbers = {"shardId": "shardId-0", "startSequenceNumber": "1", "endSequenceNumber": "9", "batchSize": 3}
    found = read(of_lambda(**{kind: numbers}))
    assert (found.kind, found.what, found.target) == ("stream", "report", REPORT)
    assert found.payload == numbers


TASK = {"id": "4711", "task": "shop.mail:send", "args": [7], "kwargs": {}}
TRACE = 'Traceback (most recent call last):\n  File "mail.py", line 3, in send\nOSError: no route\n'


def test_a_task_has_the_traceback_of_its_last_attempt_and_goes_to_the_queue_of_tasks_without_it():
    found = read(TASK, attributes={"reason": TRACE, "other": "kept"})
    assert (found.kind, found.what, found.error) == ("task", "task shop.mail:send", "OSError: no route")
    assert found.trace[0] == "Traceback (most recent call last):"
    assert (found.target, json.loads(found.body)) == (TASKS, TASK)
    assert list(found.attributes) == ["other"]
    assert found.at == AT


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ("OSError: no route\nto that host\n", "OSError: no route"),
        ("shop.mail.Refused\n", "shop.mail.Refused"),
        (
            (
                "KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n"
                'Traceback (most recent call last):\n  File "mail.py", line 5, in send\nOSError: two\nlines\n'
            ),
            "OSError: two",
        ),
    ],
)
def test_why_a_task_failed_is_its_exception_though_the_message_has_lines(end, error):
    begin = TRACE.partition("OSError")[0]
    assert read(TASK, attributes={"reason": begin + end}).error == error


def test_a_task_that_took_its_worker_with_it_says_what_can_be_known():
    found = read(TASK, origin=TASKS)
    assert (found.kind, found.what, found.target) == ("task", "task shop.mail:send", TASKS)
    assert "It was never done with" in found.error


def test_a_message_of_a_queue_goes_back_there_as_it_was():
    found = read("not JSON", attributes={"tenant": "7"}, origin=ORDERS)
    assert (found.kind, found.what, found.target, found.body) == (
        "message",
        "queue orders",
        ORDERS,
        "not JSON",
    )
    assert found.attributes["tenant"]["StringValue"] == "7"


def test_a_message_of_a_queue_of_ones_own_is_no_task_whatever_it_looks_like():
    found = read(TASK, origin=ORDERS)
    assert (found.kind, found.target) == ("message", ORDERS)


def test_what_nobody_knows_the_origin_of_is_shown_and_stays():
    found = read({"hello": 1})
    assert (found.kind, found.what, found.target) == ("message", "queue ?", "")


def test_what_could_not_be_delivered_says_what_stood_in_the_way():
    attributes = {
        "ERROR_CODE": "AccessDeniedException",
        "ERROR_MESSAGE": "not authorized to perform: lambda:InvokeFunction",
        "TARGET_ARN": REPORT,
    }
    found = read({"source": "aws.scheduler"}, attributes=attributes)
    assert (found.kind, found.what, found.target) == ("event", "report", REPORT)
    assert found.error == "AccessDeniedException: not authorized to perform: lambda:InvokeFunction"


# -------------------------------------------------------------------- what a person reads


def test_the_table_has_a_line_for_each_failure():
    failures = [read(TASK, attributes={"reason": TRACE}), read(of_lambda(responsePayload=RAISED))]
    head, *lines = view.show_all(failures).splitlines()
    assert head.split() == ["Id", "When", "What", "Tries", "Why"]
    when = f"{AT.astimezone():%Y-%m-%d %H:%M}".split()
    assert lines[0].split() == ["1a2b3c4d", *when, "task", "shop.mail:send", "OSError:", "no", "route"]
    assert lines[1].split() == ["1a2b3c4d", *when, "report", "3", "KeyError:", "'total'"]


def test_all_of_one_are_its_facts_the_traceback_and_the_event():
    found = read(of_lambda(requestPayload={"kind": "full"}, responsePayload=RAISED))
    assert [line.text for line in view.show(found, lambda _: True)] == [
        f"id     {ID}",
        "what   report",
        f"when   {found.at.astimezone():%Y-%m-%d %H:%M:%S}",
        "tries  3",
        "why    KeyError: 'total'",
        f"from   {REPORT}",
        "",
        "  shop/reports.py:3 in nightly",
        '    return event["total"]',
        "",
        "{",
        '  "kind": "full"',
        "}",
    ]
