"""The files of other tools as values: YAML with CloudFormation's tags, JSON, Hjson and TOML.

A file that cannot be read ends `init` with its name and the line, before anything is written.
"""

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.storage import texts

MAX_BYTES = 2_000_000
"""Bytes; a larger file is nobody's settings."""
MAX_NODES = 100_000
"""Values of a file, with those of aliases: a few lines of YAML can stand for billions of them."""


def read_text(path: Path) -> str:
    """Return the text of a file. Raises SettingsError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path.name} has more than {MAX_BYTES:,} bytes, and settings have not.")
        return texts.read(path)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} is not UTF-8: {error.reason}.", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}.") from error


def read(path: Path) -> dict[str, Any]:
    """Return a file as a table, by the end of its name. Raises SettingsError."""
    reader, language = READERS[path.suffix]
    try:
        value = reader(read_text(path))
    except RecursionError as error:
        raise SettingsError(f"{path.name} is nested too deeply to be read.") from error
    except ValueError as error:
        raise SettingsError(
            f"{path.name}{_place(error)} is not valid {language}: {_reason(error)}.",
            hint="Mend it there and call `lambdify init` again; nothing was written.",
        ) from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path.name} holds no table of settings.", hint="Its top level has to be one.")
    if _is_too_large(value):
        raise SettingsError(
            f"{path.name} stands for more than {MAX_NODES:,} values: its aliases repeat them."
        )
    return value


class InvalidYaml(ValueError):
    """A text is no YAML; `lineno` is the line."""

    def __init__(self, why: str, lineno: int) -> None:
        super().__init__(why)
        self.msg, self.lineno = why, lineno


def _read_yaml(text: str) -> object:
    """Return the value of a YAML text. CloudFormation's tags get their long forms: {"Ref": "Orders"}."""
    # Most commands that import this room's neighbours read no YAML.
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """YAML as JavaScript and CloudFormation read it: dates are texts."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_multi_constructor("!", _long_form)
    try:
        return yaml.load(text, Loader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidYaml(error.problem or "it cannot be read", mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error).partition("\n")[0], 0) from error


def _long_form(loader: Any, suffix: str, node: Any) -> object:
    """Return what a tag such as !GetAtt stands for: {"Fn::GetAtt": ["Orders", "Arn"]}."""
    value: Any
    match node.id:
        case "scalar":
            value = loader.construct_scalar(node)
        case "sequence":
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


def _read_hjson(text: str) -> object:
    """Return the value of a JSON text with comments and with commas left out, as Zappa reads it."""
    import hjson  # type: ignore[import-untyped]

    return json.loads(json.dumps(hjson.loads(text)))


READERS: dict[str, tuple[Callable[[str], object], str]] = {
    ".json": (_read_hjson, "JSON"),
    ".toml": (tomllib.loads, "TOML"),
    ".yml": (_read_yaml, "YAML"),
    ".yaml": (_read_yaml, "YAML"),
}


def _place(error: ValueError) -> str:
    line = getattr(error, "lineno", 0)
    return f", line {line}," if line else ""


def _reason(error: ValueError) -> str:
    """Return what is wrong, without the place where a library repeats it."""
    said = str(getattr(error, "msg", "") or error).partition("\n")[0]
    return said.partition(": line ")[0].rstrip(".")


def _is_too_large(value: object) -> bool:
    """Whether a value has more than MAX_NODES values in it, or holds itself."""
    waiting: list[Iterator[object]] = [iter([value])]
    seen = 0
    while waiting:
        node = next(waiting[-1], waiting)
        if node is waiting:
            waiting.pop()
            continue
        seen += 1
        if seen > MAX_NODES:
            return True
        if isinstance(node, dict):
            waiting.append(iter(node.values()))
        elif isinstance(node, list):
            waiting.append(iter(node))
    return False
