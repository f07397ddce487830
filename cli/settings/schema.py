"""The settings file as a JSON Schema, by which editors complete it, explain it and mark its mistakes.

Nothing is written twice: names, defaults and explanations are those of defaults.toml, limits those of the
validators. What depends on two options at once, or on this machine, only `load` finds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_type_hints

from lambdify.cli.settings import NOT_PER_STAGE, STAGES, Settings, config_file, options
from lambdify.cli.settings import stages as stages_by_pattern
from lambdify.cli.settings.mappings import MAPPING_SCHEMAS
from lambdify.cli.settings.validators import READERS, Schema, reader_of, table_schema

DRAFT = "http://json-schema.org/draft-04/schema#"
_EXAMPLE = "   "
"""What a line of an example begins with, in a comment."""


def write(*, shared: bool = False) -> dict[str, Any]:
    """Return the schema of lambdify.toml; with `shared` that of pyproject.toml, with other tables."""
    whole = _table(options.defaults(), Settings, dict(_comments()))
    properties = whole["properties"]
    per_stage = {key: value for key, value in properties.items() if key not in NOT_PER_STAGE}
    named = {
        READERS["stage"].schema["pattern"]: table_schema(per_stage),
        stages_by_pattern.PATTERN: table_schema(per_stage),
    }
    properties[STAGES] |= {"patternProperties": named, "additionalProperties": False}
    if not shared:
        return {"$schema": DRAFT, "title": config_file.LAMBDIFY_TOML, **whole}
    for table in reversed(config_file.TABLE):
        whole = {"type": "object", "properties": {table: whole}}
    return {"$schema": DRAFT, "title": config_file.PYPROJECT_TOML, **whole}


def _table(
    known: Mapping[str, Any], shape: type, said: Mapping[tuple[str, ...], str], at: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the schema of a table with the options of defaults.toml, whose types `shape` has."""
    types = get_type_hints(shape)
    properties: dict[str, Schema] = {}
    for key, default in known.items():
        keys = (*at, key)
        if key in types and is_dataclass(types[key]) and isinstance(types[key], type):
            one = _table(default, types[key], said, keys)
        elif isinstance(default, dict):
            one = dict(MAPPING_SCHEMAS.get(".".join(keys), {"type": "object"}))
        else:
            reader = READERS.get(".".join(keys)) or reader_of(types[key])
            one = {**reader.schema, "default": default}
        described = said.get(keys) or _purpose(types.get(key))
        properties[key] = {**one, "description": described} if described else one
    return dict(table_schema(properties))


def _purpose(shape: Any) -> str:
    """Return what the class of a table says of it: "[role]: the function's permissions." says the rest."""
    said = (shape.__doc__ or "").partition("\n")[0].partition("]: ")[2] if is_dataclass(shape) else ""
    return said[:1].upper() + said[1:]


def _comments() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the keys of each option, and of each table that has a comment above it, with the comment.

    A comment is for all options below it, up to an empty line or the next comment.
    """
    table: tuple[str, ...] = ()
    comment: list[str] = []
    continues = False
    for line in options.DEFAULTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment = [*(comment if continues else ()), line.removeprefix("#").removeprefix(" ")]
        elif header := re.fullmatch(r"\[([\w.]+)\]", line):
            table = tuple(header[1].split("."))
            yield table, _as_markdown(comment)
            comment = []
        elif option := re.match(r"(\w+) = ", line):
            yield (*table, option[1]), _as_markdown(comment)
        else:
            comment = []
        continues = line.startswith("#")


def _as_markdown(comment: list[str]) -> str:
    """Return a comment as editors show it: its sentences, and its example as one."""
    text = " ".join(line.strip() for line in comment if not line.startswith("  "))
    example = "\n".join(line.strip() for line in comment if line.startswith("  "))
    return "\n\n".join(filter(None, (text, f"```toml\n{example}\n```" if example else "")))
