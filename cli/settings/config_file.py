"""The file a project's settings are in, and where in it each of them stands.

Either lambdify.toml, with the settings at its top level, or the [tool.lambdify] table of pyproject.toml.
Both at once would leave one of them without effect, so that is refused.

tomllib says nothing about lines, so an error looks its line up afterwards, in a text that is known to be
TOML. A line begins a statement if no string, array or inline table is open at its beginning: so those that
run over several lines are not mistaken for keys.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.storage import folders

LAMBDIFY_TOML = "lambdify.toml"
PYPROJECT_TOML = "pyproject.toml"
TABLE = ("tool", "lambdify")

MAX_DEPTH = 100
"""Levels of tables and lists: more than any template has, and less than Python's own limits."""

Keys = tuple[str, ...]

_TOKEN = re.compile(
    r""" \"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    | \#[^\n]* | [][{}] | \n """,
    re.DOTALL | re.VERBOSE,
)
"""What can open or close something, or keep what looks so from doing it: https://toml.io/en/v1.0.0"""


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A file that was read, and the settings in it."""

    path: Path
    table: Keys
    """Where in the file the settings are: nowhere in particular, or in ("tool", "lambdify")."""
    values: Mapping[str, Any]
    text: str

    def locate(self, keys: Keys) -> str:
        """The file, and the line of a setting where it can be told: "lambdify.toml, line 4"."""
        line = _line((*self.table, *keys), self.text)
        return f"{self.path.name}, line {line}" if line else self.path.name


def find(root: Path) -> ConfigFile | None:
    """The settings file of the project in `root`. Raises SettingsError when there are two."""
    own, shared = find_lambdify_toml(root), find_pyproject_toml(root)
    if own and shared:
        raise SettingsError(
            f"{root} has settings in two places: {LAMBDIFY_TOML}, and [tool.lambdify] in {PYPROJECT_TOML}.",
            hint="Keep one of them: move the settings of the other into it.",
        )
    return own or shared


def find_lambdify_toml(root: Path) -> ConfigFile | None:
    """The project's lambdify.toml."""
    return _read(root / LAMBDIFY_TOML, ()) if (root / LAMBDIFY_TOML).is_file() else None


def find_pyproject_toml(root: Path) -> ConfigFile | None:
    """The project's pyproject.toml, if [tool.lambdify] is in it."""
    return _read(root / PYPROJECT_TOML, TABLE) if (root / PYPROJECT_TOML).is_file() else None


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that has a settings file; `start` itself if none has.

    Raises SettingsError for one above that is another user's.
    """
    for folder in (start, *start.parents):
        own, shared = folder / LAMBDIFY_TOML, folder / PYPROJECT_TOML
        if own.is_file():
            refuse_foreign_file(own, start)
            return folder
        if shared.is_file() and "[tool.lambdify" in shared.read_text(encoding="utf-8", errors="replace"):
            refuse_foreign_file(shared, start)
            return folder
    return start


def refuse_foreign_file(path: Path, start: Path) -> None:
    """Raise SettingsError for a file above `start` that somebody has put there who has no say here."""
    owner = folders.foreign_owner(path, start)
    if owner is not None:
        raise SettingsError(
            f"{path} would decide over {start}, and it or its folder belongs to another user ({owner}).",
            hint=f"If it is part of your project, make it yours: `chown -R $USER {path.parent}`. If it is "
            f"not, put a {LAMBDIFY_TOML} into your own folder, which may be empty.",
        )


def project_name(root: Path) -> str:
    """The name in pyproject.toml's [project]; "" if there is none."""
    path = root / PYPROJECT_TOML
    if not path.is_file():
        return ""
    project = _parse(path, _text(path)).get("project", {})
    name = project.get("name", "") if isinstance(project, dict) else ""
    return name if isinstance(name, str) else ""


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
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} is not UTF-8, which TOML has to be: {error}.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        # Python has a limit of its own for the digits of a number.
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
    """Whether there are more levels than that."""
    level = [values]
    for _ in range(most + 1):
        level = [inner for value in level for inner in _inside(value)]
    return bool(level)


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _line(target: Keys, text: str) -> int | None:
    """The line where `target` is set, or the table or key around it that comes closest."""
    best: tuple[int, int] | None = None
    table: Keys = ()
    for number, statement in _statements(text):
        if statement.startswith("["):
            table = found = _keys_of(statement)
        else:
            found = (*table, *_keys_of(f"{_key_part(statement)} = 0"))
        if found[: len(target)] == target:
            return number
        if target[: len(found)] == found and (best is None or len(found) > best[0]):
            best = len(found), number
    # A table around it is near enough only when it is one of ours, not when it is just [tool].
    return best[1] if best and best[0] >= max(1, len(target) - 1) else None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The number and the text of each line that begins a statement."""
    depth, number, begin = 0, 1, 0
    first: int | None = 1
    for token in _TOKEN.finditer(f"{text}\n"):
        found = token.group()
        number += found.count("\n")
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        if found == "\n":
            statement = text[begin : token.start()].partition("\n")[0].strip()
            if first and statement and not statement.startswith("#"):
                yield first, statement
            # What is open goes on in the next line.
            first, begin = None if depth else number, token.end()


def _key_part(statement: str) -> str:
    """What stands left of the first "=" that is not inside quotes."""
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
    """The dotted key of one statement, read by the TOML parser itself."""
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
