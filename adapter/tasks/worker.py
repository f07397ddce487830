"""Works on the messages of the queue of tasks: what its event source mapping calls, by the alias "tasks".

Rules
1. What a message names has to be a Task. Anything else is not called: it goes to the queue of what failed. So
   does a name that no module has, after all attempts: a deployment may have moved the app, and not yet this.
2. AWS asks for a visibility timeout of six times the function's. As soon as a message is here, it is cut to
   the time that the invocation has left: a worker that dies is made up for in minutes, not in hours.
   https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
3. A task that raises comes again after its own backoff. After its last attempt, it goes to the queue of what
   failed, with its traceback. A task that kills its worker gets there by the queue's redrive policy.
4. The answer names the messages that are to come again; what could not be buried is among them.
5. With a table of results, a message that was delivered twice runs once: see `results`.
"""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdify.adapter.aws import CallFailed
from lambdify.adapter.errors import AdapterError, attempt, report
from lambdify.adapter.tasks import RESULTS, Task, TaskError, TaskResult, queue, running

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Any]

SPARE = 2.0
"""Seconds after the end of an invocation at which another worker may have its message."""
SPREAD = 0.1
"""By which part a backoff is longer or shorter, so that what failed together does not come again together."""
ATTEMPTS = 5
"""[tasks] attempts, where the bundle does not say it."""
BACKOFF = 10.0
"""Seconds before the second look for a task that is not there."""


class NoTask(AdapterError):
    """What a message names is no task, or the message is none."""


class Message(NamedTuple):
    """What a message asks for."""

    id: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    enqueued_at: datetime
    changed: dict[str, Any]
    """Options that the caller has changed."""
    backend: str = ""
    """The alias of Django's backend; "" for a task of ours."""


class Job(NamedTuple):
    """A task, ready to be called as a message asks."""

    result: Any
    """Ours, or one of django.tasks."""
    call: Callable[[], Any]
    max_attempts: int | None
    backoff: float
    announce: Callable[[str], None] = lambda _: None
    """Called with "started", then with "finished" after the last attempt."""
    error_class: type = TaskError


def work(event: dict[str, Any], context: Any, settings: dict[str, Any], run: Run) -> dict[str, Any]:
    """Return the answer to a batch. `run(context, function)` calls a function in the app's surroundings.

    `settings` has `attempts`, after which the queue takes a message away.
    """
    most = settings.get("attempts", ATTEMPTS)
    again = [record for record in event["Records"] if not _settle(record, context, most, run)]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in again]}


def _settle(record: dict[str, Any], context: Any, most: int, run: Run) -> bool:
    """Return whether a message is done with: its task ran, or it is with what failed."""
    left = context.get_remaining_time_in_millis() / 1000
    queue.hide(record, left + SPARE)
    job, error = attempt(run, context, lambda: find(read(record)))
    if error is not None:
        number = most if isinstance(error, NoTask) else _number(record)
        what = f"the message {record['messageId']} was not understood"
        return _fail(record, what, error, context, _find_pause(number, most, BACKOFF))
    if os.environ.get(RESULTS):
        from lambdify.adapter.tasks import results

        try:
            busy = results.claim(job.result, left, job.error_class)
        except CallFailed as failure:
            report(f"the task {job.result.task.module_path} was not begun", failure, context)
            queue.hide(record, job.backoff)
            return False
        if busy is not None:
            if busy:
                queue.hide(record, busy + SPARE)
            return not busy
    return _try(job, record, context, most, run)


def _try(job: Job, record: dict[str, Any], context: Any, most: int, run: Run) -> bool:
    """Make one attempt at a job; return whether its message is done with."""
    number = _number(record)
    most = min(job.max_attempts or most, most)
    earlier = job.result.worker_ids
    earlier += ["?"] * (number - 1 - len(earlier))
    running.begin(job.result, context.aws_request_id)
    job.announce("started")
    value, error = attempt(run, context, job.call)
    again = error is not None and number < most
    running.finish(job.result, value, error, again=again, kind=job.error_class)
    if not again:
        job.announce("finished")
    if os.environ.get(RESULTS):
        from lambdify.adapter.tasks import results

        results.save(job.result)
    if error is None:
        return True
    what = f"the task {job.result.task.module_path} failed, attempt {number} of {most}"
    return _fail(record, what, error, context, _find_pause(number, most, job.backoff))


def _fail(record: dict[str, Any], what: str, error: BaseException, context: Any, pause: float | None) -> bool:
    """Have a message come again after so many seconds; bury it if that is None. Return whether it is done."""
    report(what, error, context)
    if pause is not None:
        queue.hide(record, pause)
        return False
    try:
        queue.bury(record, error)
    except CallFailed as failure:
        report("what failed could not be kept, and comes again", failure, context)
        return False
    return True


def _find_pause(number: int, most: int, backoff: float) -> float | None:
    """Return the seconds between an attempt that failed and the next one; None if it was the last."""
    if number >= most:
        return None
    spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - it is no secret
    return float(backoff * 2 ** (number - 1) * spread)


def _number(record: dict[str, Any]) -> int:
    """Return which attempt this is, from 1."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def read(record: dict[str, Any]) -> Message:
    """Return what a message asks for; what it lacks is taken from SQS. Raises NoTask."""
    try:
        said = json.loads(record["body"])
        sent = datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)
        message = Message(
            id=said.get("id", record["messageId"]),
            task=said["task"],
            args=list(said.get("args", ())),
            kwargs=dict(said.get("kwargs", {})),
            enqueued_at=datetime.fromisoformat(said["enqueued_at"]) if "enqueued_at" in said else sent,
            changed={name: said[name] for name in ("max_attempts", "backoff") if name in said},
            backend=said.get("backend", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoTask(f"the message asks for no task: {type(error).__name__}: {error}") from None
    if not all(isinstance(each, str) for each in (message.id, message.task, message.backend)):
        raise NoTask("the message asks for no task: id, task and backend have to be text")
    return message


def find(message: Message) -> Job:
    """Return the job that a message asks for. Raises NoTask, and what the import of its module raises."""
    if message.backend:
        from lambdify.adapter import django_tasks

        return django_tasks.find(message)
    from importlib import import_module

    module, colon, name = message.task.partition(":")
    if not colon or not all(map(str.isidentifier, (*module.split("."), name))):
        raise NoTask(f"{message.task!r} is not the name of a task, as package.module:function")
    found = getattr(import_module(module), name)
    if not isinstance(found, Task):
        raise NoTask(f"{message.task} is not a task")
    try:
        found = found.using(**message.changed)
    except ValueError as error:
        raise NoTask(str(error)) from None
    result = TaskResult(found, message.id, message.args, message.kwargs)
    result.enqueued_at = message.enqueued_at
    return Job(result, lambda: running.call(result), found.max_attempts, found.backoff)
