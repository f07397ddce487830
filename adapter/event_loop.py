"""The event loop of an ASGI app: asyncio's own, but an idle loop starts a request without a turn.

A turn of asyncio's loop checks its timers, makes a system call for its sockets, and runs its queue. That is
more work than reading an event and writing its answer. At most requests all three are empty, and many apps
answer without waiting for anything. Then a turn only runs the first step of the request's task. So that step
is run directly, and the turn is skipped.

Rules
1. The task, its context and the running loop are the same, whether it starts directly or in a turn; if it
   waits, the loop continues it. So current_task, timeouts, cancel scopes, context variables and threads work
   as usual. A loop may do that: `call_soon` is its own method, and for the rest see
   https://docs.python.org/3/library/asyncio-extending.html.
2. Callbacks from before a request run before it, as they would in a turn.
3. If a request ended at once and the loop got no calls meanwhile, it left no task behind: a task starts with
   `call_soon`, and an eager task first checks whether the loop is running.
4. A request does not wait for callbacks and timers that it leaves behind. They run in the next turn: at the
   latest before the next request, if they are due by then.
5. Other loops (uvloop, a policy of the app's own, asyncio's debug mode) always take turns.
"""

from __future__ import annotations

import asyncio
import logging
import math
import selectors
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context
    from typing import TypeVarTuple

    Arguments = TypeVarTuple("Arguments")
    Work = Callable[..., Awaitable[None]]
    Asked = tuple[Callable[..., object], tuple[Any, ...], Any]
    """A callback, its arguments and its context."""

NAME = "request"
"""The name of a request's task."""

TIME_TO_ANSWER = 0.5
"""Seconds of the invocation's time that are reserved for writing the payload and passing it to Lambda."""

PATIENCE = 2.0
"""Seconds for cancelled tasks to end; after SIGTERM, Lambda gives no more."""


def make() -> asyncio.AbstractEventLoop:
    """Return a new loop of the app's policy; our Loop if that is asyncio's default."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or loop.get_debug():
        return loop
    loop.close()
    return Loop()


def take_turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run the callbacks that are waiting. If a request ended the process, a `stop` may be among them."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel all tasks, let them clean up, and close the loop: like `asyncio.run`, but in bounded time."""
    try:
        take_turn(loop)
        loop.run_until_complete(_cancel_others())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=PATIENCE)


def wait_for_others(
    loop: asyncio.AbstractEventLoop, known: set[asyncio.Task[Any]], context: object
) -> set[asyncio.Task[Any]]:
    """Wait for all tasks but the known ones, within the time left. Return those that are there afterwards."""
    left_behind = asyncio.all_tasks(loop) - known
    if not left_behind:
        return known
    loop.run_until_complete(_wait(left_behind, context))
    return asyncio.all_tasks(loop)


async def _wait(tasks: set[asyncio.Task[Any]], context: Any) -> None:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = max(0.0, remaining() / 1000 - TIME_TO_ANSWER) if remaining else None
    _, unfinished = await asyncio.wait(tasks, timeout=seconds)
    if unfinished:
        from lambdify.adapter.errors import report

        names = ", ".join(sorted(task.get_name() for task in unfinished))
        late = TimeoutError(f"still running: {names}")
        what = "background tasks go on in the next invocation, if there is one"
        report(what, late, context, level=logging.WARNING)


class Goal:
    """What is waited for besides the end of a task. An exchange of `asgi` is one."""

    complete = False
    """Whether it is reached."""
    on_complete: Callable[[], None] | None = None
    """Has to be called then, if it is set."""


def perform(
    loop: asyncio.AbstractEventLoop, work: Work, *arguments: object, until: Goal | None = None
) -> tuple[asyncio.Task[None], bool]:
    """Run the work in a task. Return the task, and whether others may be left.

    The task has ended or failed, unless `until` is reached before.
    """
    if isinstance(loop, Loop):
        return loop.perform(work, arguments, until)
    stopped = False

    def stop(_: object = None) -> None:
        nonlocal stopped
        if not stopped:  # uvloop would keep a second one for whoever runs it next
            stopped = True
            loop.stop()

    task = loop.create_task(_do(work, arguments), name=NAME)
    task.add_done_callback(stop)
    if until is not None:
        until.on_complete = stop
    loop.run_forever()  # run_until_complete would raise the errors of the work
    return task, True


