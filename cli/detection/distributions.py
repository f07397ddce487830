"""Which distribution has a module (distributions.toml): `import yaml` needs PyYAML."""

import re
import tomllib
from functools import cache
from importlib import resources


def names_of(module: str) -> tuple[str, ...]:
    """Return the distributions that have "yaml" or "google.cloud.storage"; the first is the one to add.

    Of a module that the table does not have, it is the top level as a distribution is called: a guess.
    """
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        if found := _table().get(".".join(parts[:count])):
            return found
    return (parts[0].replace("_", "-"),)


def is_known(module: str) -> bool:
    """Whether the table has the module, so that the names are no guess."""
    parts = module.split(".")
    return any(".".join(parts[:count]) in _table() for count in range(len(parts), 0, -1))


def normalize(name: str) -> str:
    """Return the name of a distribution as indexes compare it: "Flask_Login" is "flask-login".

    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return re.sub("[-_.]+", "-", name).lower()


@cache
def _table() -> dict[str, tuple[str, ...]]:
    text = resources.files(__package__).joinpath("distributions.toml").read_text(encoding="utf-8")
    return {module: tuple(names) for module, names in tomllib.loads(text)["modules"].items()}
