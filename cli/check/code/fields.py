"""Fields of pydantic's settings, each of which is read from an environment variable.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

import ast
import re
from collections.abc import Mapping
from typing import NamedTuple

from lambdify.cli.check.code.sites import qualify, text

BASES = frozenset(
    {"pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings", "pydantic.BaseSettings"}
)


class SettingsClass(NamedTuple):
    """A class whose fields are read from variables when it is called."""

    prefix: str
    """What the names of its variables begin with."""
    required: tuple[tuple[str, int], ...]
    """The variables of fields without a default, and their lines."""

    def variable(self, field: str) -> str:
        """Return the variable that a field is read from."""
        return f"{self.prefix}{field}".upper()


def find(classes: Mapping[str, ast.ClassDef], names: dict[str, str]) -> dict[str, SettingsClass]:
    """Return the classes of settings among those of a file, by name."""
    found = {}
    for name, node in classes.items():
        if bases := {qualify(base, names) for base in node.bases} & BASES:
            made = SettingsClass(_prefix(node), ())
            old = "pydantic.BaseSettings" in bases
            fields = tuple((made.variable(field), line) for field, line in _required(node, old=old))
            found[name] = made._replace(required=fields)
    return found


def _required(node: ast.ClassDef, *, old: bool) -> list[tuple[str, int]]:
    """Return the fields without a default; in the old pydantic, None is the default of what may be None."""
    found = []
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and each.value is None and isinstance(each.target, ast.Name):
            kind = ast.unparse(each.annotation)
            if "ClassVar" not in kind and not (old and re.search(r"\bOptional|\bNone\b", kind)):
                found.append((each.target.id, each.lineno))
    return found


def _prefix(node: ast.ClassDef) -> str:
    """Return the env_prefix of a class; "" without one."""
    for each in ast.walk(node):
        if isinstance(each, ast.keyword) and each.arg == "env_prefix":
            return text(each.value) or ""
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "env_prefix":
            return text(each.value) or ""
    return ""
