"""What may be set, and to what.

defaults.toml holds the names and their defaults, the dataclasses in settings.py the types, and READERS the
limits that a type cannot say, each with the rule it comes from. A value goes through one reader, which
returns it as `Settings` keeps it or refuses it, saying what is allowed.

A key that is unknown is refused with the nearest name: a setting that silently does nothing is worse than
an error.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lambdify.cli.errors import SettingsError

Reader = Callable[[object], object]
Place = Callable[[tuple[str, ...]], str]
"""Says where a setting stands, for messages: "lambdify.toml, line 4"."""

DEFAULTS = Path(__file__).with_name("defaults.toml")

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

RESERVED_VARIABLES = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
})  # fmt: skip
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime"""
ENVIRONMENT_BYTES = 4096
"""Names and values together. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class Refused(Exception):
    """A reader does not take a value; the text says what it takes."""


def defaults() -> dict[str, Any]:
    """The values of defaults.toml, as it says them."""
    return tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))


def read(
    values: Mapping[str, Any],
    *,
    shape: type,
    known: Mapping[str, Any],
    place: Place,
    at: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The values as Settings keeps them: every name known, every value allowed.

    `shape` is the dataclass they are for, `known` the names that may be used, `place` says where a value
    stands. Raises SettingsError.
    """
    hints = get_type_hints(shape)
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise _unknown((*at, key), known, place)
        found[key] = _read_one((*at, key), value, hints[key], known[key], place)
    return found


def nearest(word: str, words: Iterable[str]) -> str:
    """'Did you mean "this"?', or "" when nothing is near."""
    choices = list(words)
    # "prod" is nobody's misspelling of "production", and means it all the same.
    begun = [choice for choice in choices if len(word) > 1 and choice.startswith(word)]
    found = begun or difflib.get_close_matches(word, choices, n=1)
    return f'Did you mean "{found[0]}"?' if found else ""


def _read_one(keys: tuple[str, ...], value: object, hint: Any, known: Any, place: Place) -> object:
    if is_dataclass(hint) or isinstance(known, dict):
        if not isinstance(value, dict):
            raise SettingsError(
                f"{place(keys)}: {'.'.join(keys)} is a table, not a value.",
                hint=f"Write [{'.'.join(keys)}] and its options below it.",
            )
        if is_dataclass(hint) and isinstance(hint, type):
            return read(value, shape=hint, known=known, place=place, at=keys)
        return _environment(keys, value, place)
    # Inside [stages.NAME] an option means what it means outside.
    name = ".".join(keys[2:] if keys[0] == "stages" else keys)
    reader = READERS.get(name) or reader_of(hint)
    try:
        return reader(value)
    except Refused as error:
        raise SettingsError(
            f"{place(keys)}: {'.'.join(keys)} cannot be {_shown(value)}.", hint=f"It takes {error}."
        ) from error


def _shown(value: object) -> str:
    """A value as TOML writes it, near enough for a message."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _unknown(keys: tuple[str, ...], known: Mapping[str, Any], place: Place) -> SettingsError:
    table = ".".join(keys[:-1])
    here = f" in [{table}]" if table else ""
    hint = nearest(keys[-1], known)
    return SettingsError(
        f'{place(keys)}: there is no option "{keys[-1]}"{here}.',
        hint=hint or f"Options{here}: {', '.join(known)}.",
    )


def _environment(keys: tuple[str, ...], values: Mapping[str, Any], place: Place) -> dict[str, str]:
    """[environment] holds the user's own names. Values stay out of messages: one of them may be a secret."""
    for name, value in values.items():
        at = (*keys, name)
        if not isinstance(value, str):
            raise SettingsError(
                f"{place(at)}: {'.'.join(at)} is not text.", hint='Put the value in quotes: NAME = "value".'
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]+", name):
            raise SettingsError(
                f'{place(at)}: "{name}" cannot be the name of an environment variable on Lambda.',
                hint="A name has two or more letters, digits and underscores, and begins with a letter.",
            )
        if name in RESERVED_VARIABLES:
            raise SettingsError(
                f"{place(at)}: Lambda itself sets {name}, and refuses to have it set.",
                hint="Use another name, and let the app read that.",
            )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    if size > ENVIRONMENT_BYTES:
        raise SettingsError(
            f"{place(keys)}: [{'.'.join(keys)}] holds {size} bytes; Lambda takes {ENVIRONMENT_BYTES}.",
            hint="Move long values into a file of the project, or into SSM Parameter Store.",
        )
    return dict(values)


