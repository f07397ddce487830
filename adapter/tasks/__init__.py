"""Background work: `@task` makes a function that can be called later, elsewhere, as django.tasks names it.

    from lambdify.adapter.tasks import task

    @task
    def send_receipt(order): ...

    send_receipt.enqueue(7)

    app      enqueue ──SendMessage──▶ queue ──▶ worker ──▶ send_receipt(7)
    raises   hidden for its backoff, then again ... after the last attempt ──▶ the queue of the failed

`LAMBDIFY_TASKS` says where tasks go: to the queue of that URL, which the template sets; or, if it is
"outbox", into the list `outbox`. Without it a task runs at once, as in tests and under `flask run`.

Rules
1. A message is JSON: {"id", "task": "module:name", "args", "kwargs", "enqueued_at"}. A task that runs at once
   gets its arguments from the same JSON, so that tests see what a queue makes of them.
2. What a task raises at once is logged, and its result's; the caller of `enqueue` goes on, as with a queue.
3. The app imports this module at its cold start. So an HTTP client is imported with the first task.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdify.adapter.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NotEnqueued", "ResultMissing", "Task", "TaskContext", "TaskError", "TaskResult", "outbox", "task"]

QUEUE = "LAMBDIFY_TASKS"
"""The variable with the URL of the queue."""
OUTBOX = "outbox"
"""What it says instead, if tasks are to be collected."""
RESULTS = "LAMBDIFY_TASKS_RESULTS"
"""The variable with the name of the table of results, if they are kept."""
READY, RUNNING, FAILED, SUCCESSFUL = "READY", "RUNNING", "FAILED", "SUCCESSFUL"
"""The states of a result; those of django.tasks."""
LONGEST_BACKOFF = 43_200
"""Seconds: a queue hides a message for at most twelve hours.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"""

outbox: list[TaskResult] = []
"""The results of tasks that were enqueued while LAMBDIFY_TASKS was "outbox". None of them has run."""


class NotEnqueued(AdapterError):
    """The task was not handed over; the text says why."""


class ResultMissing(AdapterError):
    """There is no such result, or results are not kept."""


class TaskError(NamedTuple):
    """What one attempt raised."""

    exception_class_path: str
    traceback: str


class TaskContext(NamedTuple):
    """What a task gets as its first argument, if it `takes_context`."""

    task_result: TaskResult

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.task_result.attempts


class TaskResult:
    """What became of a task so far; `refresh` asks again."""

    def __init__(self, task: Task, id: str, args: list[Any], kwargs: dict[str, Any]) -> None:  # noqa: A002
        self.task, self.id, self.args, self.kwargs = task, id, args, kwargs
        self.status = READY
        self.enqueued_at: datetime | None = None
        self.started_at: datetime | None = None
        self.last_attempted_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.errors: list[TaskError] = []
        self.worker_ids: list[str] = []
        self._return_value: Any = None

    @property
    def return_value(self) -> Any:
        """What the task returned. Raises ValueError if it has failed, or has not finished yet."""
        if self.status != SUCCESSFUL:
            raise ValueError("the task failed" if self.status == FAILED else "the task has not finished yet")
        return self._return_value

    @property
    def is_finished(self) -> bool:
        """Whether the task was done, or was given up."""
        return self.status in (FAILED, SUCCESSFUL)

    @property
    def attempts(self) -> int:
        """How many times it was begun."""
        return len(self.worker_ids)

    def refresh(self) -> None:
        """Read again what became of the task. Raises ResultMissing."""
        vars(self).update(vars(self.task.get_result(self.id)))

    async def arefresh(self) -> None:
        """Do the same in a thread."""
        vars(self).update(vars(await self.task.aget_result(self.id)))


class Task:
    """A function that can be called later, elsewhere."""

    def __init__(
        self,
        func: Callable[..., Any],
        *,
        max_attempts: int | None = None,
        backoff: float = 10,
        takes_context: bool = False,
        run_after: datetime | timedelta | None = None,
    ) -> None:
        """`max_attempts`: None for as many as [tasks] attempts says, which is the most in any case.

        `backoff`: seconds before the second attempt, twice as many before each further one. `run_after`:
        when it runs at the earliest; a timedelta counts from `enqueue`. Raises ValueError.
        """
        if not getattr(func, "__qualname__", "").isidentifier():
            named = getattr(func, "__qualname__", "") or repr(func)
            raise ValueError(
                f"{named} cannot be a task: a worker finds it by its name, at the top level of a module"
            )
        check_options(max_attempts, backoff)
        if isinstance(run_after, datetime) and run_after.tzinfo is None:
            raise ValueError("run_after needs a time zone: datetime.now(UTC) has one")
        self.func, self.max_attempts, self.backoff = func, max_attempts, backoff
        self.takes_context, self.run_after = takes_context, run_after
        self._changed: dict[str, Any] = {}
        """Options that a worker does not find with the task."""
        update_wrapper(self, func)

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.func.__name__

    @property
    def module_path(self) -> str:
        """The name by which a worker finds the task: "shop.mail:send"."""
        return f"{self.func.__module__}:{self.func.__qualname__}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, here and now."""
        return self.func(*args, **kwargs)

    def using(self, **options: Any) -> Task:
        """Return the task with other options: run_after, max_attempts, backoff. Raises ValueError."""
        names = ("max_attempts", "backoff", "takes_context", "run_after")
        made = Task(self.func, **({name: getattr(self, name) for name in names} | options))
        told = {name: value for name, value in options.items() if name in ("max_attempts", "backoff")}
        made._changed = self._changed | told
        return made

    def enqueue(self, *args: Any, **kwargs: Any) -> TaskResult:
        """Have it run in the background. Return its result, which has an id. Raises NotEnqueued."""
        result, message = self._prepare(args, kwargs)
        if os.environ.get(QUEUE):
            self._send(result, message)
        else:
            from lambdify.adapter.tasks import running

            running.run_here(result)
        return result

    async def aenqueue(self, *args: Any, **kwargs: Any) -> TaskResult:
        """Do the same in a thread; a task that runs at once runs on this loop, or blocks it."""
        result, message = self._prepare(args, kwargs)
        if os.environ.get(QUEUE):
            import asyncio

            await asyncio.to_thread(self._send, result, message)
        else:
            from lambdify.adapter.tasks import running

            await running.run_here_async(result)
        return result

    def get_result(self, id: str) -> TaskResult:  # noqa: A002
        """Return what became of a task of this kind. Raises ResultMissing."""
        if not os.environ.get(RESULTS):
            raise ResultMissing("results are not kept here: [tasks] results = true keeps them")
        from lambdify.adapter.tasks import results

        held = results.read(id)
        if held is None or held.pop("task") != self.module_path:
            raise ResultMissing(f"there is no result {id} of {self.module_path}")
        del held["backend"]
        found = TaskResult(self, id, held.pop("args"), held.pop("kwargs"))
        vars(found).update(held)
        return found

    async def aget_result(self, id: str) -> TaskResult:  # noqa: A002
        """Do the same in a thread."""
        import asyncio

        return await asyncio.to_thread(self.get_result, id)

    def _prepare(self, args: Any, kwargs: Any) -> tuple[TaskResult, dict[str, Any]]:
        """Return a new result and its message, whose arguments have been through JSON. Raises NotEnqueued."""
        now = datetime.now(UTC)
        message = {"id": os.urandom(16).hex(), "task": self.module_path, "args": args, "kwargs": kwargs}
        try:
            message = json.loads(json.dumps(message, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise NotEnqueued(f"{self.module_path}: arguments have to be JSON: {error}") from error
        result = TaskResult(self, message["id"], message["args"], message["kwargs"])
        result.enqueued_at = now
        return result, message | self._changed | {"enqueued_at": now.isoformat()}

    def _send(self, result: TaskResult, message: dict[str, Any]) -> None:
        """Hand the message to the queue, or the result to the outbox. Raises NotEnqueued."""
        if os.environ[QUEUE] == OUTBOX:
            outbox.append(result)
            return
        if self.func.__module__ == "__main__":
            raise NotEnqueued(f"{self.module_path}: a worker cannot import a program. Move it into a module.")
        from lambdify.adapter.tasks import queue

        queue.put(message, self.run_after)


def check_options(max_attempts: int | None, backoff: float) -> None:
    """Raise ValueError for an option of a task that cannot be."""
    if max_attempts is not None and (type(max_attempts) is not int or max_attempts < 1):
        raise ValueError(f"max_attempts cannot be {max_attempts!r}: it is a number from 1")
    if type(backoff) not in (int, float) or not 0 <= backoff < LONGEST_BACKOFF:
        raise ValueError(f"backoff cannot be {backoff!r}: it is in seconds, below {LONGEST_BACKOFF:,}")


def task(func: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a function a Task: `@task`, or `@task(max_attempts=3, backoff=30, takes_context=True)`."""
    return Task(func, **options) if func is not None else lambda func: Task(func, **options)
