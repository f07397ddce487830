"""Failures sent again to where they came from: an event to its function, a task or a message to its queue.

A batch of a stream is read back, and its function called with it here and now: Lambda would take what it
tells of failed records for success, and nobody would hear of them. One that fails again stays a failure.
"""

import json
from collections.abc import Iterable
from functools import partial

from lambdify.cli.aws import translated
from lambdify.cli.calls import invocation
from lambdify.cli.failed_events import failure as failures
from lambdify.cli.failed_events import queue, stream_records
from lambdify.cli.failed_events.failure import Failure
from lambdify.cli.settings import function_conflicts
from lambdify.cli.stacks import aliases
from lambdify.cli.stacks.aliases import Alias
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

NOWHERE = "nothing tells where it came from."


def retry(stage: Stage, deployed: Stack, wanted: Iterable[str]) -> tuple[tuple[Failure, ...], dict[str, str]]:
    """Send failures again; return those that were sent, and by their ids why others were not.

    `wanted` are ids, or their beginnings; none means all.
    """
    ids, ours = tuple(wanted), aliases.functions(deployed)
    refused: dict[str, str] = {}

    def send(failure: Failure) -> bool:
        if why := explain_refusal(failure, ours, stage) or _send(failure, ours, stage):
            refused[failure.id] = f"{failure.short_id}, {failure.what}: {why}"
        return not why

    def takes(failure: Failure) -> int:
        return _longest(stage) if failure.kind == "stream" else 0

    return queue.work_off(stage, partial(is_wanted, ids), send, takes=takes), refused


def drop(stage: Stage, wanted: Iterable[str]) -> tuple[Failure, ...]:
    """Delete failures, and return them; `wanted` as in `retry`."""
    return queue.work_off(stage, partial(is_wanted, tuple(wanted)), lambda _: True)


def is_wanted(ids: tuple[str, ...], failure: Failure) -> bool:
    """Whether a failure has one of the ids, or one that begins so; any has, if there are none."""
    return not ids or failure.id.startswith(ids)


def explain_refusal(failure: Failure, ours: Iterable[Alias], stage: Stage) -> str:
    """Return why a failure cannot be sent again; "" if it can."""
    if not failure.target:
        return NOWHERE
    if failure.kind in ("event", "stream") and _find_alias(failure.target, ours, stage) is None:
        return f"{failure.target} is no function of this stage."
    return ""


def _send(failure: Failure, ours: Iterable[Alias], stage: Stage) -> str:
    """Send a failure again; return why it has not succeeded, "" if it has or Lambda will see to it."""
    if failure.kind in ("task", "message"):
        _send_to_queue(failure, stage)
    elif alias := _find_alias(failure.target, ours, stage):
        if failure.kind == "stream":
            return _call(failure, alias, stage)
        invocation.send(alias.function, failure.body.encode(), stage.account, alias=alias.name)
    return ""


def _call(failure: Failure, alias: Alias, stage: Stage) -> str:
    """Call a function with the records of a batch; return why it is not done with, "" if it is."""
    try:
        event = stream_records.read(failure.payload, alias.name, stage)
    except stream_records.NotRead as error:
        return str(error)
    answer, payload = invocation.call(
        alias.function, json.dumps(event).encode(), stage.account, version=alias.name
    )
    value = invocation.read_payload(payload)
    if "FunctionError" in answer:
        return f"it failed again: {failures.summarize(value) or answer['FunctionError']}"
    left = value.get("batchItemFailures") if isinstance(value, dict) else None
    return f"it failed again, at {len(left)} of {len(event['Records'])} records." if left else ""


def _longest(stage: Stage) -> int:
    """Return for how many seconds a call of a function may last."""
    settings = stage.settings
    functions = (function_conflicts.timeout_of(settings, each) for each in settings.functions.values())
    return max(functions, default=settings.function.timeout)


def _find_alias(arn: str, ours: Iterable[Alias], stage: Stage) -> Alias | None:
    """Return the alias of the stage that an ARN names; a Lambda of its own has but one."""
    account = stage.account
    begin = ["arn", account.partition, "lambda", stage.region, account.account_id, "function"]
    parts = arn.split(":")
    if parts[:6] != begin or len(parts) not in (7, 8):
        return None
    function, qualifier = parts[6], "".join(parts[7:])
    return next(
        (
            each
            for each in ours
            if each.function == function and (each.name == qualifier or function != stage.name)
        ),
        None,
    )


@translated(during="sending it again")
def _send_to_queue(failure: Failure, stage: Stage) -> None:
    sqs = stage.client("sqs")
    *_, owner, name = failure.target.split(":")
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
    attributes = {"MessageAttributes": failure.attributes} if failure.attributes else {}
    sqs.send_message(QueueUrl=url, MessageBody=failure.body, **attributes)
