"""The queue of tasks, by SQS's API; and what runs later than SQS can wait, by EventBridge Scheduler's.

The template sets LAMBDIFY_TASKS and LAMBDIFY_TASKS_FAILED, the URLs of the queues of tasks and of what failed
for good, and LAMBDIFY_TASKS_LATER, the ARN of the role in which Scheduler sends to the queue of tasks. Its
group of schedules has the name of that queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
import logging
import math
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdify.adapter.aws import CallFailed, Request, ask, call
from lambdify.adapter.errors import report
from lambdify.adapter.tasks import LONGEST_BACKOFF, QUEUE, RESULTS, NotEnqueued, running

FAILED_QUEUE, LATER = "LAMBDIFY_TASKS_FAILED", "LAMBDIFY_TASKS_LATER"
LARGEST = 1_048_576
"""Bytes of a message with its attributes."""
LARGEST_LATER = 262_144
"""Bytes of a schedule's input.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html"""
LONGEST_DELAY = 900
"""Seconds for which SQS holds a message back."""
ROOM_FOR_NAMES = 100
"""Bytes of an attribute besides its value: its name and its type."""
REFUSED = {code: "?" for code in (*range(32), 0xFFFE, 0xFFFF) if chr(code) not in "\t\n\r"}
"""Characters that SQS refuses, besides halves of a pair."""


def put(message: dict[str, Any], run_after: datetime | timedelta | None = None) -> None:
    """Send a message, to be worked on at once or after that time or delay. Raises NotEnqueued."""
    now = datetime.now(UTC)
    when = now + run_after if isinstance(run_after, timedelta) else run_after or now
    delay = max(0, math.ceil((when - now).total_seconds()))
    body = json.dumps(message)
    path = message["task"]
    _check_size(path, body, later=delay > LONGEST_DELAY)
    try:
        if os.environ.get(RESULTS):
            from lambdify.adapter.tasks import results

            results.create(message, when)
        if delay > LONGEST_DELAY:
            _schedule(message["id"], body, when)
        else:
            _send(os.environ[QUEUE], body, DelaySeconds=delay)
    except CallFailed as error:
        raise NotEnqueued(f"{path}: {error}") from error


def hide(record: dict[str, Any], seconds: float) -> None:
    """Hide a received message for so long. If that fails, it is hidden as the queue hides its messages."""
    arguments = {
        "QueueUrl": os.environ[QUEUE],
        "ReceiptHandle": record["receiptHandle"],
        "VisibilityTimeout": min(math.ceil(seconds), LONGEST_BACKOFF - 100),
    }
    try:
        call("sqs", "AmazonSQS.ChangeMessageVisibility", arguments)
    except CallFailed as error:
        report("a task comes again later than it should", error, None, level=logging.WARNING)


def bury(record: dict[str, Any], error: BaseException) -> None:
    """Send a message to the queue of what failed, with the traceback as its "reason". Raises CallFailed."""
    body = record["body"]
    room = LARGEST - len(body.encode()) - ROOM_FOR_NAMES
    whole = running.show(error).translate(REFUSED).encode(errors="backslashreplace")
    reason = whole[-room:].decode(errors="ignore") if room > 0 else ""
    named = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
    _send(os.environ[FAILED_QUEUE], body, MessageAttributes=named)


def _check_size(path: str, body: str, *, later: bool) -> None:
    """Raise NotEnqueued if the message is too large for where it goes."""
    limits = {"SQS takes": LARGEST}
    if later:
        limits["a schedule takes"] = LARGEST_LATER
    if os.environ.get(RESULTS):
        from lambdify.adapter.tasks import results

        limits["a table of results takes"] = results.LARGEST
    for who, largest in limits.items():
        if len(body) > largest:  # it is ASCII
            raise NotEnqueued(f"{path}: {len(body):,} bytes; {who} {largest:,}. Pass where the data is.")


def _send(url: str, body: str, **more: Any) -> None:
    arguments = {"QueueUrl": url, "MessageBody": body} | {
        name: value for name, value in more.items() if value
    }
    call("sqs", "AmazonSQS.SendMessage", arguments)


def _schedule(name: str, body: str, when: datetime) -> None:
    """Have Scheduler send the message at that time. Raises CallFailed."""
    queue = os.environ[QUEUE].rpartition("/")[2]
    role = os.environ[LATER]
    _, partition, _, _, account, _ = role.split(":")
    arguments = {
        "GroupName": queue,
        "ClientToken": name,
        "ScheduleExpression": f"at({when.astimezone(UTC) + timedelta(milliseconds=999):%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": f"arn:{partition}:sqs:{os.environ['AWS_REGION']}:{account}:{queue}",
            "RoleArn": role,
            # Scheduler replaces <aws.scheduler...> wherever it stands.
            "Input": body.replace("<", "\\u003c"),
        },
    }
    headers = {"content-type": "application/json"}
    request = Request("scheduler", f"/schedules/{name}", headers, json.dumps(arguments).encode())
    try:
        ask(request, "CreateSchedule")
    except CallFailed as error:
        if error.code != "ConflictException":  # it is there, from a call whose answer was lost
            raise
