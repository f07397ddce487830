"""The loop that an ASGI app runs on: asyncio's own, which begins a request without a turn if it is idle.

A turn of asyncio's loop is a look at its timers, a system call for its sockets, and its queue: more work than
reading an event and writing its answer. Most requests meet a loop that has none of the three, and many apps
answer without waiting for anything. Then a turn comes to one thing, the first step of the request's task;
so that is taken at once, and the turn is left out.

Rules
1. It is the same task, in the same context, on the running loop, whether it begins at once or in a turn; and
   if it waits, the loop goes on with it. So current_task, timeouts, cancel scopes, context variables and
   threads work as ever. A loop may do that: `call_soon` is its own, and for the rest, see
   https://docs.python.org/3/library/asyncio-extending.html.
2. What was asked of the loop before a request comes before it, as it would in a turn.
3. If nothing was asked of the loop while a request ended at once, it left no task behind. For a task begins
   by `call_soon`, and an eager one asks first whether the loop is running.
4. Nobody waits for callbacks and timers that a request leaves behind. They come in the next turn: at the
   latest before the next request, if they are due by then.
5. A loop of another kind (uvloop, a policy of the app's own, asyncio's debug mode) takes its turns.
"""

from __future__ import annotations

import asyncio
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
"""What its task is called."""

PATIENCE = 2.0
"""Seconds in which a task may end that is no longer wanted: after SIGTERM, Lambda gives no more."""


def make() -> asyncio.AbstractEventLoop:
    """A loop of the kind that the app's policy makes; ours, where that is asyncio's own."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or loop.get_debug():
        return loop
    loop.close()
    return Loop()


def take_turn(loop: asyncio.AbstractEventLoop) -> None:
    """Do what was asked of the loop before: where a request ended the process, a stop may be left."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what runs on the loop, let it clean up, and close it: as `asyncio.run`, but in bounded time."""
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


def perform(
    loop: asyncio.AbstractEventLoop, work: Work, *arguments: object
) -> tuple[asyncio.Task[None], bool]:
    """The task that did the work and has ended, whatever came of it; whether others may be left behind."""
    if isinstance(loop, Loop):
        return loop.perform(work, arguments)
    task = loop.create_task(_do(work, arguments), name=NAME)
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()  # and not run_until_complete, which would raise what the work raised
    return task, True


async def _do(work: Work, arguments: tuple[object, ...]) -> None:
    await work(*arguments)


class Agenda(selectors.DefaultSelector):
    """What there is to do for a loop: its sockets, and whether callbacks and timers may be waiting.

    A loop selects once in each turn, and then does what was asked of it before.
    """

    asked = False
    """Whether a callback was asked for since."""
    last_timer = -math.inf
    """When the last timer is due."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The sockets that are ready."""
        self.asked = False
        if self.last_timer <= time.monotonic():
            self.last_timer = -math.inf
        return super().select(timeout)

    def is_empty(self) -> bool:
        """Whether a turn would find nothing to do. One socket is the loop's own, by which threads wake it."""
        return not self.asked and self.last_timer < 0 and len(self.get_map()) == 1


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, which knows whether it is idle."""

    _set_aside: list[Asked] | None = None
    """While a request's task is made, the callbacks asked for: its first step."""
    _stepping = False
    """Whether that is being taken, outside of a turn."""

    def __init__(self) -> None:
        self._agenda = Agenda()
        super().__init__(self._agenda)
        self._no_handle = asyncio.Handle(self.stop, (), self)
        self._hooks_outside = sys.get_asyncgen_hooks()
        self._hooks_inside = self.run_until_complete(_find_hooks())

    def perform(self, work: Work, arguments: tuple[object, ...]) -> tuple[asyncio.Task[None], bool]:
        """As the function of this name."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("a request cannot be answered inside of a running event loop")
        if not self._agenda.is_empty():
            self.call_soon(self.stop)
            self.run_forever()
        task = self._begin(work, arguments)
        if task.done():
            return task, self._agenda.asked or self.get_task_factory() is not None
        self.run_forever()
        return task, True

    def _begin(self, work: Work, arguments: tuple[object, ...]) -> asyncio.Task[None]:
        """A task that has taken its first step."""
        asked: list[Asked] = []
        self._set_aside = asked
        try:
            task = self.create_task(self._do(work, arguments), name=NAME)
        finally:
            self._set_aside = None
        for callback, its_arguments, context in asked:
            if getattr(callback, "__self__", None) is task:
                self._step(callback, context)
            else:  # asked by a task factory, or by garbage that was collected just then
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
            if not self._stepping:
                self.stop()  # in this turn: a task's callback would take one more

    # ------------------------------------------------------------ asyncio's methods, which note what is asked

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's; the first step of a request's task is set aside."""
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
        self._agenda.asked = True  # said afterwards, since a turn may begin meanwhile
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
        """As asyncio's, and while a request takes its first step."""
        if self._stepping:
            self._agenda.asked = True
            return True
        return super().is_running()

    def run_forever(self) -> None:
        """As asyncio's."""
        try:
            super().run_forever()
        except BaseException:
            self._agenda.asked = True  # a turn was broken off
            raise


async def _find_hooks() -> Any:
    """What asyncio does with asynchronous generators while a loop runs."""
    return sys.get_asyncgen_hooks()
