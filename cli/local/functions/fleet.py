"""The sandboxes of all functions: as many as there are events at once, and no more than the limit.

Rules, as on Lambda:
- A sandbox has one event at a time. One that is free takes the next event, the one used last first.
- When none is free another one starts, up to the limit; then the event is refused (throttled), not queued.
- A sandbox belongs to one version with one configuration. Two of a function may be called in turns: traffic
  is shared between them, or the next one is tried. When a third is called, the sandboxes of the one that was
  called the longest time ago end, after what they are doing.
- One that nobody needed for a while ends.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox, SandboxGone
from lambdify.cli.local.response_stream import ResponseStream

LIMIT = 10
"""Sandboxes of one function: as many as a new AWS account may have at once."""
VERSIONS = 2
"""Versions of a function that have sandboxes at once."""
PATIENCE = 300.0
"""Seconds that a sandbox is kept for the next event."""


class Throttled(Exception):
    """Every sandbox that the function may have is busy."""


class Place(NamedTuple):
    """A function, whichever version."""

    region: str
    name: str


class _Free(NamedTuple):
    function: Function
    sandbox: Sandbox
    since: float


class Fleet:
    """All sandboxes. `start` makes one, and takes as long as it takes."""

    def __init__(
        self,
        start: Callable[[Function], Sandbox],
        *,
        limit: int = LIMIT,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._limit, self._patience, self._clock = start, limit, patience, clock
        self._lock = threading.Lock()
        self._free: list[_Free] = []
        """The one that was used last is at the end."""
        self._busy: Counter[Function] = Counter()
        self._current: dict[Place, tuple[Function, ...]] = {}
        """What was called last at each place, and before that."""
        self._ending: set[threading.Thread] = set()

    def invoke(
        self,
        function: Function,
        *,
        request_id: str,
        event: bytes,
        arn: str,
        stream: ResponseStream | None = None,
    ) -> Outcome:
        """Run the event in a sandbox of the function; `stream` gets a streamed response. Raises Throttled."""
        self._take_over(function)
        while True:
            sandbox = self._acquire(function)
            usable = False
            try:
                outcome = sandbox.invoke(request_id, event, arn, stream)
                usable = outcome.usable
            except SandboxGone:
                continue  # it died while it was free; the event was not handed over
            finally:
                self._release(function, sandbox, usable=usable)
            return outcome

    def count(self, place: Place) -> int:
        """How many sandboxes the function has, of all its versions."""
        with self._lock:
            functions = [*self._busy.elements(), *(free.function for free in self._free)]
        return sum(_place(function) == place for function in functions)

    def sweep(self) -> None:
        """End the sandboxes that nobody has needed for a while."""
        oldest = self._clock() - self._patience
        self._end(lambda free: free.since < oldest)

    def forget(self, place: Place) -> None:
        """End the sandboxes of a function that was removed; busy ones end after what they are doing."""
        with self._lock:
            self._current.pop(place, None)
        self._end(lambda free: _place(free.function) == place)

    def close(self) -> None:
        """End every free sandbox, and wait for them. Busy ones go with the daemon (watchdog.py)."""
        with self._lock:
            self._current.clear()
        self._end(lambda _: True)
        for thread in tuple(self._ending):
            thread.join()

    def _take_over(self, function: Function) -> None:
        place = _place(function)
        with self._lock:
            known = self._current.get(place, ())
            others = [each for each in known if each != function]
            self._current[place] = current = (function, *others[: VERSIONS - 1])
        if len(others) >= VERSIONS:
            self._end(lambda free: _place(free.function) == place and free.function not in current)

    def _acquire(self, function: Function) -> Sandbox:
        with self._lock:
            fitting = [free for free in self._free if free.function == function]
            if not fitting and self._busy[function] >= self._limit:
                raise Throttled
            self._busy[function] += 1
            if fitting:
                self._free.remove(fitting[-1])
                return fitting[-1].sandbox
        try:
            return self._start(function)
        except BaseException:
            with self._lock:
                self._busy[function] -= 1
            raise

    def _release(self, function: Function, sandbox: Sandbox, *, usable: bool) -> None:
        with self._lock:
            self._busy[function] -= 1
            kept = usable and function in self._current.get(_place(function), ())
            if kept:
                self._free.append(_Free(function, sandbox, self._clock()))
        if not kept:
            self._close([sandbox])

    def _end(self, which: Callable[[_Free], bool]) -> None:
        with self._lock:
            ended = [free for free in self._free if which(free)]
            self._free = [free for free in self._free if free not in ended]
        self._close(free.sandbox for free in ended)

    def _close(self, sandboxes: Iterable[Sandbox]) -> None:
        """Close them in the background: nobody should wait for a process to end."""

        def close(sandbox: Sandbox) -> None:
            sandbox.close()
            self._ending.discard(threading.current_thread())

        for sandbox in sandboxes:
            thread = threading.Thread(target=close, args=(sandbox,), name="sandbox end", daemon=True)
            self._ending.add(thread)
            thread.start()


def _place(function: Function) -> Place:
    return Place(function.region, function.name)