async def _do(work: Work, arguments: tuple[object, ...]) -> None:
    await work(*arguments)


class Agenda(selectors.DefaultSelector):
    """A selector that also knows whether callbacks and timers of its loop may be waiting.

    A loop calls `select` once in each turn, and then runs the callbacks of before.
    """

    asked = False
    """Whether a callback was added since the last `select`."""
    last_timer = -math.inf
    """The time at which the last timer is due."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the sockets that are ready."""
        self.asked = False
        if self.last_timer <= time.monotonic():
            self.last_timer = -math.inf
        return super().select(timeout)

    def is_empty(self) -> bool:
        """Return whether a turn would do nothing. One socket is the loop's own, by which threads wake it."""
        return not self.asked and self.last_timer < 0 and len(self.get_map()) == 1


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, which knows whether it is idle."""

    _set_aside: list[Asked] | None = None
    """The callbacks added while a request's task is created; among them is its first step."""
    _stepping = False
    """Whether that first step runs now, outside of a turn."""
    _awaited = False
    """Whether the end of the task ends a turn."""

    def __init__(self) -> None:
        self._agenda = Agenda()
        super().__init__(self._agenda)
        self._no_handle = asyncio.Handle(self.stop, (), self)
        self._hooks_outside = sys.get_asyncgen_hooks()
        self._hooks_inside = self.run_until_complete(_find_hooks())

    def perform(
        self, work: Work, arguments: tuple[object, ...], until: Goal | None = None
    ) -> tuple[asyncio.Task[None], bool]:
        """Do the same as the function of this name."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("a request cannot be answered inside of a running event loop")
        if not self._agenda.is_empty():
            self.call_soon(self.stop)
            self.run_forever()
        task = self._begin(work, arguments)
        if task.done():
            return task, self._agenda.asked or self.get_task_factory() is not None
        if until is not None:
            if until.complete:
                return task, True
            until.on_complete = self.stop
        self._awaited = True
        try:
            self.run_forever()
        finally:
            self._awaited = False
        return task, True

    def _begin(self, work: Work, arguments: tuple[object, ...]) -> asyncio.Task[None]:
        """Return a new task that has run its first step."""
        asked: list[Asked] = []
        self._set_aside = asked
        try:
            task = self.create_task(self._do(work, arguments), name=NAME)
        finally:
            self._set_aside = None
        for callback, its_arguments, context in asked:
            if getattr(callback, "__self__", None) is task:
                self._step(callback, context)
            else:  # added by a task factory, or by the garbage collector
                self.call_soon(callback, *its_arguments, context=context)
        return task

    def _step(self, step: Callable[[], object], context: Context) -> None:
        self._stepping = True
        try:
            asyncio._set_running_loop(self)
            sys.set_asyncgen_hooks(*self._hooks_inside)
            context.run(step)
        finally:
            sys.set_asyncgen_hooks(*self._hooks_outside)
            asyncio._set_running_loop(None)
            self._stepping = False

    async def _do(self, work: Work, arguments: tuple[object, ...]) -> None:
        try:
            await work(*arguments)
        finally:
            if self._awaited:
                self.stop()  # ends this turn; a callback of the task would take one more

    # ---------------------------------------------------- asyncio's methods, which note that there is work

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as asyncio does; the first step of a request's task is set aside."""
        if self._set_aside is not None:
            self._set_aside.append((callback, args, context))
            return self._no_handle
        self._agenda.asked = True
        return super().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's."""
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._agenda.asked = True  # set afterwards, since a turn may start meanwhile
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        self._agenda.last_timer = max(self._agenda.last_timer, when)
        return super().call_at(when, callback, *args, context=context)

    def add_signal_handler(
        self,
        sig: int,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
    ) -> None:
        """As asyncio's."""
        super().add_signal_handler(sig, callback, *args)
        self._agenda.last_timer = math.inf  # a signal comes at any time, and is handled in a turn

    def is_running(self) -> bool:
        """Return what asyncio does; also True while a request runs its first step."""
        if self._stepping:
            self._agenda.asked = True
            return True
        return super().is_running()

    def run_forever(self) -> None:
        """As asyncio's."""
        try:
            super().run_forever()
        except BaseException:
            self._agenda.asked = True  # the turn is not complete
            raise


async def _find_hooks() -> Any:
    """Return asyncio's hooks for asynchronous generators while a loop runs."""
    return sys.get_asyncgen_hooks()
