"""Sends what OpenTelemetry and Sentry still hold before Lambda freezes the process.

Their exporters send from threads of their own, some seconds later. Lambda freezes all threads when an
invocation is answered, so they send when the next one comes; in an environment that gets none, never. So they
are asked to send at once: before the answer of a buffered invocation, after the last byte of a streamed one.

Rules
1. Only what the app has imported is looked at, in `sys.modules`. This module is imported only where the app
   has imported one of them.
2. It takes 2 seconds at most, less where the invocation has less left. Each kind is sent by a thread, since
   exporters do not keep to the time that they are given.
3. What failed rests for a minute, alone: a collector that is down delays one request a minute, and no event
   of Sentry's.
4. Metrics are sums, and are sent once a minute.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from lambdify.adapter.errors import attempt, report

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 2.0
"""Seconds that all of it may take."""
RESERVE = 0.25
"""Seconds that are left to Lambda for the answer."""
REST = 60.0
"""Seconds without an attempt after one that failed."""


class Sink:
    """One kind of telemetry, and the thread that sends it."""

    def __init__(
        self, name: str, module: str, find: Callable[[Any], Callable[[float], Any] | None], every: float = 0.0
    ) -> None:
        """`find` returns what sends, given seconds, for the loaded module; `every` is in seconds."""
        self.name = name
        self._module, self._find, self._every = module, find, every
        self._not_before = float("-inf")
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._refused = False
        """Whether the exporter says that it has not sent everything."""

    def begin(self, seconds: float, now: float) -> bool:
        """Begin to send, unless nothing of this kind is loaded, or it rests. Return whether it has begun."""
        loaded = sys.modules.get(self._module)
        if loaded is None or now < self._not_before:
            return False
        if self._thread is not None and self._thread.is_alive():
            self._not_before = now + REST
            return False
        send, self._error = attempt(self._find, loaded)
        if send is None and self._error is None:
            return False  # OpenTelemetry's stand-ins for a provider hold nothing
        self._not_before = now + self._every
        self._refused = False
        self._thread = threading.Thread(target=self._run, args=(send, seconds), daemon=True)
        _, no_thread = attempt(self._thread.start)  # there may be no room for one
        self._error = self._error or no_thread
        return True

    def end(self, seconds: float, context: object) -> bool:
        """Wait so many seconds until it is sent. Return whether it was; else the log is told."""
        assert self._thread
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            logging.getLogger("lambdify.adapter").warning(
                "%s could not be sent in time; the next attempt is in a minute", self.name
            )
        elif self._error is not None:
            report(f"{self.name} could not be sent", self._error, context, level=logging.WARNING)
        elif not self._refused:
            return True
        return False

    def rest(self, now: float) -> None:
        """Send nothing for a minute."""
        self._not_before = now + REST

    def _run(self, send: Callable[[float], Any] | None, seconds: float) -> None:
        if send is not None:
            done, self._error = attempt(send, seconds)
            self._refused = done is False


def flush(context: object, clock: Callable[[], float] = time.monotonic) -> None:
    """Have all sent that the app's telemetry holds. Raises nothing."""
    begun = clock()
    seconds = min(PATIENCE, _remaining(context) - RESERVE)
    if seconds <= 0:
        return
    sending = [sink for sink in SINKS if sink.begin(seconds, begun)]
    for sink in sending:
        if not sink.end(begun + seconds - clock(), context):
            sink.rest(clock())


def _remaining(context: object) -> float:
    """Return the seconds that the invocation has left; many if that is not known."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return float("inf") if ask is None else ask() / 1000


def _provider(get: str) -> Callable[[Any], Callable[[float], Any] | None]:
    """Return the `find` of one of OpenTelemetry's three: what sends is the app's provider, if it has one."""

    def find(module: Any) -> Callable[[float], Any] | None:
        force = getattr(getattr(module, get)(), "force_flush", None)
        return force and (lambda seconds: force(int(seconds * 1000)))

    return find


def _sentry(module: Any) -> Callable[[float], Any]:
    # Sentry does not tell whether it sent everything. With more time than we have it is seen to wait.
    return lambda seconds: module.flush(timeout=seconds + PATIENCE)


SINKS = (
    Sink("Sentry's events", "sentry_sdk", _sentry),
    Sink("OpenTelemetry's traces", "opentelemetry.trace", _provider("get_tracer_provider")),
    Sink("OpenTelemetry's logs", "opentelemetry._logs", _provider("get_logger_provider")),
    Sink("OpenTelemetry's metrics", "opentelemetry.metrics", _provider("get_meter_provider"), every=60.0),
)
