"""The reader of [functions]: a table for each function, with lists of tables for what calls it.

A function's table is read as it stands, and stages change single options of it. So what it has to have, and
what may not be together, is known only after stages are merged: function_conflicts.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import schedules
from lambdify.cli.settings.functions import SOURCES, Source
from lambdify.cli.settings.validators import (
    READERS,
    InvalidValue,
    Locate,
    Reader,
    Schema,
    boolean,
    function_reference,
    integer,
    list_of,
    list_schema,
    matching,
    one_of,
    or_zero,
    pattern_schema,
    reference,
    table_schema,
    takes,
)

Keys = tuple[str, ...]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
"""The name of an alias, which is part of the name of a Lambda and of logical ids, too.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html"""
OURS: Mapping[str, str] = {
    "live": "the web app's alias",
    "tasks": "the alias of the stage's tasks",
    "commands": "the alias of the stage's commands",
}
"""Aliases that are no functions of the project."""
MAX_FILTERS = 5
"""https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html"""
SECONDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600}


FIELDS: Mapping[str, str] = {"input": "detail"}
"""The fields that are not called as their option is."""


def read(keys: Keys, values: Mapping[str, Any], locate: Locate) -> dict[str, Any]:
    """Return [functions]: options by the name of a function. Raises SettingsError."""
    return {name: _function((*keys, name), value, locate) for name, value in values.items()}


def _function(keys: Keys, values: object, locate: Locate) -> dict[str, Any]:
    name = keys[-1]
    if name in OURS:
        raise SettingsError(
            f'{locate(keys)}: {_table(keys)}: "{name}" is {OURS[name]}.', hint="Choose another name."
        )
    if not NAME.fullmatch(name):
        raise SettingsError(
            f'{locate(keys)}: "{name}" cannot be the name of a function.',
            hint="It has up to 128 letters, digits, - and _, and begins with a letter.",
        )
    if not isinstance(values, dict):
        raise SettingsError(
            f"{locate(keys)}: {'.'.join(keys)} is a table, not a value.",
            hint=f'Write {_table(keys)} and handler = "package.module:function" below it.',
        )
    return {
        key: _sources((*keys, key), value, locate)
        if key in SOURCES
        else _option((*keys, key), value, FUNCTION_READERS, _table(keys), locate)
        for key, value in values.items()
    }


def _sources(keys: Keys, values: object, locate: Locate) -> tuple[Source, ...]:
    table, option = keys[:-1], keys[-1]
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise SettingsError(
            f"{locate(keys)}: {option} of {_table(table)} is a list of tables.",
            hint=f"Write [[{'.'.join(keys)}]] and its options below it, once for each.",
        )
    return tuple(
        _source(keys, value, f"{option} {number} of {_table(table)}", locate)
        for number, value in enumerate(values, 1)
    )


def _source(keys: Keys, values: Mapping[str, Any], name: str, locate: Locate) -> Source:
    """Return a source; `name` is what messages call it: "sqs 1 of [functions.orders]"."""
    shape, readers = SOURCES[keys[-1]], SOURCE_READERS[keys[-1]]
    found: dict[str, Any] = {
        key: _option((*keys, key), value, readers, name, locate) for key, value in values.items()
    }
    if keys[-1] == "schedule":
        _check_schedule(found, f"{locate(keys)}: {name}")
    for needed in _required(shape):
        if not found.get(needed):
            raise SettingsError(
                f"{locate(keys)}: {name} has no {needed}.",
                hint=f"Write {needed} = {REQUIRED[needed]} there.",
            )
    return shape(**{FIELDS.get(key, key): value for key, value in found.items()})


def _required(shape: type[Source]) -> list[str]:
    return [
        each.name for each in fields(shape) if each.default is MISSING and each.default_factory is MISSING
    ]


def _check_schedule(found: Mapping[str, Any], name: str) -> None:
    said = [key for key in ("cron", "every", "at") if found.get(key)]
    if not said:
        raise SettingsError(
            f"{name} says neither cron, every nor at.", hint='Write every = "10 minutes", for instance.'
        )
    if len(said) > 1:
        raise SettingsError(f"{name} says {' and '.join(said)}.", hint="One of them.")
    if said == ["every"] and "timezone" in found:
        raise SettingsError(
            f"{name}: every counts from its deployment, in no time zone.", hint="Leave timezone out."
        )


def _option(keys: Keys, value: object, readers: Mapping[str, Reader], name: str, locate: Locate) -> object:
    key = keys[-1]
    if key not in readers:
        raise _unknown(keys, readers, name, locate)
    try:
        return readers[key](value)
    except schedules.Impossible as error:
        raise SettingsError(f"{locate(keys)}: {name}: {error}", hint=error.hint) from error
    except (InvalidValue, schedules.Malformed) as error:
        said = json.dumps(value, default=str, ensure_ascii=False)
        of = f"{name} {key}" if name.startswith("[") else f"{name}: {key}"
        raise SettingsError(f"{locate(keys)}: {of} cannot be {said}.", hint=f"It takes {error}.") from error


def _unknown(keys: Keys, readers: Mapping[str, Reader], name: str, locate: Locate) -> SettingsError:
    key = keys[-1]
    options = (*readers, *SOURCES) if readers is FUNCTION_READERS else tuple(readers)
    belongs = [option for option, known in SOURCE_READERS.items() if key in known]
    place = f'"{key}" belongs below [[{".".join(keys[:-1])}.{belongs[0]}]].' if belongs else ""
    hint = (
        (place if readers is FUNCTION_READERS else "")
        or hints.nearest(key, options)
        or f"Options in {name}: {', '.join(options)}."
    )
    where = f"in {name}" if name.startswith("[") else f"for {name}"
    return SettingsError(f'{locate(keys)}: there is no option "{key}" {where}.', hint=hint)


def _table(keys: Keys) -> str:
    return f"[{'.'.join(keys)}]"


TEXT: Schema = {"type": "string", "minLength": 1}
TABLE: Schema = {"type": "object"}


@takes(pattern_schema(r" *\d{1,5} *(second|minute|hour)s? *"))
def _age(value: object) -> object:
    """Return the seconds of "6 hours", "90 minutes"."""
    found = (
        re.fullmatch(r"(\d{1,5}) *(second|minute|hour)s?", value.strip()) if isinstance(value, str) else None
    )
    seconds = int(found[1]) * SECONDS[found[2]] if found else 0
    # https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
    if not 60 <= seconds <= 21600:
        raise InvalidValue('a time from "1 minute" to "6 hours"')
    return seconds


@takes(TEXT)
def _cron(value: object) -> object:
    if not isinstance(value, str):
        raise schedules.Malformed(schedules.CRON_FORM)
    schedules.translate_cron(value)
    return value


@takes(pattern_schema(r" *[1-9]\d{0,4} *(minute|hour|day)s? *"))
def _every(value: object) -> object:
    if not isinstance(value, str):
        raise schedules.Malformed(schedules.EVERY_FORM)
    schedules.translate_every(value)
    return value


@takes(TEXT)
def _at(value: object) -> object:
    return schedules.read_at(value)


@takes(TEXT)
def _timezone(value: object) -> object:
    known = schedules.timezones()
    if not isinstance(value, str) or not value:
        raise InvalidValue('the name of a time zone, such as "Europe/Berlin"')
    # A machine without a list of time zones leaves the judgement to AWS.
    if known and value not in known:
        near = hints.nearest(value, sorted(known))
        raise schedules.Impossible(
            f'There is no time zone "{value}".', near or 'Names are like "Europe/Berlin".'
        )
    return value


@takes({})
def _json(value: object) -> object:
    """Return a value that JSON has: dates of TOML are none."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidValue("what JSON has: dates and times in quotes") from error
    return value


