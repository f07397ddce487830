"""Options: their names, types and allowed values.

defaults.toml has the names and the defaults, tables.py the types, validators.py further limits, and
mappings.py the tables whose keys the user chooses. Each value has one reader, which returns it as `Settings`
stores it, or raises an error that says what is allowed.

An unknown key is refused, with the nearest name as a hint: an ignored setting would be worse than an error.
"""

import difflib
import functools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.mappings import MAPPING_READERS
from lambdify.cli.settings.validators import READERS, InvalidValue, Locate, reader_of

TOP = "at the top of the file, above every table"
"""Where the options stand that are in no table."""
DEFAULTS = Path(__file__).with_name("defaults.toml")


def defaults() -> dict[str, Any]:
    """Return the content of defaults.toml."""
    return tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))


def read(
    values: Mapping[str, Any],
    *,
    shape: type,
    known: Mapping[str, Any],
    locate: Locate,
    at: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the values as Settings stores them. Raises SettingsError for unknown names and invalid values.

    `shape` is the dataclass for the values, `known` has the allowed names, `locate` returns a value's place.
    """
    types = get_type_hints(shape)
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise _unknown((*at, key), known, locate)
        found[key] = _read_one((*at, key), value, types[key], known[key], locate)
    return found


def _read_one(keys: tuple[str, ...], value: object, hint: Any, known: Any, locate: Locate) -> object:
    # An option in [stages.NAME] has the same reader as outside.
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
    """Return a value nearly as TOML writes it, for a message."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _unknown(keys: tuple[str, ...], known: Mapping[str, Any], locate: Locate) -> SettingsError:
    stage, inside = (keys[:2], keys[2:]) if keys[0] == "stages" else ((), keys)
    table = ".".join(keys[:-1])
    here = f" in [{table}]" if table else ""
    hint = (
        _place(inside[-1], stage)
        or hints.nearest(keys[-1], known)
        or _near_place(inside[-1], stage)
        or f"Options{here}: {', '.join(known)}."
    )
    return SettingsError(f'{locate(keys)}: there is no option "{keys[-1]}"{here}.', hint=hint)


def _place(key: str, stage: tuple[str, ...]) -> str:
    """Return where an option or a table of that name belongs; "" if it belongs nowhere."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
        return f"Environment variables of the function belong below [{'.'.join((*stage, 'environment'))}]."
    places = [place for place in _places(defaults()) if place[-1] == key]
    # Memory and timeout are the app's unless a table says whose else they are; a name is the project's.
    found = [_describe(place, stage) for place in places if place[0] in ("function", "name")] or [
        _describe(place, stage) for place in places
    ]
    return f"{' or '.join(found)}." if found else ""


def _near_place(key: str, stage: tuple[str, ...]) -> str:
    """Return the place of the option whose name is most like the key; "" if none is like it."""
    # Of several tables that have it, the first one is the likeliest.
    places = {place[-1]: place for place in reversed(list(_places(defaults())))}
    near = difflib.get_close_matches(key, places, n=1, cutoff=0.7)
    return f"Did you mean this? {_describe(places[near[0]], stage)}." if near else ""


def _places(known: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys of every option and table."""
    for key, value in known.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from _places(value, (*at, key))


def _describe(place: tuple[str, ...], stage: tuple[str, ...]) -> str:
    *tables, key = place
    whole = functools.reduce(lambda value, name: value[name], place, defaults())
    if isinstance(whole, dict):
        return f"The table is [{'.'.join((*stage, *place))}]"
    if stage and not tables and key in ("name", "stage"):
        return f'"{key}" is the same for all stages: it stands {TOP}'
    if not tables and not stage:
        return f'"{key}" stands {TOP}'
    return f'"{key}" belongs below [{".".join((*stage, *tables))}]'
