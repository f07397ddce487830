"""Lines of the log as a person reads them: the time, the request and the message.

    12:00:00.123  1a2b3c4d  INFO   asked for /books
    12:00:00.456  1a2b3c4d  done: 12.3 ms, billed 358 ms, 64 of 512 MB, cold start 345 ms

The platform's lines about a request become its one closing line. Its other lines are left out, unless
something went wrong.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdify.cli.calls.log_lines import INIT, LogEntry, LogLine, parse
from lambdify.cli.console import Line
from lambdify.cli.failures import tracebacks
from lambdify.cli.failures.places import Owns

STYLES = {"ERROR": "removed", "FATAL": "danger", "WARN": "changed", "DEBUG": "quiet", "TRACE": "quiet"}
ID_LENGTH = 8
"""Characters of a request id that are shown: enough to tell requests apart and to find one."""
LEVEL_LENGTH = 5
SERVER_ERROR = 500


def show(entry: LogEntry, *, dated: bool = False, owns: Owns | None = None) -> list[Line]:
    """Return the lines for an entry, with the date if `dated`; [] if another line says the same.

    With `owns`, which knows the project's files, the other frames of tracebacks are folded.
    """
    message = entry.message
    if entry.kind == "report":
        message = summarize_request(entry.fields)
    elif entry.kind not in ("line", "function", "request"):
        if not entry.level:
            return []
        message = _failed_init(entry.fields)
    style = _find_style(entry)
    moment = f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]
    head = f"{moment if dated else moment[11:]}  {_shorten_id(entry.request):<{ID_LENGTH}}  "
    level = f"{entry.level:<{LEVEL_LENGTH}}  " if entry.level and entry.kind == "line" else ""
    texts = (message + _format_fields(entry)).split("\n")
    first, *rest = tracebacks.fold_text(texts, owns) if owns else texts
    indent = " " * (len(head) + len(level))
    return [Line(head + level + first, style), *(Line(indent + line, style) for line in rest)]


def _find_style(entry: LogEntry) -> str:
    if entry.kind == "request":
        status = entry.fields["status"]
        failed = isinstance(status, int) and status >= SERVER_ERROR
        return STYLES["ERROR"] if failed else ""
    return (
        "quiet" if entry.kind in ("report", "function") and not entry.level else STYLES.get(entry.level, "")
    )


def tail(text: str, owns: Owns) -> list[str]:
    """Return the lines of a log tail that an invocation returned: one request, without times.

    Of tracebacks, the frames of files that `owns` does not know are folded.
    """
    now = datetime.now(UTC)
    shown = [
        line.text
        for each in text.splitlines()
        for line in show(parse(LogLine(id="", at=now, stream="", message=each)))
    ]
    margin = len("00:00:00.000  ") + ID_LENGTH + 2
    return list(tracebacks.fold_text((line[margin:] for line in shown), owns))


def summarize_request(fields: Mapping[str, Any]) -> str:
    """Return one line that says how a request ended, and what it took."""
    status = fields.get("status", "success")
    verdict = {"success": "done", "timeout": "TIMED OUT"}.get(status, "FAILED")
    cause = f" with {fields['error_type']}" if fields.get("error_type") else ""
    facts = [f"{_format_milliseconds(fields.get('duration_ms', 0))}"]
    if "billed_duration_ms" in fields:
        facts.append(f"billed {_format_milliseconds(fields['billed_duration_ms'])}")
    if "max_memory_used_mb" in fields:
        facts.append(f"{fields['max_memory_used_mb']} of {fields.get('memory_size_mb', '?')} MB")
    for name, label in (("init_duration_ms", "cold start"), ("restore_duration_ms", "cold start (restored)")):
        if name in fields:
            facts.append(f"{label} {_format_milliseconds(fields[name])}")
    return f"{verdict}{cause}: {', '.join(facts)}"


def _failed_init(fields: Mapping[str, Any]) -> str:
    verdict = "timed out" if fields.get("status") == "timeout" else "failed"
    cause = f" with {fields['error_type']}" if fields.get("error_type") else ""
    took = fields.get("init_duration_ms", fields.get("duration_ms"))
    return f"starting the app {verdict}{cause}" + (f" after {_format_milliseconds(took)}" if took else "")


def _format_fields(entry: LogEntry) -> str:
    """Return the other fields of an entry as text; a stack trace on lines of its own."""
    if entry.kind != "line" or not entry.fields:
        return ""
    fields = dict(entry.fields)
    trace = fields.pop("stackTrace", [])
    cause = ": ".join(str(fields.pop(name)) for name in ("errorType", "errorMessage") if name in fields)
    for usual in ("logger", "location"):
        fields.pop(usual, None)
    pairs = "  ".join(f"{name}={_format_value(value)}" for name, value in fields.items())
    lines = "".join(map(str, trace)).rstrip("\n") if isinstance(trace, list) else str(trace)
    below = "".join(f"\n{text}" for text in (lines, cause) if text)
    return ("  " if entry.message and pairs else "") + pairs + below


def _format_value(value: object) -> str:
    if isinstance(value, str) and value and not any(character.isspace() for character in value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shorten_id(request: str) -> str:
    return request if request == INIT else request[:ID_LENGTH]


def _format_milliseconds(value: float | str) -> str:
    """Return milliseconds, with one decimal below 100: "1.2 ms", "345 ms", "12,345 ms"."""
    if not isinstance(value, int | float):
        return str(value)
    exact = isinstance(value, float) and value < 100
    return f"{value:.1f} ms" if exact else f"{value:,.0f} ms"
