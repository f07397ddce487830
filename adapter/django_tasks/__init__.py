"""A backend for Django's tasks, on the queue of `tasks`.

    TASKS = {"default": {"BACKEND": "lambdify.adapter.django_tasks.SQSBackend"}}

Django has tasks since 6.0 (https://docs.djangoproject.com/en/6.0/topics/tasks/). For earlier releases the
package django-tasks has the same (https://pypi.org/project/django-tasks/), and is taken there.

Without a queue, as in tests and under runserver, a task runs at once. So one setting serves all.

Rules
1. `max_attempts` and `backoff` are options of Django's own decorator: `@task(max_attempts=3, backoff=30)`.
2. A result whose task is to run again is READY, and no `task_finished` is sent: it is not finished.
3. A receiver of a signal that raises does not undo the work: it is logged by Django.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django import VERSION  # type: ignore[import-untyped]
from django.utils import timezone  # type: ignore[import-untyped]
from django.utils.module_loading import import_string  # type: ignore[import-untyped]

from lambdify.adapter.errors import attempt, report
from lambdify.adapter.tasks import OUTBOX, QUEUE, RESULTS, check_options, outbox, running

if TYPE_CHECKING:
    from lambdify.adapter.tasks.worker import Job, Message

PLACE = "django.tasks" if VERSION >= (6, 0) else "django_tasks"
base, exceptions, signals = (import_module(f"{PLACE}.{name}") for name in ("base", "exceptions", "signals"))
backends = import_module(f"{PLACE}.backends.base")

InvalidTask = getattr(exceptions, "InvalidTask", None) or exceptions.InvalidTaskError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedTask(base.Task):  # type: ignore[misc, name-defined]
    """A task that runs again when it has failed."""

    max_attempts: int | None = None
    """None for as many as [tasks] attempts says, which is the most in any case."""
    backoff: float = 10
    """Seconds before the second attempt, twice as many before each further one."""


class SQSBackend(backends.BaseTaskBackend):  # type: ignore[misc, name-defined]
    """Sends tasks to the stage's queue, or runs them at once where there is none."""

    task_class = RetriedTask
    supports_defer = True
    supports_async_task = True

    @property
    def supports_get_result(self) -> bool:
        """Whether there is a table of results."""
        return bool(os.environ.get(RESULTS))

    def validate_task(self, task: Any) -> None:
        """Raise InvalidTask if the task cannot run here."""
        super().validate_task(task)
        try:
            check_options(*_options(task))
        except ValueError as error:
            raise InvalidTask(str(error)) from None

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Return the result of a task that is to run. Raises InvalidTask, NotEnqueued."""
        self.validate_task(task)
        result = _make_result(task, os.urandom(16).hex(), args, kwargs, self.alias)
        running.change(result, enqueued_at=datetime.now(UTC))
        mode = os.environ.get(QUEUE, "")
        if mode == OUTBOX:
            outbox.append(result)
        elif mode:
            self._send(result)
        signals.task_enqueued.send(type(self), task_result=result)
        if not mode:
            _run_here(result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Return what became of a task. Raises TaskResultDoesNotExist."""
        if not self.supports_get_result:
            return super().get_result(result_id)
        from lambdify.adapter.tasks import results

        held = results.read(result_id)
        if held is None or not held.get("backend"):
            raise exceptions.TaskResultDoesNotExist(result_id)
        task = import_string(held.pop("task"))
        result = _make_result(task, result_id, held.pop("args"), held.pop("kwargs"), held.pop("backend"))
        held["status"] = base.TaskResultStatus(held["status"])
        held["errors"] = [base.TaskError(**error._asdict()) for error in held["errors"]]
        running.change(result, **held)
        return result

    def _send(self, result: Any) -> None:
        from lambdify.adapter.tasks import queue  # an HTTP client, for the first task

        task = result.task
        message = {
            "id": result.id,
            "task": task.module_path,
            "args": result.args,
            "kwargs": result.kwargs,
            "backend": self.alias,
            "enqueued_at": result.enqueued_at.isoformat(),
        }
        naive = task.run_after is not None and timezone.is_naive(task.run_after)
        queue.put(message, timezone.make_aware(task.run_after) if naive else task.run_after)


def find(message: Message) -> Job:
    """Return the job that a message of this backend asks for. Raises NoTask, and what an import raises."""
    from lambdify.adapter.tasks.worker import Job, NoTask

    task = import_string(message.task)
    if not isinstance(task, base.Task):
        raise NoTask(f"{message.task} is not a task")
    result = _make_result(task, message.id, message.args, message.kwargs, message.backend)
    running.change(result, enqueued_at=message.enqueued_at)
    return Job(
        result,
        lambda: running.call(result, base.TaskContext),
        *_options(task),
        lambda what: _announce(what, result),
        base.TaskError,
    )


def _options(task: Any) -> tuple[int | None, float]:
    """Return max_attempts and backoff; a task that another backend has made has neither."""
    return getattr(task, "max_attempts", None), getattr(task, "backoff", 10)


def _make_result(task: Any, identity: str, args: Any, kwargs: Any, alias: str) -> Any:
    """Return a result that tells of nothing yet."""
    times = dict.fromkeys(("enqueued_at", "started_at", "last_attempted_at", "finished_at"))
    return base.TaskResult(
        task=task,
        id=identity,
        status=base.TaskResultStatus.READY,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=[],
        worker_ids=[],
        **times,
    )


def _announce(what: str, result: Any) -> None:
    signal = signals.task_started if what == "started" else signals.task_finished
    signal.send_robust(SQSBackend, task_result=result)


def _run_here(result: Any) -> None:
    """Run a task at once; what it raises is logged, and its result's."""
    running.begin(result, running.HERE)
    _announce("started", result)
    context = (base.TaskContext(task_result=result),) if result.task.takes_context else ()
    value, error = attempt(lambda: result.task.call(*context, *result.args, **result.kwargs))
    running.finish(result, value, error, kind=base.TaskError)
    _announce("finished", result)
    if error is not None:
        report(f"the task {result.task.module_path} failed", error, None)
