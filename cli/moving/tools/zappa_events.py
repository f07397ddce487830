"""Zappa's events: functions of the project that schedules, queues and other services call."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lambdify.cli import hints
from lambdify.cli.moving.reading import code as code_room
from lambdify.cli.moving.reading import sources
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Setting,
    WrongForm,
    as_list,
    as_table,
    as_text,
    by_hand,
    ignored,
)
from lambdify.cli.moving.reading.sources import Source

KEYS = ("function", "expression", "expressions", "event_source", "name", "description", "kwargs", "enabled")
SOURCE_KEYS: Mapping[str, str] = {
    "arn": "", "batch_size": "batch", "batch_window": "window", "starting_position": "start",
    "enabled": "enabled", "events": "events", "prefix": "prefix", "suffix": "suffix", "filters": "",
    "event_pattern": "", "pattern": "",
}  # fmt: skip
"""What Zappa reads of an event_source, and the word of sources.py for it."""
KWARGS = 'its kwargs are in event["detail"], not in event["kwargs"]'


def read(key: str, value: Any, code: Code) -> Iterator[Setting]:
    """Yield each function that `events` names, with all that calls it. Raises WrongForm."""
    handlers: dict[str, list[dict[str, Any]]] = {}
    for each in as_list(value):
        event = each if isinstance(each, dict) else {}
        handlers.setdefault(str(event.get("function", "")), []).append(event)
    taken: dict[str, None] = {}
    for dotted, events in handlers.items():
        at = f"{key}: {dotted}"
        handler = code_room.reference(dotted)
        if not handler:
            yield by_hand(at, 'it names no function: write [functions.NAME] and handler = "module:function"')
            continue
        name = sources.name_for(dotted, taken)
        taken[name] = None
        found: list[Source] = []
        caveats: dict[str, None] = {}
        for event in events:
            yield from _unknown(at, event)
            for what, make in _sources(event):
                try:
                    found.append(make())
                    caveats |= dict.fromkeys(_caveats(event))
                except WrongForm as error:
                    yield by_hand(f"{at}, {what}", f"[functions.{name}]: it is not {error}")
        yield from sources.function(at, name, handler, found, code, caveats=caveats)


def _unknown(key: str, event: Mapping[str, Any]) -> Iterator[Setting]:
    inside = as_table(event.get("event_source"))
    for given, names in ((event, KEYS), (inside, tuple(SOURCE_KEYS))):
        for each in given:
            if each not in names:
                yield ignored(
                    f"{key}: {each}", f"Zappa does not know it there. {hints.nearest(each, names)}".strip()
                )


def _sources(event: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], Source]]]:
    """Yield what calls the function, as the file has it, and what makes a source of it."""
    enabled = event.get("enabled", True) is not False
    for each in as_list(event.get("expression")) or as_list(event.get("expressions")):
        yield str(each), partial(sources.schedule, each, enabled=enabled, given=event.get("kwargs"))
    if said := as_table(event.get("event_source")):
        yield str(said.get("arn", "event_source")), partial(_event_source, said)


def _event_source(said: Mapping[str, Any]) -> Source:
    if pattern := said.get("event_pattern", said.get("pattern")):
        return "events", {"pattern": _pattern(pattern)}
    words = {ours: said[theirs] for theirs, ours in SOURCE_KEYS.items() if ours and theirs in said}
    option, table = sources.by_arn(as_text(said.get("arn", "")), words)
    if option == "sns" and said.get("filters"):
        table["filter"] = as_table(said["filters"])
    return option, table


def _pattern(value: Any) -> dict[str, Any]:
    try:
        return as_table(json.loads(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise WrongForm("a pattern of EventBridge") from error


def _caveats(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("kwargs"):
        yield KWARGS
    if ":s3:" in str(as_table(event.get("event_source")).get("arn", "")):
        yield sources.S3_CAVEAT


def read_cognito(key: str, value: Any) -> Iterator[Setting]:
    """Yield the functions that a user pool calls."""
    said = as_table(value)
    pool = said.get("user_pool", "POOL")
    for trigger in as_list(said.get("triggers")):
        each = as_table(trigger)
        handler = code_room.reference(as_text(each.get("function", ""))) or "module:function"
        name = sources.name_for(handler.replace(":", "."), {})
        arn = f"arn:aws:cognito-idp:REGION:ACCOUNT:userpool/{pool}"
        invoker = f'invokers = [{{ service = "cognito-idp.amazonaws.com", arn = "{arn}" }}]'
        why = f'write [functions.{name}], handler = "{handler}", {invoker}, and have the pool call its alias'
        yield by_hand(f"{key}: {each.get('source')}", why)
