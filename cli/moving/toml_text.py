"""Options as lines of TOML, in the order of defaults.toml. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from lambdify.cli.formatting import visible_line
from lambdify.cli.moving import draft
from lambdify.cli.moving.draft import Draft
from lambdify.cli.settings import STAGES, options
from lambdify.cli.settings.edit import quote, write_key
from lambdify.cli.settings.mappings import MAPPING_READERS

WIDTH = 100
"""Characters of a line above which a list gets a line for each item."""


def write(drafted: Draft) -> str:
    """Return the tables of a draft as text, with its remarks as comments."""
    lines = [*_remarks(drafted, ""), *_table(draft.nest(drafted.common), ())]
    for stage, values in drafted.stages.items():
        at = (STAGES, stage)
        lines += ["", _header(at), *_remarks(drafted, stage), *_table(draft.nest(values), at)]
    return "\n".join(lines).strip("\n") + "\n"


def complete(text: str, drafted: Draft) -> str:
    """Return a text of all options, each commented out, with the draft's values in their places.

    Tables whose keys are the project's own, and stages, stand at the end.
    """
    rest = {}
    for keys, value in drafted.common.items():
        line = f"{keys[-1]} = {to_toml(value)}"
        changed = _replace(text, keys, line) if keys[0] not in MAPPING_READERS else text
        if changed == text:
            rest[keys] = value
        text = changed
    ended = write(Draft(common=rest, stages=drafted.stages, remarks=drafted.remarks))
    return f"{text.rstrip()}\n\n{ended}" if ended.strip() else text


def _replace(text: str, keys: tuple[str, ...], line: str) -> str:
    """Return the text with the line of an option, which is a comment, replaced; as it is if it has none."""
    table, (*_, key) = ".".join(keys[:-1]), keys
    lines = text.split("\n")
    inside = not table
    for number, each in enumerate(lines):
        if each.startswith("["):
            inside = each == f"[{table}]"
        elif inside and each.startswith(f"#{key} = "):
            return "\n".join([*lines[:number], line, *lines[number + 1 :]])
    return text


def _remarks(drafted: Draft, stage: str) -> Iterator[str]:
    for remark in drafted.remarks.get(stage, ()):
        yield from (f"# {visible_line(line)}" for line in remark.splitlines())


def _table(values: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table without its header: its options, then the tables in it."""
    known = _order(at)
    ordered = sorted(
        values.items(), key=lambda item: known.index(item[0]) if item[0] in known else len(known)
    )
    inner = []
    for key, value in ordered:
        if isinstance(value, dict) and value:
            inner.append((key, value))
        else:
            yield f"{write_key(key)} = {to_toml(value)}"
    for key, value in inner:
        below = (*at, key)
        if any(not isinstance(each, dict) or not each for each in value.values()):
            yield from ("", _header(below))
        yield from _table(value, below)


def _order(at: tuple[str, ...]) -> list[str]:
    """Return the keys of a table of settings as defaults.toml has them; none for a table of the project's."""
    table: Any = options.defaults()
    for key in at[2:] if at[:1] == (STAGES,) else at:
        table = table.get(key) if isinstance(table, dict) else None
    return list(table) if isinstance(table, dict) else []


def _header(at: tuple[str, ...]) -> str:
    return f"[{'.'.join(map(write_key, at))}]"


def to_toml(value: Any) -> str:
    """Return a value as TOML writes it; a long list has a line for each item."""
    if not isinstance(value, list):
        return _inline(value)
    whole = _inline(value)
    if len(whole) <= WIDTH and not (len(value) > 1 and all(isinstance(each, dict) for each in value)):
        return whole
    return "\n".join(["[", *(f"  {_inline(each)}," for each in value), "]"])


def _inline(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            pairs = (f"{write_key(key)} = {_inline(each)}" for key, each in value.items() if each is not None)
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case list():
            return f"[{', '.join(_inline(each) for each in value if each is not None)}]"
        case int() | float():
            return str(value)
    return quote(str(value))
