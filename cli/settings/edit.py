"""Edits of the settings file: a line is added or removed, and every other byte stays as it is.

Comments, order, blank lines and line ends are the user's. A writer of whole TOML documents moves some of them
(https://github.com/python-poetry/tomlkit puts a new key below the comment of the next table), so single lines
are edited. The new text is parsed before it is written: it has to hold the old values and the change, and
nothing else. If it does not, as where a table is written in braces, the user is told which line to write.
"""

import copy
import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import config_file
from lambdify.cli.settings.config_file import Keys
from lambdify.cli.storage import texts


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A line that was added to a settings file, or removed from it."""

    path: Path
    line: int
    """Number of the line, from 1."""
    text: str
    """The line, without white space around it."""

    @property
    def place(self) -> str:
        """The file and the line, for messages: "lambdify.toml, line 4"."""
        return f"{self.path.name}, line {self.line}"


def add(root: Path, keys: Keys, value: str) -> Edit:
    """Write a setting that is not there yet, such as ("secrets", "API_KEY"), and return its line.

    A project without settings gets a lambdify.toml. Raises SettingsError if the file cannot be edited.
    """
    file = config_file.find(root)
    path = file.path if file else root / config_file.LAMBDIFY_TOML
    full = (*(file.table if file else ()), *keys)
    line = f"{write_key(full[-1])} = {quote(value)}"
    text, encoding = _read(path) if file else ("", "utf-8")
    lines, number = _insert(text.split("\n"), text, full[:-1], line)
    by_hand = f"Write it by hand: {line}, under [{'.'.join(full[:-1])}]."
    changed = "\n".join(lines)
    _check(path, changed, _set(tomllib.loads(text), full, value), by_hand)
    save(path, changed, encoding)
    return Edit(path=path, line=number, text=line)


def remove(root: Path, keys: Keys) -> Edit | None:
    """Remove a setting's lines and return the first; None if it is not there. Raises SettingsError."""
    file = config_file.find(root)
    if file is None:
        return None
    full = (*file.table, *keys)
    text, encoding = _read(file.path)
    expected = _unset(tomllib.loads(text), full)
    if expected is None:
        return None
    lines = text.split("\n")
    found = [each for each in config_file.statements(text) if each.keys == full]
    first, last = (found[0].first, found[0].last) if found else (1, 0)
    changed = "\n".join([*lines[: first - 1], *lines[last:]])
    _check(file.path, changed, expected, f"Take {full[-1]} out of [{'.'.join(full[:-1])}] by hand.")
    save(file.path, changed, encoding)
    return Edit(path=file.path, line=first, text=lines[first - 1].strip())


def save(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a settings file completely or not at all; its mode stays. Raises SettingsError."""
    target = path.resolve()  # what a link leads to is replaced, not the link
    partial = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        partial.write_bytes(text.encode(encoding))
        if target.exists():
            partial.chmod(target.stat().st_mode)
        partial.replace(target)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _insert(lines: Sequence[str], text: str, table: Keys, line: str) -> tuple[list[str], int]:
    """Return the lines with the new one at the end of its table, and its number.

    A table that is not there is made.
    """
    end = "\r" if "\r\n" in text else ""
    statements = list(config_file.statements(text))
    inside = [each.last for each in statements if each.table == table]
    if inside:
        return [*lines[: inside[-1]], line + end, *lines[inside[-1] :]], inside[-1] + 1
    # A new table stands after the last of its family: [tool.lambdify.secrets] after [tool.lambdify.tags].
    family = [each.last for each in statements if table[:-1] and each.table[: len(table) - 1] == table[:-1]]
    header = f"[{'.'.join(map(write_key, table))}]"
    if family:
        at = family[-1]
        return [*lines[:at], end, header + end, line + end, *lines[at:]], at + 3
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    if kept:
        # The last line may lack its end.
        kept = [*kept[:-1], kept[-1].removesuffix("\r") + end, end]
    return [*kept, header + end, line + end, ""], len(kept) + 2


def _check(path: Path, text: str, expected: dict[str, Any], by_hand: str) -> None:
    """Raise SettingsError unless the text holds the expected values, and nothing else."""
    try:
        safe = tomllib.loads(text) == expected
    except ValueError:
        safe = False
    if not safe:
        raise SettingsError(f"{path.name} is written in a way that is not edited here.", hint=by_hand)


def _set(values: dict[str, Any], keys: Keys, value: str) -> dict[str, Any]:
    """Return the values with one more."""
    changed = copy.deepcopy(values)
    inner = changed
    for key in keys[:-1]:
        inner = inner.setdefault(key, {})
    inner[keys[-1]] = value
    return changed


def _unset(values: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    """Return the values without one of them; None if it is not there."""
    changed = copy.deepcopy(values)
    inner = changed
    for key in keys[:-1]:
        inner = inner.get(key, {})
    return changed if inner.pop(keys[-1], None) is not None else None


def write_key(name: str) -> str:
    """Return a key as TOML writes it, in quotes where it has to be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)


def quote(text: str) -> str:
    """Return a text as TOML writes it."""
    # A string of JSON is one of TOML, but for the character DEL: https://toml.io/en/v1.0.0#string
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(path: Path) -> tuple[str, str]:
    """Return the text with its own line ends, and its encoding. Raises SettingsError."""
    try:
        data = path.read_bytes()
        encoding = texts.find_mark(data) or "utf-8"
        return data.decode(encoding), encoding
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