# -------------------------------------------------------------------- readers, by type and by name


def reader_of(hint: Any) -> Reader:
    """The reader that a type alone asks for."""
    if get_origin(hint) is Literal:
        return one_of(*get_args(hint))
    if get_origin(hint) is tuple:
        return _texts
    return {bool: _truth, int: whole(0), str: _text}[hint]


def one_of(*allowed: str | int) -> Reader:
    """Exactly one of a few values."""

    def reader(value: object) -> object:
        # 1 == True in Python; a TOML true is never one of our numbers.
        if isinstance(value, bool) or value not in allowed:
            raise Refused("one of " + ", ".join(json.dumps(choice) for choice in allowed if choice != ""))
        return value

    return reader


def whole(least: int, most: int | None = None, unit: str = "") -> Reader:
    """A whole number within limits."""
    of = f" of {unit}" if unit else ""
    limits = f"from {least} to {most}" if most is not None else f"from {least} upwards"

    def reader(value: object) -> object:
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or value < least
            or (most is not None and value > most)
        ):
            raise Refused(f"a whole number{of} {limits}")
        return value

    return reader


def matching(pattern: str, allowed: str) -> Reader:
    """Text of a certain form; "" where that means "decide for me"."""

    def reader(value: object) -> object:
        if not isinstance(value, str) or (value and not re.fullmatch(pattern, value)):
            raise Refused(allowed)
        return value

    return reader


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused("text in quotes")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused("true or false")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise Refused('a list of texts: ["one", "two"]')
    return tuple(value)


def _paths(value: object) -> tuple[str, ...]:
    paths = _texts(value)
    if any(not path or path.startswith("/") or ".." in PurePosixPath(path).parts for path in paths):
        raise Refused("a list of paths inside the project, relative to its folder")
    return paths


def _python(value: object) -> object:
    # Imported when it is needed: platform tags cost more to import than all the rest of reading settings.
    from lambdify.cli.build.target import runtimes

    return one_of("", *runtimes())(value)


def _minutes(value: object) -> int:
    """Minutes between two keep-warm calls: 5, "5 minutes", "1 hour", or "off", which is 0."""
    if isinstance(value, str):
        if value == "off":
            return 0
        if parts := re.fullmatch(r"(\d{1,4}) *(minutes?|min|m|hours?|h)?", value.strip()):
            value = int(parts[1]) * (60 if (parts[2] or "").startswith("h") else 1)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 60:
        raise Refused('minutes from 1 to 60, such as "5 minutes", or "off"')
    return value


READERS: Mapping[str, Reader] = {
    # A CloudFormation stack is named by it, which allows fewer characters than Lambda does.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    "name": matching(r"[A-Za-z][A-Za-z0-9-]*", "letters, digits and hyphens, beginning with a letter"),
    "stage": matching(r"[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and hyphens"),
    "app": matching(
        r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*(\(\))?",
        'a module and the name of the app in it: "package.module:app", or "package.module:create_app()"',
    ),
    "region": matching(r"[a-z]{2,4}(-[a-z]+)+-\d", 'the name of an AWS region, such as "eu-central-1"'),
    "function.python": _python,
    "function.memory": whole(128, 10240, "MB"),
    "function.timeout": whole(1, 900, "seconds"),
    "function.on_event": matching(
        r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*",
        'a module and the name of a function in it: "package.module:function"',
    ),
    "function.description": matching(r"(?s).{0,256}", "text of up to 256 characters"),
    "build.include": _paths,
    "warm.every": _minutes,
    "logs.retention": one_of(*RETENTION_DAYS),
    "local.port": whole(0, 65535),
}
"""Limits of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
