"""Names that rules look for, from names.toml."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


def find(rule: str, kind: str) -> frozenset[str]:
    """Return the names of a kind that a rule looks for."""
    return frozenset(_table()[rule][kind])


@cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
