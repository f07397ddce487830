"""One attempt at a task, from its beginning to what its result then says; at once, or by a worker.

A result is one of ours or of django.tasks, which have the same attributes. Django's is frozen, so attributes
are set past its guard, as Django's own backends do.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdify.adapter.errors import attempt, attempt_async, leave_adapter, report
from lambdify.adapter.tasks import FAILED, READY, RUNNING, SUCCESSFUL, TaskContext, TaskError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from lambdify.adapter.tasks import TaskResult

ROOM_FOR_TRACEBACK = 8_000
"""Characters of a traceback that are kept: its end."""
HERE = "here"
"""The name of the worker of a task that runs at once."""


def run_here(result: TaskResult) -> None:
    """Run the task of a result at once; what it raises is logged."""
    begin(result, HERE)
    value, error = attempt(call, result)
    if hasattr(value, "__await__"):
        value, error = attempt(_complete, value)
    _finish_here(result, value, error)


async def run_here_async(result: TaskResult) -> None:
    """Do the same on the running loop."""
    begin(result, HERE)
    value, error = attempt(call, result)
    if hasattr(value, "__await__"):
        value, error = await attempt_async(value)
    _finish_here(result, value, error)


def call(result: Any, kind: type = TaskContext) -> Any:
    """Call the function of a result's task with its arguments. Return what it returns.

    `kind` is the class of the context that the task may take.
    """
    context = (kind(task_result=result),) if result.task.takes_context else ()
    return result.task.func(*context, *result.args, **result.kwargs)


def change(result: Any, **values: Any) -> None:
    """Set attributes of a result."""
    for name, value in values.items():
        object.__setattr__(result, name, value)


def begin(result: Any, worker: str) -> None:
    """Note that an attempt begins. `worker` is its name."""
    now = datetime.now(UTC)
    result.worker_ids.append(worker)
    change(result, status=_state(result, RUNNING), started_at=result.started_at or now, last_attempted_at=now)


def finish(
    result: Any, value: Any, error: BaseException | None, *, again: bool = False, kind: type = TaskError
) -> None:
    """Note what an attempt returned or raised, and whether there is to be another one.

    `kind` is the class of an item of `errors`.
    """
    if error is None:
        kept = _keep(value, result.task.module_path)
        change(result, status=_state(result, SUCCESSFUL), _return_value=kept, finished_at=datetime.now(UTC))
        return
    path = f"{type(error).__module__}.{type(error).__qualname__}"
    result.errors.append(kind(exception_class_path=path, traceback=show(error)))
    if again:
        change(result, status=_state(result, READY))
    else:
        change(result, status=_state(result, FAILED), finished_at=datetime.now(UTC))


def _state(result: Any, name: str) -> Any:
    """Return the state of that name as the result has states: a text, or a member of Django's choices."""
    return type(result.status)(name)


def show(error: BaseException) -> str:
    """Return the traceback of an error from the project's first frame on; of a long one, its end."""
    import traceback  # Lambda's runtime has it already

    shown = error.with_traceback(leave_adapter(error.__traceback__))
    return "".join(traceback.format_exception(shown))[-ROOM_FOR_TRACEBACK:]


def _finish_here(result: TaskResult, value: Any, error: BaseException | None) -> None:
    finish(result, value, error)
    if error is not None:
        report(f"the task {result.task.module_path} failed", error, None)


def _keep(value: Any, path: str) -> Any:
    """Return the value as it comes out of JSON; None if it is none: the work is done all the same."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        report(f"what {path} returned is not JSON, so it is not kept", error, None, level=logging.WARNING)
        return None


def _complete(work: Awaitable[Any]) -> Any:
    """Return the result of a coroutine, which gets a loop of its own; in a thread if this one has a loop."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    async def run() -> Any:
        return await work

    if asyncio._get_running_loop() is None:
        return asyncio.run(run())
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, run()).result()
