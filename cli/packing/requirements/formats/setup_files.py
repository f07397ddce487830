"""setup.cfg and setup.py: what they declare, as far as reading shows it. Neither is run here.

https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
"""

import ast
import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.storage import texts

_COMPUTED = ("attr:", "file:")
"""Beginnings of values that setuptools takes from elsewhere."""


@dataclass(frozen=True, kw_only=True)
class SetupFile:
    """The declarations of a setup.cfg or setup.py; None for what only running it tells."""

    requires: tuple[str, ...] | None
    """The requirement lines."""
    extras: Mapping[str, tuple[str, ...]] | None
    """The requirement lines of each extra."""


UNREADABLE = SetupFile(requires=None, extras=None)
"""What is known of a file that cannot be read: if it is run, that says what is wrong with it."""


def read_setup_cfg(path: Path) -> SetupFile:
    """Return what a setup.cfg declares."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(texts.read(path))
    except (OSError, ValueError, configparser.Error):
        return UNREADABLE
    listed = parser.get("options", "install_requires", fallback="")
    optional = dict(parser["options.extras_require"]) if parser.has_section("options.extras_require") else {}
    return SetupFile(
        requires=None if listed.startswith(_COMPUTED) else _lines(listed),
        extras=None
        if any(value.startswith(_COMPUTED) for value in optional.values())
        else {name: _lines(value) for name, value in optional.items()},
    )


def read_setup_py(path: Path) -> SetupFile:
    """Return what a setup.py passes to setup(), as literals or names of them."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return UNREADABLE
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    given: dict[str, Any] = {"install_requires": [], "extras_require": {}}
    for keyword in _keywords(tree):
        value = keyword.value
        value = names.get(value.id, value) if isinstance(value, ast.Name) else value
        try:
            given[keyword.arg or "**"] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            given[keyword.arg or "**"] = None
    # What setup(**more) brings is not to be seen.
    requires = None if "**" in given else _strings(given["install_requires"])
    extras = given["extras_require"] if isinstance(given["extras_require"], dict) else None
    return SetupFile(
        requires=requires,
        extras=extras and {str(name): _strings(listed) or () for name, listed in extras.items()},
    )


def _keywords(tree: ast.Module) -> Iterator[ast.keyword]:
    """Yield the keywords of the call of setup() or setuptools.setup()."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
            yield from node.keywords


def _lines(value: str) -> tuple[str, ...]:
    # In one line a semicolon parts requirements; in several it begins a marker.
    lines = (line.strip() for line in (value.splitlines() if "\n" in value else value.split(";")))
    return tuple(line for line in lines if line and not line.startswith("#"))


def _strings(value: object) -> tuple[str, ...] | None:
    """Return a list of strings, or a text with one in each line, as setuptools takes both; else None."""
    if isinstance(value, str):
        return _lines(value)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None
