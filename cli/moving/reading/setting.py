"""A setting of another tool, and what becomes of it here. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Keys = tuple[str, ...]
"""An option of ours: ("function", "memory")."""


class Verdict(StrEnum):
    """What becomes of a setting."""

    CARRIED = "carried"
    """It stands in lambdify.toml."""
    NEEDLESS = "needless"
    """lambdify does so anyway, or has no use for it."""
    BY_HAND = "by hand"
    """It is the user's to do; `why` says how."""
    REFUSED = "refused"
    """lambdify does not do that; `why` says why."""
    IGNORED = "ignored"
    """The other tool does not know it either."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting of another tool."""

    key: str
    """As that tool names it: "vpc_config.SubnetIds"."""
    verdict: Verdict
    why: str = ""
    values: Mapping[Keys, Any] = field(default_factory=dict)
    """Options of ours and their values, as TOML has them. Lists of several settings are joined.

    A value of ("secrets", NAME) that is "" stands for the parameter that `lambdify secrets set` writes.
    """


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a tool's file says."""

    tool: str
    """"Zappa"."""
    file: str
    """Relative to the project's folder."""
    stages: Mapping[str, tuple[Setting, ...]]
    """By the name of the stage; "" for a tool that has none."""
    name: str = ""
    """The project's name; "" if the file does not tell."""
    deployed: tuple[str, ...] = ()
    """What the tool's own deployments are called, as far as the file tells: "the stack shop-dev"."""
    removal: tuple[str, ...] = ()
    """What removes them in the end: "zappa undeploy dev"."""
    domains: tuple[str, ...] = ()
    """Host names that lead to them."""


class WrongForm(Exception):
    """A value does not have the form that its tool takes; the message says which."""


def carry(key: str, values: Mapping[Keys, Any], why: str = "") -> Setting:
    """Return a setting that is carried over."""
    return Setting(key=key, verdict=Verdict.CARRIED, values=values, why=why)


def needless(key: str, why: str) -> Setting:
    """Return a setting that is not needed here."""
    return Setting(key=key, verdict=Verdict.NEEDLESS, why=why)


def by_hand(key: str, why: str, values: Mapping[Keys, Any] | None = None) -> Setting:
    """Return a setting that is the user's to do; `values` are what is written until then."""
    return Setting(key=key, verdict=Verdict.BY_HAND, why=why, values=values or {})


def refuse(key: str, why: str) -> Setting:
    """Return a setting that lambdify does not have on purpose."""
    return Setting(key=key, verdict=Verdict.REFUSED, why=why)


def ignored(key: str, why: str) -> Setting:
    """Return a setting that the other tool ignores, too."""
    return Setting(key=key, verdict=Verdict.IGNORED, why=why)


def as_table(value: object) -> dict[str, Any]:
    """Return a value that has to be a table; {} for none. Raises WrongForm."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongForm("a table of keys and values")
    return {str(key): each for key, each in value.items()}


def as_list(value: object) -> list[Any]:
    """Return a list; a single value is a list of one. None is an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def as_texts(value: object) -> list[str]:
    """Return a list of texts. Raises WrongForm."""
    found = as_list(value)
    if not all(isinstance(each, str) for each in found):
        raise WrongForm("a list of texts")
    return found


def as_text(value: object) -> str:
    """Return a text; numbers are written as they are. Raises WrongForm."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongForm("text")
    return str(value)


def as_number(value: object) -> int:
    """Return a whole number; one in quotes is one, too. Raises WrongForm."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongForm("a whole number")
    return value


def read_each(content: Mapping[str, Any], read: Callable[[str, Any], Iterable[Setting]]) -> Iterator[Setting]:
    """Yield what `read` makes of each key and its value; a value of a wrong form is left to a person."""
    for key, value in content.items():
        try:
            yield from read(key, value)
        except WrongForm as error:
            yield by_hand(key, f"it is not {error}")
