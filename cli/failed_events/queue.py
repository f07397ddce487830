"""The stage's failed queue in SQS: a look at it, and work on what it holds.

SQS has no way to look at a message without taking it. So each message is received, which hides it from others
for a minute, and made visible again; `work_off` deletes what it was told to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import NotDeployed
from lambdify.cli.failed_events import failure
from lambdify.cli.failed_events.failure import Failure
from lambdify.cli.stage import Stage

MISSING = "NonExistentQueue|QueueDoesNotExist"
HIDDEN = 60
"""Seconds for which SQS hides what was received."""
LONGEST_HIDDEN = 43_000
"""Seconds, a little less than the twelve hours after its receipt for which SQS can hide a message."""
WAIT = 1
"""Seconds that SQS may take to look on all its servers: without a wait it asks only some of them.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html"""
AT_ONCE = 10
"""Messages of one call, as many as SQS takes."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a queue holds."""

    failures: tuple[Failure, ...]
    """Oldest first; no more than were asked for."""
    total: int
    """How many there are about, as SQS counts them."""


def queue_name(stage: Stage) -> str:
    """Return the name of the stage's failed queue."""
    return f"{stage.name}-failed"


def look(stage: Stage, *, most: int) -> Contents:
    """Return up to `most` failures of the stage. Raises NotDeployed if the stage has no such queue."""
    url = find_url(stage)
    found: dict[str, Failure] = {}
    handles: dict[str, str] = {}
    try:
        for messages in _receive(url, stage):
            is_known = bool(found.keys() & {each["MessageId"] for each in messages})
            handles |= {each["MessageId"]: each["ReceiptHandle"] for each in messages}
            found |= {each["MessageId"]: _read(each, stage) for each in messages}
            if is_known or len(found) >= most:
                break
    finally:
        _hide(url, list(handles.values()), 0, stage)
    failures = tuple(sorted(found.values(), key=lambda each: each.at))[:most]
    return Contents(failures=failures, total=max(count(url, stage), len(failures)))


def find(stage: Stage, begin: str) -> Failure | None:
    """Return the first failure whose id begins so; None if there is none. Raises NotDeployed."""
    found: list[Failure] = []

    def note(failure: Failure) -> bool:
        found.append(failure)
        return False

    work_off(stage, lambda failure: not found and failure.id.startswith(begin), note)
    return found[0] if found else None


def work_off(
    stage: Stage,
    chosen: Callable[[Failure], bool],
    do: Callable[[Failure], bool],
    *,
    takes: Callable[[Failure], int] = lambda _: 0,
    now: datetime | None = None,
) -> tuple[Failure, ...]:
    """Call `do` with each chosen failure, delete those for which it returns True, and return these.

    `takes` says how many seconds `do` may need for one, so that nobody else gets it, or one that comes after
    it, meanwhile. What comes into the queue meanwhile is left alone: it may have been sent again in this very
    run. All that is not deleted is given back, also if `do` raises.
    """
    url, begun = find_url(stage), now or datetime.now(UTC)
    kept: dict[str, str] = {}
    done = []
    try:
        for messages in _receive(url, stage):
            new = [each for each in messages if each["MessageId"] not in kept]
            kept |= {each["MessageId"]: each["ReceiptHandle"] for each in messages}
            if not new:  # what was kept is visible again: all of the queue was looked at
                break
            for place, message in enumerate(new):
                found = _read(message, stage)
                if _sent_at(message) > begun or not chosen(found):
                    continue
                if (seconds := takes(found)) > 0:
                    _hide(url, [each["ReceiptHandle"] for each in new[place:]], HIDDEN + seconds, stage)
                if do(found):
                    _delete(url, message["ReceiptHandle"], stage)
                    del kept[found.id]
                    done.append(found)
    finally:
        _hide(url, list(kept.values()), 0, stage)
    return tuple(done)


@translated(during="looking for the queue of what failed")
def find_url(stage: Stage) -> str:
    """Return the URL of the stage's failed queue. Raises NotDeployed if there is none."""
    sqs = stage.client("sqs")
    found = attempt(sqs.get_queue_url, none_if=MISSING, QueueName=queue_name(stage))
    if found is None:
        raise NotDeployed(
            f"{stage.name} keeps nothing that failed: {stage.region} has no queue {queue_name(stage)}.",
            hint="A stage with [functions] or [tasks] has one once it is deployed.",
        )
    return str(found["QueueUrl"])


@translated(during="counting what failed")
def count(url: str, stage: Stage) -> int:
    """Return about how many messages a queue holds, those that are being worked on included."""
    sqs = stage.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names).get("Attributes", {})
    return sum(int(found.get(name, 0)) for name in names)


def tasks_arn(stage: Stage) -> str:
    """Return the ARN of the queue of the stage's tasks."""
    account = stage.account
    return f"arn:{account.partition}:sqs:{stage.region}:{account.account_id}:{stage.name}-tasks"


def _receive(url: str, stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """Yield messages, some at once, until no more come."""
    sqs = stage.client("sqs")
    while True:
        with translated(during="reading what failed"):
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=AT_ONCE,
                VisibilityTimeout=HIDDEN,
                WaitTimeSeconds=WAIT,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        messages = answer.get("Messages", [])
        if not messages:
            return
        yield messages


def _read(message: dict[str, Any], stage: Stage) -> Failure:
    return failure.read(message, tasks_arn(stage))


def _sent_at(message: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)


@translated(during="deleting what failed")
def _delete(url: str, handle: str, stage: Stage) -> None:
    stage.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=handle)


@translated(during="giving back what was looked at")
def _hide(url: str, handles: list[str], seconds: int, stage: Stage) -> None:
    """Hide received messages for so long from now on; 0 gives them back. What SQS refuses comes by itself."""
    sqs = stage.client("sqs")
    for at in range(0, len(handles), AT_ONCE):
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": min(seconds, LONGEST_HIDDEN)}
            for number, handle in enumerate(handles[at : at + AT_ONCE])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
