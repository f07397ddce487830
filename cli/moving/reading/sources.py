"""What calls functions, out of the words of several tools, as [functions.NAME] has it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Setting,
    WrongForm,
    as_number,
    as_text,
    as_texts,
    by_hand,
    carry,
)
from lambdify.cli.settings import schedules
from lambdify.cli.settings.function_tables import OURS

OBJECT_EVENTS: Mapping[str, str] = {
    "s3:ObjectCreated:": "Object Created",
    "s3:ObjectRemoved:": "Object Deleted",
    "s3:LifecycleExpiration:": "Object Deleted",
    "s3:ObjectRestore:Post": "Object Restore Initiated",
    "s3:ObjectRestore:Completed": "Object Restore Completed",
    "s3:ObjectRestore:Delete": "Object Restore Expired",
    "s3:ObjectTagging:Put": "Object Tags Added",
    "s3:ObjectTagging:Delete": "Object Tags Deleted",
    "s3:ObjectAcl:Put": "Object ACL Updated",
    "s3:LifecycleTransition": "Object Storage Class Changed",
}
"""Beginnings of S3's names of events, and EventBridge's names.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"""
S3_CAVEAT = 'it comes by EventBridge: event["detail"]["object"]["key"] instead of event["Records"]'
STARTS: Mapping[str, str] = {"LATEST": "latest", "TRIM_HORIZON": "oldest"}
INSTEAD = {"live": "web", "tasks": "worker", "commands": "command"}
"""Names for functions that are called as an alias of ours."""

NO_LIMITS: Mapping[str, Any] = MappingProxyType({})

Source = tuple[str, dict[str, Any]]
"""An option of [functions.NAME], and a table of its list: ("sqs", {"queue": "arn:..."})."""


def schedule(expression: object, *, enabled: bool = True, given: object = None, timezone: str = "") -> Source:
    """Return a schedule, from "rate(5 minutes)", "cron(0 6 ? * MON-FRI *)" or "at(...)". Raises WrongForm.

    `given` is what the event has as its "detail"; None for nothing.
    """
    found = re.fullmatch(r"\s*(rate|cron|at)\((.*)\)\s*", str(expression), re.DOTALL)
    if not found:
        raise WrongForm("rate(...) or cron(...)")
    kind, inner = found[1], found[2].strip()
    option = {"rate": "every", "cron": "cron", "at": "at"}[kind]
    try:
        {"rate": schedules.translate_every, "cron": schedules.translate_cron, "at": schedules.read_at}[kind](
            inner
        )
    except (schedules.Malformed, schedules.Impossible) as error:
        raise WrongForm(f"a time that AWS takes: {error}") from error
    table: dict[str, Any] = {option: inner}
    if timezone and option != "every":
        table["timezone"] = timezone
    if given not in (None, {}):
        table["input"] = given
    return "schedule", table | ({} if enabled else {"enabled": False})


def by_arn(arn: str, said: Mapping[str, Any]) -> Source:
    """Return a source by the ARN of what sends. Raises WrongForm.

    `said` may have: batch, window, start, enabled, events (S3's names), prefix, suffix.
    """
    service = arn.split(":")[2] if arn.startswith("arn:") and arn.count(":") >= 3 else ""
    enabled = {} if said.get("enabled", True) is not False else {"enabled": False}
    match service:
        case "sqs":
            return "sqs", {"queue": arn, **_numbers(said, "batch", "window"), **enabled}
        case "sns":
            return "sns", {"topic": arn}
        case "s3":
            return bucket(arn.rpartition(":")[2], said)
        case "dynamodb" | "kinesis":
            return service, {"stream": arn, **_numbers(said, "batch", "window"), **_start(said), **enabled}
    raise WrongForm("the ARN of a queue, a topic, a bucket, a table or a stream")


def bucket(name: str, said: Mapping[str, Any]) -> Source:
    """Return the events of a bucket. Raises WrongForm."""
    table: dict[str, Any] = {"bucket": name}
    given = as_texts(said.get("events")) or ["s3:ObjectCreated:*"]
    events = list(dict.fromkeys(map(_object_event, given)))
    if events != ["Object Created"]:
        table["events"] = events
    if said.get("prefix") or said.get("suffix"):
        table["key"] = f"{as_text(said.get('prefix') or '')}*{as_text(said.get('suffix') or '')}"
    return "s3", table


def _object_event(name: str) -> str:
    for begin, ours in OBJECT_EVENTS.items():
        if name.startswith(begin):
            return ours
    raise WrongForm(f"an event that EventBridge has: {name} is none")


def _numbers(said: Mapping[str, Any], *names: str) -> dict[str, int]:
    return {name: as_number(said[name]) for name in names if said.get(name) not in (None, 0)}


def _start(said: Mapping[str, Any]) -> dict[str, str]:
    if said.get("start") is None:
        return {}
    start = str(said["start"]).upper()
    if start not in STARTS:
        raise WrongForm("a stream from its end or its beginning, LATEST or TRIM_HORIZON")
    return {"start": STARTS[start]} if STARTS[start] != "latest" else {}


def name_for(text: str, taken: Mapping[str, object]) -> str:
    """Return a name of a function that is not taken: "shop.reports.nightly" is "nightly"."""
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", text.rpartition(".")[2]).strip("-_")
    base = words if words[:1].isalpha() else f"function-{words}".rstrip("-")
    base = INSTEAD.get(base, base) if base in OURS else base
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def function(
    key: str,
    name: str,
    handler: str,
    sources: Sequence[Source],
    code: Code,
    *,
    limits: Mapping[str, Any] = NO_LIMITS,
    caveats: Iterable[str] = (),
) -> Iterator[Setting]:
    """Yield a function and each source that calls it. `caveats` are what changes for its code."""
    at = ("functions", name)
    values: dict[Keys, Any] = {
        (*at, "handler"): handler,
        **{(*at, option): value for option, value in limits.items()},
    }
    if not code.has(handler):
        yield by_hand(
            key,
            f'[functions.{name}]: the project has no {handler}; write its handler = "module:function"',
        )
        return
    if not code.takes_event_and_context(handler):
        node = code.function(handler)
        line = f"{handler.replace(':', '.')}, line {node.lineno}," if node else handler
        caveats = (f"{line} has to take event and context", *caveats)
    changes = "; ".join(caveats)
    yield by_hand(key, changes, values) if changes else carry(key, values)
    # One by one, since the loader may refuse one and take the others.
    yield from (carry(f"{key}, {option}", {(*at, option): [table]}) for option, table in sources)
