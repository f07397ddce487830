"""lambdify logs --function: of the stage's one log, the lines of a function.

A Lambda of its own writes to streams that have its name. A function in the app's Lambda shares its streams
with the app: an environment may have a request now, and an event of the function then. There the adapter
writes a line about the function, and all lines with that request's id are the function's.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
"""

import json
from collections.abc import Iterable, Iterator

from lambdify.cli.calls.log_lines import LogEntry
from lambdify.cli.stacks.aliases import Alias
from lambdify.cli.stage import Stage

_Key = tuple[str, str]
"""A stream, and the id of a request in it."""
LATE = 100
"""Requests that have ended since, after which nothing of a request comes any more."""


def is_apart(alias: Alias, stage: Stage) -> bool:
    """Whether the function has a Lambda of its own, and so streams of its own."""
    return alias.function != stage.name


def select(entries: Iterable[LogEntry], alias: Alias, stage: Stage, *, text: str = "") -> Iterator[LogEntry]:
    """Yield the entries of the function, each request's in their order; those that hold `text`, if given."""
    chosen = _by_stream(entries, alias) if is_apart(alias, stage) else _by_request(entries, alias)
    return (each for each in chosen if text in each.message or text in _fields(each))


def _by_stream(entries: Iterable[LogEntry], alias: Alias) -> Iterator[LogEntry]:
    return (each for each in entries if f"/{alias.function}[" in each.stream)


def _by_request(entries: Iterable[LogEntry], alias: Alias) -> Iterator[LogEntry]:
    """Yield the entries of requests in which the adapter has written its line about the function."""
    held = Held(alias.name)
    return (each for entry in entries for each in held.take(entry))


class Held:
    """What was written in requests of which it is not known yet whose they are.

    The adapter's line is printed, and what is logged goes another way: either may come first, even after the
    request's end.
    """

    def __init__(self, name: str) -> None:
        """`name` is the function's."""
        self._name = name
        self._waiting: dict[_Key, list[LogEntry]] = {}
        self._ended: dict[_Key, None] = {}
        """Requests that have ended, oldest first: in a dict, since that keeps its order."""
        self._ours: set[_Key] = set()

    def __len__(self) -> int:
        """Return how many requests are held."""
        return len(self._waiting.keys() | self._ended.keys() | self._ours)

    def take(self, entry: LogEntry) -> list[LogEntry]:
        """Return the entries of the function that are known to be so by this one, in their order."""
        key = (entry.stream, entry.request)
        if entry.kind == "function" and entry.fields.get("name") == self._name:
            self._ours.add(key)
            return self._waiting.pop(key, [])
        if entry.kind == "report":
            self._ended[key] = None
        found = [entry] if key in self._ours else []
        if not found and entry.kind == "start":
            self._waiting[key] = [entry]
        elif not found and key in self._waiting:
            self._waiting[key].append(entry)
        while len(self._ended) > LATE:
            self._forget(next(iter(self._ended)))
        return found

    def _forget(self, key: _Key) -> None:
        del self._ended[key]
        self._waiting.pop(key, None)
        self._ours.discard(key)


def _fields(entry: LogEntry) -> str:
    return json.dumps(dict(entry.fields), ensure_ascii=False, default=str)