@takes(TABLE)
def _pattern(value: object) -> object:
    if not isinstance(value, dict):
        raise InvalidValue('a table: { kind = ["new"] }')
    return _json(value)


@takes(list_schema(TABLE, maxItems=MAX_FILTERS))
def _patterns(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidValue('a list of patterns: [{ body = { kind = ["new"] } }]')
    if len(value) > MAX_FILTERS:
        raise InvalidValue(f"{MAX_FILTERS} patterns at most; one pattern may name several values")
    return tuple(map(_pattern, value))


@takes({"anyOf": [TEXT, list_schema(TEXT)]})
def _keys(value: object) -> object:
    """Return the patterns of an S3 object's key: one text, or a list."""
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(isinstance(each, str) and each for each in patterns):
        raise InvalidValue('a pattern, such as "in/*.jpg", or a list of them')
    if any("**" in each for each in patterns):
        raise InvalidValue("patterns without **: one * stands for everything, slashes too")
    return tuple(patterns)


_KEY = READERS["function.kms_key"]
OBJECT_EVENTS = (
    "Object Created", "Object Deleted", "Object Restore Initiated", "Object Restore Completed",
    "Object Restore Expired", "Object Storage Class Changed", "Object Access Tier Changed",
    "Object ACL Updated", "Object Tags Added", "Object Tags Deleted",
)  # fmt: skip
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"""

FUNCTION_READERS: Mapping[str, Reader] = {
    "handler": function_reference('"package.module:function"'),
    "memory": or_zero(READERS["function.memory"]),
    "timeout": or_zero(READERS["function.timeout"]),
    "storage": or_zero(READERS["function.storage"]),
    "reserved_concurrency": READERS["function.reserved_concurrency"],
    "retries": integer(0, 2),
    "max_age": _age,
    # "none" has the form of a logical id, and is none.
    "failed": reference("sqs|sns", "a queue or topic"),
}
"""The options of a function but its sources.
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html"""

_STREAM: Mapping[str, Reader] = {
    "batch": integer(1, 10_000, "records"),
    "window": integer(0, 300, "seconds"),
    "start": one_of("latest", "oldest"),
    "retries": integer(0, 10_000),
    "bisect": boolean,
    "filter": _patterns,
    "kms_key": _KEY,
    "enabled": boolean,
}
SOURCE_READERS: Mapping[str, Mapping[str, Reader]] = {
    "schedule": {
        "cron": _cron,
        "every": _every,
        "at": _at,
        "timezone": _timezone,
        "input": _json,
        "enabled": boolean,
    },
    "sqs": {
        "queue": reference("sqs", "a queue"),
        "batch": integer(1, 10_000, "messages"),
        "window": integer(0, 300, "seconds"),
        "concurrency": or_zero(integer(2, 1000)),
        "filter": _patterns,
        "kms_key": _KEY,
        "enabled": boolean,
    },
    "sns": {"topic": reference("sns", "a topic"), "filter": _pattern},
    "s3": {
        "bucket": matching(
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|[A-Za-z0-9]+",
            "the name of a bucket, or the logical id of one in [resources]",
        ),
        "events": list_of(one_of(*OBJECT_EVENTS)),
        "key": _keys,
    },
    "events": {
        "bus": matching(
            r"[A-Za-z0-9._/-]+|arn:aws[a-z-]*:events:\S+:event-bus/\S+",
            "the name or ARN of an event bus, or the logical id of one in [resources]",
        ),
        "pattern": _pattern,
    },
    "dynamodb": {"stream": reference("dynamodb", "a stream, or of its table"), **_STREAM},
    "kinesis": {"stream": reference("kinesis", "a stream"), **_STREAM},
    "invokers": {
        "service": matching(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", 'a service, such as "iot.amazonaws.com"'),
        "arn": reference("[a-z0-9-]+", "what calls"),
    },
}
"""The options of each kind of source.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html"""
REQUIRED: Mapping[str, str] = {
    "queue": '"arn:aws:sqs:...", or the name of a queue in [resources],',
    "topic": '"arn:aws:sns:...", or the name of a topic in [resources],',
    "bucket": 'the name of a bucket: "...",',
    "pattern": '{ source = ["..."] }',
    "stream": '"arn:aws:...", or the name of a table or stream in [resources],',
    "service": '"cognito-idp.amazonaws.com", for instance,',
    "arn": '"arn:aws:...", of what calls,',
}
"""What to write for an option that a source has to have."""


def schema() -> Schema:
    """Return the schema of [functions]."""
    options = {key: reader.schema for key, reader in FUNCTION_READERS.items()}
    sources = {key: list_schema(_source_schema(key)) for key in SOURCES}
    return {"type": "object", "additionalProperties": table_schema({**options, **sources})}


def _source_schema(option: str) -> Schema:
    options = {key: reader.schema for key, reader in SOURCE_READERS[option].items()}
    return table_schema(options, _required(SOURCES[option]))
