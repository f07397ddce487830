"""The settings file of a project, and the line of each setting in it.

The file is lambdify.toml, with settings at its top level, or pyproject.toml with a table [tool.lambdify]. A
project with both is refused, since one of them would have no effect.

tomllib reports no lines, so the line for an error is searched afterwards, in a text that is valid TOML. If a
string, an array or an inline table is open at its beginning, a line begins no statement. So lines of long
values are not taken for keys.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli.errors import SettingsError
from lambdify.cli.storage import folders, texts

LAMBDIFY_TOML = "lambdify.toml"
PYPROJECT_TOML = "pyproject.toml"
TABLE = ("tool", "lambdify")

MAX_DEPTH = 100
"""Levels of tables and lists: more than templates need, and less than Python's recursion limit."""

Keys = tuple[str, ...]

_TOKEN = re.compile(
    r""" \"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    | \#[^\n]* | [][{}] | \n """,
    re.DOTALL | re.VERBOSE,
)
"""Brackets, line breaks, and strings and comments, which may contain them: https://toml.io/en/v1.0.0"""


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A settings file and its values."""

    path: Path
    table: Keys
    """The table of the settings: () for the top level, or ("tool", "lambdify")."""
    values: Mapping[str, Any]
    text: str

    def locate(self, keys: Keys) -> str:
        """Return the file's name, and the line of a setting if it is found: "lambdify.toml, line 4"."""
        line = _line((*self.table, *keys), self.text)
        return f"{self.path.name}, line {line}" if line else self.path.name


def find(root: Path) -> ConfigFile | None:
    """Return the settings file of the project in `root`, or None. Raises SettingsError if there are two."""
    own, shared = find_lambdify_toml(root), find_pyproject_toml(root)
    if own and shared:
        raise SettingsError(
            f"{root} has settings in two places: {LAMBDIFY_TOML}, and [tool.lambdify] in {PYPROJECT_TOML}.",
            hint="Keep one of them: move the settings of the other into it.",
        )
    return own or shared


def find_lambdify_toml(root: Path) -> ConfigFile | None:
    """Return the project's lambdify.toml, or None. Raises SettingsError."""
    return _read(root / LAMBDIFY_TOML, ()) if (root / LAMBDIFY_TOML).is_file() else None


def find_pyproject_toml(root: Path) -> ConfigFile | None:
    """Return the project's pyproject.toml if it has a [tool.lambdify]; else None. Raises SettingsError."""
    return _read(root / PYPROJECT_TOML, TABLE) if (root / PYPROJECT_TOML).is_file() else None


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, that has a settings file; `start` if none has.

    Raises SettingsError for a file above `start` that belongs to another user.
    """
    for folder in (start, *start.parents):
        own, shared = folder / LAMBDIFY_TOML, folder / PYPROJECT_TOML
        if own.is_file():
            refuse_foreign_file(own, start)
            return folder
        if shared.is_file() and "[tool.lambdify" in texts.read(shared, errors="replace"):
            refuse_foreign_file(shared, start)
            return folder
    return start


def refuse_foreign_file(path: Path, start: Path) -> None:
    """Raise SettingsError for a file above `start` whose owner is not trusted; see `foreign_owner`."""
    owner = folders.foreign_owner(path, start)
    if owner is not None:
        raise SettingsError(
            f"{path} would decide over {start}, and it or its folder belongs to another user ({owner}).",
            hint=f"If it is part of your project, make it yours: `chown -R $USER {path.parent}`. If it is "
            f"not, put a {LAMBDIFY_TOML} into your own folder, which may be empty.",
        )


def project_name(root: Path) -> str:
    """Return the name in pyproject.toml's [project] or [tool.poetry]; "" if there is none.

    Raises SettingsError.
    """
    path = root / PYPROJECT_TOML
    if not path.is_file():
        return ""
    values = _parse(path, _text(path))
    names = (_dig(values, *table, "name") for table in (("project",), ("tool", "poetry")))
    return next((name for name in names if name and isinstance(name, str)), "")


def _dig(values: object, *keys: str) -> object:
    """Return the value at the end of the keys; None if a table on the way is missing, or is none."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _read(path: Path, table: Keys) -> ConfigFile | None:
    text = _text(path)
    values: Any = _parse(path, text)
    for key in table:
        if not isinstance(values, dict) or key not in values:
            return None
        values = values[key]
    if not isinstance(values, dict):
        raise SettingsError(
            f"{path.name}: {'.'.join(table)} is not a table.", hint="Write it as [tool.lambdify]."
        )
    return ConfigFile(path=path, table=table, values=values, text=text)


