"""lambdify logs --function: of the stage's one log, the lines of a function.

A Lambda of its own writes to streams that have its name. A function in the app's Lambda shares its streams
with the app: an environment may have a request now, and an event of the function then. There the adapter
writes a line when the function begins, and all lines with that request's id are the function's.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
"""

import json
from collections.abc import Iterable, Iterator

from lambdify.cli.calls.log_lines import LogEntry
from lambdify.cli.stacks.aliases import Alias
from lambdify.cli.stage import Stage


def is_apart(alias: Alias, stage: Stage) -> bool:
    """Whether the function has a Lambda of its own, and so streams of its own."""
    return alias.function != stage.name


def select(entries: Iterable[LogEntry], alias: Alias, stage: Stage, *, text: str = "") -> Iterator[LogEntry]:
    """Yield the entries of the function, in the same order; those that hold `text`, if any is given."""
    chosen = _by_stream(entries, alias) if is_apart(alias, stage) else _by_request(entries, alias)
    return (each for each in chosen if text in each.message or text in _fields(each))


def _by_stream(entries: Iterable[LogEntry], alias: Alias) -> Iterator[LogEntry]:
    return (each for each in entries if f"/{alias.function}[" in each.stream)


def _by_request(entries: Iterable[LogEntry], alias: Alias) -> Iterator[LogEntry]:
    """Yield the entries of requests that began with the adapter's line about the function."""
    held: dict[tuple[str, str], list[LogEntry]] = {}
    """What was written in a request before it was known whose it is: Lambda's own first line."""
    ours: set[tuple[str, str]] = set()
    for entry in entries:
        key = (entry.stream, entry.request)
        if entry.kind == "start":
            held[key] = [entry]
        elif entry.kind == "function" and entry.fields.get("name") == alias.name:
            ours.add(key)
            yield from held.pop(key, [])
        elif key in ours:
            yield entry
        if entry.kind == "report":
            held.pop(key, None)
            ours.discard(key)


def _fields(entry: LogEntry) -> str:
    return json.dumps(dict(entry.fields), ensure_ascii=False, default=str)
