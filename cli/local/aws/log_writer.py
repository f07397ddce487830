"""Writes log events to CloudWatch Logs in ministack, in batches, so that no request waits for them."""

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import LambdifyError
from lambdify.cli.local.functions.output import Event

WRITE_INTERVAL = 0.25
"""Seconds between two batches."""
_BATCH = 1000
"""Events of one call. AWS accepts ten times as many, but at most a megabyte:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""
_log = logging.getLogger(__name__)


class Stream(NamedTuple):
    """A log stream."""

    region: str
    group: str
    name: str


class LogWriter:
    """A thread that writes the events given to `put`."""

    def __init__(self, connect: Callable[[str], Account]) -> None:
        self._connect = connect
        self._events: queue.SimpleQueue[tuple[Stream, Event]] = queue.SimpleQueue()
        self._created: set[Stream] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def put(self, stream: Stream, event: Event) -> None:
        """Queue an event; return at once."""
        self._events.put((stream, event))

    def close(self) -> None:
        """Write the remaining events, then end the thread."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not (self._closing.wait(self._find_interval()) and self._events.empty()):
            batch = defaultdict(list)
            for _ in range(min(_BATCH, self._events.qsize())):
                stream, event = self._events.get()
                batch[stream].append(event)
            for stream, events in batch.items():
                try:
                    self._write(stream, events)
                except LambdifyError as error:
                    _log.warning("%d log events lost: %s", len(events), error.message)

    def _find_interval(self) -> float:
        return WRITE_INTERVAL if self._events.qsize() < _BATCH else 0

    @translated(during="writing logs")
    def _write(self, stream: Stream, events: list[Event]) -> None:
        logs = self._connect(stream.region).client("logs")
        names = {"logGroupName": stream.group, "logStreamName": stream.name}
        if stream not in self._created:
            # A missing group means that the stack is being removed with its log. We do not create it again.
            attempt(logs.create_log_stream, none_if="^Resource(AlreadyExists|NotFound)Exception", **names)
            self._created.add(stream)
        attempt(
            logs.put_log_events,
            none_if="^ResourceNotFoundException",
            logEvents=[
                {"timestamp": event.timestamp, "message": event.message or " "}
                for event in sorted(events, key=lambda event: event.timestamp)
            ],
            **names,
        )
