"""The sandboxes of all functions: as many as simultaneous events need.

Rules:
- A sandbox has one event at a time. The free sandbox that was used last takes the next event.
- If none is free, the event waits, as long as its caller does. Lambda would start another sandbox at once.
  Here a start takes the processor from running sandboxes, which are mostly free before it is done. So an
  event that waits for some milliseconds starts another sandbox, while there are fewer than processors. An
  event that waits longer starts more, up to a limit: the busy sandboxes are then waiting for something
  themselves.
- The reserved concurrency of a function is Lambda's own limit, and throttles as on Lambda:
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
- A sandbox belongs to one version with one configuration. Two versions of a function may be called in turns,
  while traffic is shifted or the next one is tried. When a third is called, the sandboxes of the version that
  was called least recently end, busy ones after their event.
- A sandbox that was not needed for a while ends.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import NamedTuple

from lambdify.cli.errors import LambdifyError, LocalCloudFailed
from lambdify.cli.local.functions.call import Run
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Sandbox, SandboxGone
from lambdify.cli.local.response_stream import ResponseStream

_log = logging.getLogger(__name__)
PROCESSORS = os.cpu_count() or 1
LIMIT = max(16, 8 * PROCESSORS)
"""Sandboxes of one version. An AWS account may have 1,000 at once, for which this machine has no memory."""
SHORT_WAIT, LONG_WAIT = 0.005, 0.05
"""Seconds that an event waits before another sandbox starts: with fewer ones than processors, and else."""
ANSWERED_WAIT = 0.2
"""Seconds that an event waits for a sandbox that has answered. On a busy machine the process needs some of
them to ask for its next event, and a client that asks one thing after the other would meet a second sandbox,
with files and memory of its own. A start takes longer anyway."""
VERSIONS = 2
"""Versions of a function that have sandboxes at once."""
PATIENCE = 300.0
"""Seconds that a sandbox is kept for the next event."""


class Throttled(Exception):
    """The function has reached its reserved concurrency."""


class FunctionKey(NamedTuple):
    """A function, with all its versions."""

    region: str
    name: str


class _Free(NamedTuple):
    sandbox: Sandbox
    since: float


class _Waiting(NamedTuple):
    """An event without a sandbox."""

    result: "SimpleQueue[Sandbox | Exception]"
    """Gets the sandbox, or the reason why there is none."""
    since: float
    """The time of `time.monotonic`, in seconds."""


@dataclass(eq=False)
class _Pool:
    """The sandboxes of one version, and the events that wait for one."""

    function: Function
    free: list[_Free] = field(default_factory=list)
    """The sandbox that was used last is at the end."""
    busy: int = 0
    answered: int = 0
    """The busy sandboxes that have answered, and will be free in a moment."""
    starting: int = 0
    waiting: deque[_Waiting] = field(default_factory=deque)
    current: bool = True
    """Whether the version is one of those that are called now."""

    @property
    def size(self) -> int:
        return len(self.free) + self.busy + self.starting


class Fleet:
    """All sandboxes. `start` starts one; it may take long, and runs in a thread of its own."""

    def __init__(
        self,
        start: Callable[[Function], Sandbox],
        *,
        limit: int = LIMIT,
        patience: float = PATIENCE,
        answered_wait: float = ANSWERED_WAIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._limit, self._patience, self._clock = start, limit, patience, clock
        self._answered_wait = answered_wait
        self._waits = (SHORT_WAIT, LONG_WAIT, answered_wait)
        self._lock = threading.Lock()
        self._pools: dict[FunctionKey, list[_Pool]] = {}
        """The pools of each function, the one called last first, and at the end those that are retired."""
        self._ending: set[threading.Thread] = set()

    def begin(
        self,
        function: Function,
        *,
        request_id: str,
        event: bytes,
        arn: str,
        stream: ResponseStream | None = None,
        patience: float,
    ) -> "Run":
        """Pass the event to a sandbox of the function, and return the run.

        Raises Throttled, TimeoutError if none is free within `patience` seconds, and the errors of `start`.
        """
        give_up = time.monotonic() + patience
        while True:
            pool, sandbox = self._acquire(function, give_up)
            try:
                sandbox.begin(request_id, event, arn, stream)
            except SandboxGone:  # it died while it was free, and has not got the event
                self._release(pool, sandbox, usable=False)
                continue
            except BaseException:
                self._release(pool, sandbox, usable=False)
                raise
            return Run(
                function, sandbox, partial(self._count_answered, pool), partial(self._release, pool, sandbox)
            )

    def warm(self, function: Function, *, patience: float) -> Sandbox:
        """Return a sandbox of the function, which is free for its next event, before there is one.

        Raises what `begin` raises.
        """
        pool, sandbox = self._acquire(function, time.monotonic() + patience)
        self._release(pool, sandbox, usable=True)
        return sandbox

    def count(self, key: FunctionKey) -> int:
        """Return the number of sandboxes of all versions of the function."""
        with self._lock:
            return sum(pool.size for pool in self._pools.get(key, ()))

    def sweep(self) -> None:
        """End the sandboxes that were free for `patience` seconds."""
        oldest = self._clock() - self._patience
        with self._lock:
            pools = [pool for pools in self._pools.values() for pool in pools]
            ended = [free for pool in pools for free in pool.free if free.since < oldest]
            for pool in pools:
                pool.free = [free for free in pool.free if free.since >= oldest]
        self._close(free.sandbox for free in ended)

    def forget(self, key: FunctionKey) -> None:
        """End the sandboxes of a function that was removed; busy ones end after their event."""
        with self._lock:
            pools = self._pools.get(key, [])
            ended = [free for pool in pools for free in self._retire(pool)]
            pools[:] = [pool for pool in pools if pool.size or pool.waiting]
        self._close(free.sandbox for free in ended)

    def close(self) -> None:
        """End all free sandboxes, and wait for them. Busy ones end with the daemon (watchdog.py)."""
        for key in tuple(self._pools):
            self.forget(key)
        for thread in tuple(self._ending):
            thread.join()

    def _acquire(self, function: Function, give_up: float) -> tuple[_Pool, Sandbox]:
        with self._lock:
            pool, ended = self._find(function)
            if _is_throttled(function, self._pools[_key(function)]):
                raise Throttled
            # If the only busy sandbox has just answered, the event waits for it: a client that sends its
            # next request at once gets the same sandbox.
            if pool.free and not _is_free_soon(pool):
                pool.busy += 1
                sandbox, waiting = pool.free.pop().sandbox, None
            else:
                waiting = _Waiting(SimpleQueue(), time.monotonic())
                pool.waiting.append(waiting)
                self._assign_or_start(pool)
        if ended:
            self._close(free.sandbox for free in ended)
        return pool, self._await(pool, waiting, give_up) if waiting else sandbox

    def _await(self, pool: _Pool, waiting: _Waiting, give_up: float) -> Sandbox:
        for until in (*(min(waiting.since + wait, give_up) for wait in self._waits), give_up):
            try:
                result = waiting.result.get(timeout=max(0.0, until - time.monotonic()))
                break
            except Empty:
                with self._lock:
                    self._assign_or_start(pool)
        else:
            with self._lock:
                if waiting in pool.waiting:
                    pool.waiting.remove(waiting)
                    raise TimeoutError("no execution environment was free in time")
            result = waiting.result.get()  # it came at the last moment
        if isinstance(result, Exception):
            raise result
        return result

    def _find(self, function: Function) -> tuple[_Pool, list[_Free]]:
        """Return the function's pool, now the one called last, and the sandboxes that have to end for it."""
        pools = self._pools.setdefault(_key(function), [])
        if pools and pools[0].function is function:
            return pools[0], []
        pool = next((each for each in pools if each.function == function), None) or _Pool(function)
        pool.function, pool.current = function, True
        others = [each for each in pools if each is not pool and (each.size or each.waiting)]
        current = [each for each in others if each.current][: VERSIONS - 1]
        self._pools[_key(function)] = [pool, *others]
        return pool, [free for each in others if each not in current for free in self._retire(each)]

    def _retire(self, pool: _Pool) -> list[_Free]:
        """Let the pool end after its running events. Return its free sandboxes, which the caller closes."""
        pool.current = False
        ended, pool.free = pool.free, []
        return ended

    def _assign_or_start(self, pool: _Pool) -> None:
        """Give free sandboxes to waiting events, and start further ones if they are needed."""
        while (
            pool.waiting
            and pool.free
            and _is_late(pool, self._answered_wait if _is_free_soon(pool) else SHORT_WAIT)
        ):
            pool.busy += 1
            pool.waiting.popleft().result.put(pool.free.pop().sandbox)
        while (
            len(pool.waiting) > pool.starting + (0 if _is_late(pool, self._answered_wait) else pool.answered)
            and pool.starting < PROCESSORS
            and pool.size < self._limit
            and _is_late(pool, _find_wait(pool))
        ):
            pool.starting += 1
            threading.Thread(target=self._start_one, args=(pool,), name="sandbox start", daemon=True).start()

    def _start_one(self, pool: _Pool) -> None:
        """Start a sandbox. The event that has waited longest gets it, or the reason why there is none."""
        sandbox = None
        why: Exception = LocalCloudFailed(f"{pool.function.name} could not be started.")
        try:
            starting = self._start(pool.function)
            starting.await_ready()
            sandbox = starting
        except (LambdifyError, OSError) as error:
            why = error
        finally:
            self._finish_start(pool, sandbox, why)

    def _finish_start(self, pool: _Pool, sandbox: Sandbox | None, why: Exception) -> None:
        with self._lock:
            pool.starting -= 1
            if sandbox:
                pool.busy += 1
            else:
                if pool.waiting:  # else the events have other sandboxes by now
                    pool.waiting.popleft().result.put(why)
                self._assign_or_start(pool)
        if sandbox:
            self._release(pool, sandbox, usable=True)
        else:
            _log.info("%s does not start: %s", pool.function.name, why)

    def _count_answered(self, pool: _Pool) -> None:
        """Note that one of the pool's sandboxes has answered, and will be free in a moment."""
        with self._lock:
            pool.answered += 1

    def _release(self, pool: _Pool, sandbox: Sandbox, *, usable: bool, answered: bool = False) -> None:
        with self._lock:
            pool.answered -= answered
            if usable and pool.waiting:
                pool.waiting.popleft().result.put(sandbox)
                self._assign_or_start(pool)
                return
            pool.busy -= 1
            kept = usable and pool.current
            if kept:
                pool.free.append(_Free(sandbox, self._clock()))
            self._assign_or_start(pool)
        if not kept:
            self._close([sandbox])

    def _close(self, sandboxes: Iterable[Sandbox]) -> None:
        """Close the sandboxes in the background, since the end of a process takes time."""

        def close(sandbox: Sandbox) -> None:
            sandbox.close()
            self._ending.discard(threading.current_thread())

        for sandbox in sandboxes:
            thread = threading.Thread(target=close, args=(sandbox,), name="sandbox end", daemon=True)
            self._ending.add(thread)
            thread.start()


def _is_free_soon(pool: _Pool) -> bool:
    """Return whether sandboxes are busy, and all of them have answered."""
    return 0 < pool.busy == pool.answered


def _is_late(pool: _Pool, wait: float) -> bool:
    """Return whether an event has waited for `wait` seconds."""
    return bool(pool.waiting) and time.monotonic() - pool.waiting[0].since >= wait


def _find_wait(pool: _Pool) -> float:
    """Return the seconds that an event has to wait before another sandbox starts."""
    if pool.size == 0:
        return 0.0
    return SHORT_WAIT if pool.size < PROCESSORS else LONG_WAIT


def _is_throttled(function: Function, pools: list[_Pool]) -> bool:
    """Return whether the running and waiting events use up the reserved concurrency."""
    if function.reserved is None:
        return False
    return sum(pool.busy + len(pool.waiting) for pool in pools) >= function.reserved


def _key(function: Function) -> FunctionKey:
    return FunctionKey(function.region, function.name)
