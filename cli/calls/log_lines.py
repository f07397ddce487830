"""Lines of the log, parsed: the app wrote them, or the platform wrote them about a request. Pure.

Lambda writes one of two formats, chosen by [logs] format. Lines that the app prints can have any form:

    text    START RequestId: 1a2b   REPORT RequestId: 1a2b  Duration: 1.23 ms ...   [INFO]  time  id  text
    json    {"time", "type": "platform.report", "record": {}}   {"timestamp", "level", "message", "requestId"}

The adapter writes two of its own, in both:

    FUNCTION RequestId: 1a2b Name: report
    {"lambdify": {"route": "/books/<int:id>", "method": "GET", "status": 200, "ms": 12.3, ...}}

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html

Rules:
- Nothing is lost: a line that is not understood is kept with its text.
- The lines around a plain line say which request it belongs to: each environment has a stream of its own, and
  works on one request at a time.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Kind = Literal["line", "start", "end", "report", "init", "platform", "function", "request"]

INIT = "init"
"""The request id of lines that are written while the app is imported, before there is a request."""
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PLATFORM = re.compile(
    rf"(?P<word>START|END|REPORT) RequestId: (?P<id>{ID})|(?P<other>INIT_START|INIT_REPORT|RESTORE_START|"
    r"RESTORE_REPORT|EXTENSION|TELEMETRY|LOGS|XRAY)\b"
)
FUNCTION = re.compile(rf"FUNCTION RequestId: (?P<id>{ID}) Name: (?P<name>[\w-]+)")
"""The adapter's line about a function that shares the app's Lambda; adapter/functions.py writes it."""
TEXT_KINDS: Mapping[str, Kind] = {"START": "start", "END": "end", "REPORT": "report", "INIT_START": "init"}
JSON_KINDS: Mapping[str, Kind] = {
    "platform.start": "start",
    "platform.runtimeDone": "end",
    "platform.report": "report",
    "platform.initStart": "init",
}
REQUEST_FIELDS = {"route", "method", "status", "ms", "cold"}
REPORTS = {"REPORT", "INIT_REPORT", "RESTORE_REPORT", "platform.report", "platform.initReport"}
"""Kinds of lines whose status counts: each outcome is in one of these once, other lines only repeat it."""
LOGGED = re.compile(rf"\[(?P<level>[A-Z]+)\]\t\S+Z\t(?P<id>{ID})?\t(?P<text>.*)", re.DOTALL)
"""A record of `logging`, as AWS's handler writes it."""
RAISED = re.compile(r"\[(?P<level>ERROR|CRITICAL)\] (?P<text>.*)", re.DOTALL)
"""An exception of the handler, as AWS's runtime client writes it."""
FAILED = re.compile(
    rf"(?:\S+Z (?P<id>{ID}) )?(?P<text>Task timed out after .*)|RequestId: (?P<died>{ID}) Error: (?P<why>.*)",
    re.DOTALL,
)
LEVEL_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}

FIELD_NAMES = {
    "Duration": "duration_ms",
    "Billed Duration": "billed_duration_ms",
    "Memory Size": "memory_size_mb",
    "Max Memory Used": "max_memory_used_mb",
    "Init Duration": "init_duration_ms",
    "Restore Duration": "restore_duration_ms",
    "Billed Restore Duration": "billed_restore_duration_ms",
    "durationMs": "duration_ms",
    "billedDurationMs": "billed_duration_ms",
    "memorySizeMB": "memory_size_mb",
    "maxMemoryUsedMB": "max_memory_used_mb",
    "initDurationMs": "init_duration_ms",
    "restoreDurationMs": "restore_duration_ms",
    "billedRestoreDurationMs": "billed_restore_duration_ms",
    "Status": "status",
    "Error Type": "error_type",
    "errorType": "error_type",
    "Phase": "phase",
    "XRAY TraceId": "trace_id",
}
"""The platform's fields about a request, in both formats, and our names for them."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One event of a log stream."""

    id: str
    """"" for a line from Live Tail, which gives no ids."""
    at: datetime
    """In UTC."""
    stream: str
    message: str
    """Without the line end."""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """A parsed line."""

    at: datetime
    stream: str
    kind: Kind
    request: str
    """The request's id; INIT before the first request, "" if it is not known."""
    level: str
    """TRACE, DEBUG, INFO, WARN, ERROR or FATAL; "" if the line has none."""
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """All other fields; the names of the platform's numbers end with the unit."""


def read(lines: Iterable[LogLine]) -> Iterator[LogEntry]:
    """Yield the parsed lines in the same order, each with the request that it belongs to."""
    current: dict[str, str] = {}
    for line in lines:
        entry = parse(line)
        if entry.kind in {"start", "init"}:
            current[entry.stream] = entry.request
        yield entry if entry.request else replace(entry, request=current.get(entry.stream, ""))
        if entry.kind == "report":
            current.pop(entry.stream, None)