def _text(path: Path) -> str:
    try:
        return texts.read(path)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} is not UTF-8, which TOML has to be: {error}.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        # A number with more digits than Python allows raises a ValueError, too.
        raise SettingsError(
            f"{path.name} is not valid TOML: {error}.", hint="See https://toml.io for its rules."
        ) from error
    except RecursionError as error:
        raise _too_deep(path) from error
    if _is_deeper(values, MAX_DEPTH):
        raise _too_deep(path)
    return values


def _too_deep(path: Path) -> SettingsError:
    return SettingsError(
        f"{path.name} is nested more than {MAX_DEPTH} levels deep.",
        hint="Nobody writes that by hand: see where the file comes from.",
    )


def _is_deeper(values: object, most: int) -> bool:
    """Whether a value has more than `most` levels of tables and lists."""
    level = [values]
    for _ in range(most + 1):
        level = [inner for value in level for inner in _inside(value)]
    return bool(level)


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


class Statement(NamedTuple):
    """A header of a table, or a key with its value."""

    first: int
    """Number of its first line, from 1."""
    last: int
    """Number of its last line: a value may have several."""
    table: Keys
    """The table that it is in, or that it begins."""
    keys: Keys
    """The full name of what it sets; that of the table for a header."""


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a text that is valid TOML, in their order."""
    table: Keys = ()
    for first, last, statement in _pieces(text):
        if statement.startswith("["):
            table = _keys_of(statement)
            yield Statement(first, last, table, table)
        else:
            yield Statement(first, last, table, (*table, *_keys_of(f"{_key_part(statement)} = 0")))


def _line(target: Keys, text: str) -> int | None:
    """Return the line that sets `target`, or the line of the closest table or key around it; else None."""
    best: tuple[int, int] | None = None
    for statement in statements(text):
        found = statement.keys
        if found[: len(target)] == target:
            return statement.first
        if target[: len(found)] == found and (best is None or len(found) > best[0]):
            best = len(found), statement.first
    # A table around it counts only if it is close enough: [tool] alone does not.
    return best[1] if best and best[0] >= max(1, len(target) - 1) else None


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the first and the last line of each statement, and the text of its first line."""
    depth, number, begin, first = 0, 1, 0, 1
    for token in _TOKEN.finditer(f"{text}\n"):
        found = token.group()
        number += found.count("\n")
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        # An open value continues in the next line.
        if found == "\n" and not depth:
            statement = text[begin : token.start()].partition("\n")[0].strip()
            if statement and not statement.startswith("#"):
                yield first, number - 1, statement
            first, begin = number, token.end()


def _key_part(statement: str) -> str:
    """Return the part before the first "=" that is not inside quotes."""
    quote = ""
    for index, character in enumerate(statement):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "=":
            return statement[:index]
    return statement


def _keys_of(statement: str) -> Keys:
    """Return the keys of a statement, which tomllib parses."""
    value: Any = tomllib.loads(statement)
    keys: list[str] = []
    while value:
        value = value[0] if isinstance(value, list) else value
        if not isinstance(value, dict) or not value:
            break
        key = next(iter(value))
        keys.append(key)
        value = value[key]
    return tuple(keys)
