"""What is known of the calls of libraries: which make an app, wrap one, or only take one (calls.toml)."""

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

Role = Literal["wrapper", "taker", "unknown"]


class Made(NamedTuple):
    """The app that a call makes."""

    framework: str
    interface: str
    suffix: str = ""
    """The attribute of what is made that is the app: ".server" of a Dash object."""


def find_app(name: str) -> Made | None:
    """Return what calling a qualified name makes; None if it is not known to make an app."""
    apps = _table()["apps"]
    made = apps.get(name) or apps.get(_shorten(name))
    return Made(*made) if made else None


def find_method(name: str) -> Made | None:
    """Return what a method of any object makes, by its name alone; None if it is none of those."""
    made = _table()["methods"].get(name)
    return Made(*made) if made else None


def find_interface(name: str) -> str:
    """Return the interface that a wrapper gives; "" for that of the app it takes."""
    wrappers = _table()["wrappers"]
    return str(wrappers.get(name) or wrappers.get(_shorten(name), ""))


def find_role(name: str) -> Role:
    """Return what a call that takes an app is: a wrapper is an app itself, a taker is none."""
    table, short = _table(), _shorten(name)
    if name in table["wrappers"] or short in table["wrappers"]:
        return "wrapper"
    package, _, last = short.rpartition(".")
    if short in table["names"]["takers"] or re.search(table["names"]["taker"], last):
        return "taker"
    if re.search(table["names"]["wrapper"], last):
        return "wrapper"
    if package.startswith("flask_") or package in table["extensions"]["packages"]:
        return "taker"
    return "unknown"


def app_names() -> tuple[str, ...]:
    """Return the names of all that makes an app, as far as the table has them."""
    return (*_table()["apps"], *_table()["methods"])


def packages() -> frozenset[str]:
    """Return the packages of frameworks and extensions: nobody imports an app from one."""
    table = _table()
    return frozenset(
        {name.partition(".")[0] for name in (*table["apps"], *table["wrappers"])}
        | set(table["extensions"]["packages"])
    )


def _shorten(name: str) -> str:
    """Return the package and the last part of a qualified name."""
    return f"{name.partition('.')[0]}.{name.rpartition('.')[2]}".replace("()", "")


@cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("calls.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
