"""What may be set, and to what.

defaults.toml holds the names and their defaults, tables.py the types, validators.py what a type cannot say,
and mappings.py the tables whose names are the user's own. A value goes through one reader, which returns it
as `Settings` keeps it or refuses it, saying what is allowed.

A key that is unknown is refused with the nearest name: a setting that silently does nothing is worse than
an error.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.mappings import MAPPING_READERS
from lambdify.cli.settings.validators import READERS, InvalidValue, Locate, reader_of

DEFAULTS = Path(__file__).with_name("defaults.toml")


def defaults() -> dict[str, Any]:
    """The values of defaults.toml, as it says them."""
    return tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))


def read(
    values: Mapping[str, Any],
    *,
    shape: type,
    known: Mapping[str, Any],
    locate: Locate,
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
            raise _unknown((*at, key), known, locate)
        found[key] = _read_one((*at, key), value, hints[key], known[key], locate)
    return found


def nearest(word: str, words: Iterable[str]) -> str:
    """'Did you mean "this"?', or "" when nothing is near."""
    choices = list(words)
    # "prod" is nobody's misspelling of "production", and means it all the same.
    begun = [choice for choice in choices if len(word) > 1 and choice.startswith(word)]
    found = begun or difflib.get_close_matches(word, choices, n=1)
    return f'Did you mean "{found[0]}"?' if found else ""


def _read_one(keys: tuple[str, ...], value: object, hint: Any, known: Any, locate: Locate) -> object:
    # Inside [stages.NAME] an option means what it means outside.
    name = ".".join(keys[2:] if keys[0] == "stages" else keys)
    if is_dataclass(hint) or isinstance(known, dict):
        if not isinstance(value, dict):
            raise SettingsError(
                f"{locate(keys)}: {'.'.join(keys)} is a table, not a value.",
                hint=f"Write [{'.'.join(keys)}] and its options below it.",
            )
        if is_dataclass(hint) and isinstance(hint, type):
            return read(value, shape=hint, known=known, locate=locate, at=keys)
        return MAPPING_READERS[name](keys, value, locate)
    reader = READERS.get(name) or reader_of(hint)
    try:
        return reader(value)
    except InvalidValue as error:
        raise SettingsError(
            f"{locate(keys)}: {'.'.join(keys)} cannot be {_as_toml(value)}.", hint=f"It takes {error}."
        ) from error


def _as_toml(value: object) -> str:
    """A value as TOML writes it, near enough for a message."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _unknown(keys: tuple[str, ...], known: Mapping[str, Any], locate: Locate) -> SettingsError:
    table = ".".join(keys[:-1])
    here = f" in [{table}]" if table else ""
    hint = nearest(keys[-1], known)
    return SettingsError(
        f'{locate(keys)}: there is no option "{keys[-1]}"{here}.',
        hint=hint or f"Options{here}: {', '.join(known)}.",
    )
