"""Findings, and the catalogue of the rules that they are of."""

import tomllib
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from lambdify.cli.check.code.code_file import CodeFile

Level = Literal["stops", "surprises", "note"]
"""It will fail; it works otherwise than on a server; it is good to know."""
LEVELS: tuple[Level, ...] = ("stops", "surprises", "note")


class Rule(NamedTuple):
    """What all findings of a rule share."""

    name: str
    level: Level
    """The usual one; a finding may have a milder one."""
    title: str
    why: str
    todo: str


class Finding(NamedTuple):
    """A place that a rule speaks of."""

    rule: str
    level: Level
    file: str
    """Relative to the project."""
    line: int
    """From 1; 0 for a file as a whole."""
    what: str
    """What is there. Never a value: it may be a password."""
    todo: str = ""
    """What to do here; "" for what the rule says."""

    @property
    def place(self) -> str:
        """The file, and its line if there is one: "app.py:3"."""
        return f"{self.file}:{self.line}" if self.line else self.file


def report(
    rule: str, file: CodeFile | str, line: int, what: str, *, level: Level | None = None, todo: str = ""
) -> Finding:
    """Return a finding, of the rule's usual level if it says no other."""
    path = file if isinstance(file, str) else file.path
    return Finding(rule, level or find(rule).level, path, line, what, todo)


def find(rule: str) -> Rule:
    """Return a rule by its name."""
    return catalogue()[rule]


@cache
def catalogue() -> dict[str, Rule]:
    """Return all rules by name, in the order of the documentation."""
    text = resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    return {name: Rule(name=name, **table) for name, table in tomllib.loads(text).items()}
