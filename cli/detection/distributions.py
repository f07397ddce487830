"""Whose a module is: a distribution's (distributions.toml: `import yaml` needs PyYAML), or Python's own."""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from lambdify.cli.detection.imports import Import

OURS = frozenset({"lambdify", "mangum"})
REMOVED: Mapping[str, tuple[int, int]] = dict.fromkeys(
    ("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)
) | dict.fromkeys(
    ("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis",
     "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"), (3, 13)
)  # fmt: skip
"""Modules that the standard library has no more, and since which version.
https://docs.python.org/3/whatsnew/3.12.html#removed, https://docs.python.org/3/whatsnew/3.13.html"""
ADDED: Mapping[str, tuple[int, int]] = {"annotationlib": (3, 14), "compression": (3, 14)}
STANDARD = frozenset({*sys.stdlib_module_names, *REMOVED, *ADDED, "__future__"})


def names_of(module: str) -> tuple[str, ...]:
    """Return the distributions that have "yaml" or "google.cloud.storage"; the first is the one to add.

    Of a module that the table does not have, it is the top level as a distribution is called: a guess.
    """
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        if found := _table().get(".".join(parts[:count])):
            return found
    return (parts[0].replace("_", "-"),)


def bound_of(module: str) -> str:
    """Return the requirement whose versions still have a module that newer ones have lost; "" for others."""
    parts = module.split(".")
    found = (bounds().get(".".join(parts[:count]), "") for count in range(len(parts), 0, -1))
    return next(filter(None, found), "")


def requirement_for(module: str) -> str:
    """Return the line to add for a module: its distribution, and the bound if newer versions have lost it."""
    return bound_of(module) or names_of(module)[0]


def is_known(module: str) -> bool:
    """Whether the table has the module, so that the names are no guess."""
    parts = module.split(".")
    return any(".".join(parts[:count]) in _table() for count in range(len(parts), 0, -1))


def normalize(name: str) -> str:
    """Return the name of a distribution as indexes compare it: "Flask_Login" is "flask-login".

    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return re.sub("[-_.]+", "-", name).lower()


def foreign(found: Iterable[Import], python: str) -> tuple[Import, ...]:
    """Return the imports that are of neither the function's standard library nor lambdify."""
    version = tuple(map(int, python.split(".")))
    return tuple(
        each
        for each in found
        if each.module not in OURS and (each.module not in STANDARD or _is_removed(each.module, version))
    )


def key(wanted: Iterable[Import]) -> tuple[str, ...]:
    """Return what of the imports decides on the dependencies: the distributions that they name."""
    return tuple(sorted({f"{names_of(each.full)[0]}{'?' * each.guarded}" for each in wanted}))


def _is_removed(module: str, version: tuple[int, ...]) -> bool:
    return version >= REMOVED.get(module, (99,)) or version < ADDED.get(module, (0,))


@cache
def bounds() -> Mapping[str, str]:
    """Return the modules that newer versions have lost, with the requirement whose versions have them."""
    return {module: str(requirement) for module, requirement in _content()["lost"].items()}


@cache
def _table() -> dict[str, tuple[str, ...]]:
    return {module: tuple(names) for module, names in _content()["modules"].items()}


@cache
def _content() -> Mapping[str, Mapping[str, Any]]:
    text = resources.files(__package__).joinpath("distributions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
