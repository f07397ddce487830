"""A line of an access log as a request: when, for how long, of what size, of which path.

Read as they are: the combined and the common format of nginx, Apache and gunicorn, with the request's time
somewhere behind (nginx's $request_time, "rt=0.123", gunicorn's %(D)s, Traefik's "123ms"); the lines of an
Application Load Balancer; and JSON, by the names that its fields usually have.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, NamedTuple

Unit = Literal["s", "ms", "us", "ns", "?"]
"""The unit of a time; "?" for a whole number without one, which only all lines together tell."""

COMBINED = re.compile(
    r'^\S+ \S+ .*?\[(?P<at>[^\]]+)\] "(?P<method>[A-Za-z]+) (?P<path>\S+)[^"]*" \d{3} (?P<size>\d+|-)'
    r"(?P<rest>.*)$"
)
BALANCER = re.compile(
    r"^(?:https?|h2|grpcs|wss?) (?P<at>\S+) \S+ \S+ \S+ (?P<before>-?[\d.]+) (?P<target>-?[\d.]+) "
    r'(?P<after>-?[\d.]+) \S+ \S+ \d+ (?P<size>\d+) "\S+ (?P<path>\S+)'
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STAMP = re.compile(r"(\d{1,2})/(\w{3})/(\d{4})[: ](\d\d):(\d\d):(\d\d)(?:\.\d+)? ?(?:([+-])(\d\d):?(\d\d))?")
NAMED = re.compile(
    r"\b(rt|request_time|duration|elapsed|time_taken|D)[=:]\"?(\d+(?:\.\d+)?)(us|µs|ms|s)?(?![\w.])"
)
UNITS: Mapping[str, Unit] = {"s": "s", "ms": "ms", "us": "us", "µs": "us", "ns": "ns"}
NUMBER = re.compile(r"(?<![^\s\"\[])(\d+(?:\.\d+)?)(us|µs|ms|s)?(?![^\s\"\]])")
"""A number that stands alone, or in quotes."""
TIMES = (
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "time_iso8601",
    "time_local",
    "StartUTC",
    "date",
    "datetime",
    "msec",
)
DURATIONS: Mapping[str, Unit] = {
    "request_time": "?", "duration": "?", "elapsed": "?", "response_time": "?", "latency": "?",
    "time_taken": "?", "request_duration": "?", "process_time": "?", "responseTime": "?", "D": "us",
    "Duration": "ns",
}  # fmt: skip
SIZES = (
    "body_bytes_sent", "bytes_sent", "bytes", "size", "response_length", "content_length", "responseSize",
    "DownstreamContentSize", "response_size", "b",
)  # fmt: skip
PATHS = ("path", "uri", "request_uri", "url", "requestUrl", "RequestPath", "target")
INNER = ("request", "httpRequest", "http", "response")
"""Objects that Caddy and Google Cloud keep some of the fields in."""
SUFFIXES: tuple[tuple[str, Unit], ...] = (
    ("_ms", "ms"),
    ("_us", "us"),
    ("_ns", "ns"),
    ("_s", "s"),
    ("_seconds", "s"),
)
NO_TIME: tuple[float | None, Unit] = (None, "?")


class Request(NamedTuple):
    """What the log says of a request."""

    at: float
    """Seconds since 1970."""
    time: float | None
    """How long it took, in `unit`; None if the line does not say."""
    unit: Unit
    size: int
    """Bytes of the response's body; 0 if the line does not say."""
    path: str


def read(line: str) -> Request | None:
    """Return a line as a request; None if it is none, or tells no moment."""
    text = line.strip("\ufeff \t\r\n")
    try:
        if text.startswith("{"):
            return _read_json(json.loads(text))
        if found := BALANCER.match(text):
            return _read_balancer(found)
        found = COMBINED.match(text)
        return _read_combined(found) if found else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _read_combined(found: re.Match[str]) -> Request:
    size = 0 if found["size"] == "-" else int(found["size"])
    time, unit = _time_in(found["rest"])
    return Request(_moment(found["at"]), time, unit, size, found["path"])


def _time_in(rest: str) -> tuple[float | None, Unit]:
    """Return the request's time among what follows the size: referrer, user agent, and what a site adds."""
    if found := NAMED.search(rest):
        name, number, suffix = found.groups()
        # gunicorn and Apache call microseconds D.
        return float(number), "us" if name == "D" and not suffix else _unit(number, suffix)
    # The texts in quotes, which hold blanks, are not what is looked for: "curl/7.88.1", "Mozilla/5.0 (X11)".
    alone = re.sub(r'"[^"]*[^\d."][^"]*"', '""', rest)
    numbers = [(each[1], each[2]) for each in NUMBER.finditer(alone)]
    # nginx's times have decimals; the length of a request, which may come first, has none.
    best = next((each for each in numbers if "." in each[0] or each[1]), numbers[-1] if numbers else None)
    return (float(best[0]), _unit(*best)) if best else NO_TIME


def _unit(number: str, suffix: str | None) -> Unit:
    return UNITS.get(suffix or "") or ("s" if "." in number else "?")


def _read_balancer(found: re.Match[str]) -> Request:
    times = [float(found[name]) for name in ("before", "target", "after")]
    # -1 stands for a request that reached no target.
    time = sum(times) if min(times) >= 0 else None
    end = datetime.fromisoformat(found["at"]).timestamp()
    return Request(end - (time or 0), time, "s", int(found["size"]), found["path"])


def _read_json(said: Any) -> Request:
    if not isinstance(said, dict):
        raise TypeError
    inner = [said[name] for name in INNER if isinstance(said.get(name), dict)]
    fields = {key: value for part in (*inner, said) for key, value in part.items()}
    at = next((fields[name] for name in TIMES if fields.get(name)), None)
    time, unit = next(_durations(fields), NO_TIME)
    size = next((fields[name] for name in SIZES if str(fields.get(name, "")).isdigit()), 0)
    path = next((str(fields[name]) for name in PATHS if fields.get(name)), "")
    line = str(said.get("request", "")).split(" ")
    return Request(_moment(at), time, unit, int(size), path or (line[1] if len(line) > 1 else "/"))


def _durations(fields: Mapping[str, Any]) -> Iterator[tuple[float, Unit]]:
    for name, value in fields.items():
        stem, unit = _named_unit(name)
        number = re.fullmatch(r"(\d+(?:\.\d+)?(?:e-?\d+)?) ?(s|ms|us|µs)?", str(value))
        if stem in DURATIONS and number and not isinstance(value, bool):
            told = unit or DURATIONS[stem]
            yield float(number[1]), told if told != "?" else _unit(number[1], number[2])


def _named_unit(name: str) -> tuple[str, Unit | None]:
    """Return a field's name without the unit at its end, and that unit: "latency_ms"."""
    if name in DURATIONS:
        return name, None
    return next(
        ((name.removesuffix(end), unit) for end, unit in SUFFIXES if name.endswith(end)), (name, None)
    )


def _moment(said: Any) -> float:
    """Return a moment as seconds since 1970. Raises ValueError."""
    if isinstance(said, int | float) and math.isfinite(said):
        # JavaScript's moments are milliseconds.
        return said / 1000 if said > 1e11 else float(said)
    text = str(said)
    if found := STAMP.match(text):
        day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        moment = datetime(
            int(year),
            MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=timezone(offset),
        )
        return moment.timestamp()
    if re.fullmatch(r"\d{9,}(\.\d+)?", text):
        return _moment(float(text))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