def parse(line: LogLine) -> LogEntry:
    """Parse one line by itself; the request of a plain line is not known then."""
    record = _object(line.message)
    if record is not None:
        return _from_platform(line, record) if "record" in record else _from_object(line, record)
    if found := PLATFORM.match(line.message):
        return _from_report(line, found)
    if found := FUNCTION.fullmatch(line.message):
        return _entry(
            line,
            f"function {found['name']}",
            kind="function",
            request=found["id"],
            fields={"name": found["name"]},
        )
    if found := LOGGED.fullmatch(line.message):
        return _entry(line, found["text"], level=found["level"], request=found["id"] or "")
    if found := RAISED.fullmatch(line.message):
        return _entry(line, found["text"], level=found["level"])
    if found := FAILED.fullmatch(line.message):
        text, request = found["text"] or found["why"], found["id"] or found["died"] or ""
        return _entry(line, text, level="ERROR", request=request)
    return _entry(line, line.message)


def _entry(
    line: LogLine,
    message: str,
    *,
    kind: Kind = "line",
    level: str = "",
    request: str = "",
    fields: Mapping[str, Any] | None = None,
) -> LogEntry:
    return LogEntry(
        at=line.at,
        stream=line.stream,
        kind=kind,
        request=request,
        level=LEVEL_NAMES.get(level.upper(), level.upper()),
        message=message,
        fields=fields or {},
    )


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _from_report(line: LogLine, found: "re.Match[str]") -> LogEntry:
    word = found["word"] or found["other"]
    fields: dict[str, Any] = {}
    # "REPORT RequestId: ID", then one "Name: value unit" after each tab.
    for part in line.message.removeprefix(word).split("\t"):
        name, colon, value = part.strip().partition(": ")
        if colon and name in FIELD_NAMES:
            fields[FIELD_NAMES[name]] = _number(value.strip())
    return _entry(
        line,
        line.message,
        kind=TEXT_KINDS.get(word, "platform"),
        level=_level_of(word, fields),
        request=found["id"] or (INIT if word.startswith(("INIT", "RESTORE")) else ""),
        fields=fields,
    )


def _from_platform(line: LogLine, value: Mapping[str, Any]) -> LogEntry:
    record = value["record"] if isinstance(value["record"], dict) else {}
    values = {**record, **(record.get("metrics") or {})}
    fields = {
        FIELD_NAMES.get(name, name): values[name]
        for name in values
        if name in FIELD_NAMES or name in {"status", "phase"}
    }
    kind = str(value.get("type", ""))
    return _entry(
        line,
        line.message,
        kind=JSON_KINDS.get(kind, "platform"),
        level=_level_of(kind, fields),
        request=str(
            record.get("requestId")
            or (INIT if kind.startswith(("platform.init", "platform.restore")) else "")
        ),
        fields=fields,
    )


def _from_object(line: LogLine, value: Mapping[str, Any]) -> LogEntry:
    """Parse a JSON object that the app, the adapter, or AWS's handler for `logging`, wrote."""
    told = value.get("lambdify")
    if isinstance(told, dict) and told.keys() >= REQUEST_FIELDS:
        return _from_request(line, told)
    rest = dict(value)

    def take(*names: str) -> Any:
        found = next((name for name in names if isinstance(rest.get(name), str)), None)
        return rest.pop(found) if found else ""

    level = take("level", "log_level", "levelname", "severity")
    request = take("requestId", "request_id", "aws_request_id", "function_request_id")
    message = take("message", "msg", "event")
    take("timestamp", "time", "asctime")
    if not message and isinstance(rest.get("errorMessage"), str):
        message = f"{rest.pop('errorType', 'Error')}: {rest.pop('errorMessage')}"
    return _entry(line, message, level=level, request=request, fields=rest)


def _from_request(line: LogLine, told: Mapping[str, Any]) -> LogEntry:
    """Parse the adapter's line about a request; adapter/observability/request_lines.py writes it."""
    fields = {name: told[name] for name in sorted(REQUEST_FIELDS)}
    message = f"{told['method']} {told['route']}  {told['status']} in {told['ms']} ms"
    return _entry(line, message, kind="request", request=str(told.get("request", "")), fields=fields)


def _level_of(kind: str, fields: Mapping[str, Any]) -> str:
    failed = kind in REPORTS and fields.get("status") in {"error", "failure", "timeout"}
    return "ERROR" if failed else ""


def _number(text: str) -> float | int | str:
    """Return the number of "12.3 ms"; the text itself if it is no number."""
    number = text.removesuffix(" ms").removesuffix(" MB")
    try:
        return int(number)
    except ValueError:
        pass
    try:
        return float(number)
    except ValueError:
        return text
