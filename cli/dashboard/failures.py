"""What went wrong, in groups: one for each type of exception and way through the project's code. Pure.

Line numbers and messages are left out of a group's identity, so that it stays the same after an edit nearby
and for each value that is wrong. What has no traceback is grouped by its text, without numbers and quoted
words.
"""

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdify.cli.calls.log_lines import INIT, LogEntry
from lambdify.cli.calls.log_view import ID_LENGTH
from lambdify.cli.dashboard.invocations import BAD, Invocation, function_of
from lambdify.cli.failures import reported, tracebacks
from lambdify.cli.failures.places import Owns
from lambdify.cli.failures.raised import Raised

FRAMES = 3
"""How many of the project's frames, from the failure outwards, make the way through its code."""
MAX_TEXT = 500
"""Characters of a message that are told."""
LOGGED = "logged"
"""What stands for the type where there is no exception."""
TYPES = {"Task timed out": "timed out", "Runtime exited": "process ended"}
"""The same for what Lambda says of a request, by how it begins."""
_HEAD = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?", re.DOTALL)
_VALUES = re.compile(r"\"[^\"]*\"|'[^']*'|\b[0-9a-fA-F-]{8,}\b|\d+")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One group."""

    id: str
    type: str
    message: str
    """Of the last one."""
    where: str
    """The project's line that is nearest to the failure; "" if it went through none."""
    count: int
    first: datetime
    last: datetime
    request: str
    """The id of the last request that met it; "" if it met none, as at the start of the app."""
    routes: tuple[str, ...]
    """Routes and functions that met it, the most frequent first."""
    traceback: tuple[str, ...]
    """Of the last one: the project's frames, with the others counted."""
    command: str
    """What shows the last one in the log."""


@dataclass(frozen=True, kw_only=True)
class _Occurrence:
    entry: LogEntry
    raised: Raised

    @property
    def key(self) -> tuple[str, str]:
        return self.entry.stream, self.entry.request

    @property
    def id(self) -> str:
        way = self.raised.own_frames[-FRAMES:] or self.raised.frames[-1:]
        identity: object = [(frame.path, frame.function) for frame in way]
        if not way:
            identity = _VALUES.sub("?", self.raised.message)
        digest = hashlib.sha256(repr((self.raised.name, identity)).encode()).hexdigest()
        return f"{self.raised.name.replace(' ', '-')}-{digest[:8]}"


def group(
    entries: Iterable[LogEntry],
    invocations: Iterable[Invocation],
    functions: Mapping[str, str],
    owns: Owns,
    logs: str,
) -> tuple[Failure, ...]:
    """Return the groups, the most frequent first; what one request met twice counts once.

    `logs` is the command that shows the stage's log.
    """
    by_request = {each.request: each for each in invocations}
    groups: dict[str, dict[tuple[str, str], _Occurrence]] = {}
    for number, each in enumerate(_find(entries, owns)):
        alone = each.entry.request in ("", INIT)
        key = (each.entry.stream, str(number)) if alone else each.key
        groups.setdefault(each.id, {})[key] = each
    told = (
        _describe(identity, list(found.values()), by_request, functions, logs)
        for identity, found in groups.items()
    )
    return tuple(sorted(told, key=lambda failure: (-failure.count, failure.first)))


def _describe(
    identity: str,
    found: list[_Occurrence],
    by_request: Mapping[str, Invocation],
    functions: Mapping[str, str],
    logs: str,
) -> Failure:
    found = sorted(found, key=lambda each: each.entry.at)
    last = found[-1]
    routes = Counter(_name_route(each.entry, by_request, functions) for each in found)
    raised = last.raised
    frames = bool(raised.frames) or raised.cause is not None
    return Failure(
        id=identity,
        type=raised.type.removeprefix("builtins."),
        message=raised.message[:MAX_TEXT],
        where=raised.own_frame.place if raised.own_frame else "",
        count=len(found),
        first=found[0].entry.at,
        last=last.entry.at,
        request="" if last.entry.request == INIT else last.entry.request,
        routes=tuple(route for route, _ in routes.most_common() if route),
        traceback=tuple(line for each in tracebacks.show(raised) for line in each.splitlines())
        if frames
        else (),
        command=_write_command(last, logs),
    )


def _write_command(last: _Occurrence, logs: str) -> str:
    """Return the command that shows an occurrence, which the day before it still reaches."""
    since = f"{last.entry.at.astimezone() - timedelta(days=1):%Y-%m-%d}"
    if last.entry.request in ("", INIT):
        return f"{logs} --since {since} --filter {shlex.quote(last.raised.name)}"
    return f"{logs} --since {since} --request {last.entry.request[:ID_LENGTH]}"


def _name_route(entry: LogEntry, by_request: Mapping[str, Invocation], functions: Mapping[str, str]) -> str:
    call = by_request.get(entry.request)
    if call is None:
        return function_of(entry.stream, functions)
    return f"{call.method} {call.route}" if call.is_visit else call.function


def _find(entries: Iterable[LogEntry], owns: Owns) -> Iterator[_Occurrence]:
    """Yield what went wrong: lines at ERROR and above, and tracebacks that were printed, line by line."""
    printed: dict[tuple[str, str], list[LogEntry]] = {}
    for entry in entries:
        if entry.kind != "line":
            continue
        if entry.level in BAD:
            yield _Occurrence(entry=entry, raised=_read(entry, owns))
        elif not entry.level:
            printed.setdefault((entry.stream, entry.request), []).append(entry)
    for lines in printed.values():
        text = "\n".join(line.message for line in lines)
        if tracebacks.BEGIN in text and (raised := tracebacks.read(text, owns)):
            first = next(line for line in lines if tracebacks.BEGIN in line.message)
            yield _Occurrence(entry=first, raised=raised)


def _read(entry: LogEntry, owns: Owns) -> Raised:
    """Return what a line at ERROR tells; a text that names no exception as its message."""
    texts = [entry.message, *(each for each in entry.fields.values() if isinstance(each, str))]
    whole = next((text for text in texts if tracebacks.BEGIN in text), "")
    if raised := (tracebacks.read(whole, owns) if whole else None):
        return raised
    if isinstance(entry.fields.get("stackTrace"), list):
        value = {"errorType": _type(entry.message), "errorMessage": _message(entry.message), **entry.fields}
        if raised := reported.read(value, "", owns):
            return raised
    if whole:  # as AWS's client writes what the handler raised: the exception stands before its traceback
        head, _, trace = whole.partition(tracebacks.BEGIN)
        frames = tracebacks.read_frames(trace.splitlines(), owns)
        return Raised(type=_type(head.strip()), message=_message(head.strip()), frames=frames)
    known = (name for begin, name in TYPES.items() if entry.message.startswith(begin))
    return Raised(type=next(known, LOGGED), message=entry.message)


def _type(text: str) -> str:
    found = _HEAD.fullmatch(text)
    return found["type"] if found else LOGGED


def _message(text: str) -> str:
    found = _HEAD.fullmatch(text)
    return (found["message"] or "") if found else text
