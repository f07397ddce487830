"""environment.yml of conda as requirement lines: the part for pip, and the names that an index has as well.

conda has packages that are no Python distributions, such as compilers; and names of its own for some that
are. conda.toml lists both. What is on neither list is looked for on the index under conda's name.

https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html#sharing-an-environment
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lambdify.cli.errors import RequirementsError
from lambdify.cli.storage import texts

NAMES = ("environment.yml", "environment.yaml")
_SPEC = re.compile(
    r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)(?:\[[^]]*\])?\s*(?P<rest>[=<>!~*].*|\d\S*)?$"
)
_EXACT = re.compile(r"=(?P<version>[\w.+!]+)=\S+|==(?P<same>[\w.+!]+)")
_ABOUT = re.compile(r"=(?P<version>[\w.+!]+?)(\.?\*)?")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What an environment.yml asks for."""

    lines: tuple[str, ...]
    """The requirement lines of its part for pip."""
    conda: tuple[str, ...]
    """The requirement lines of conda's packages that an index may have, sorted by name."""
    skipped: tuple[str, ...]
    """Names of conda's packages that are no Python distributions, without Python and what installs."""


def read_environment(path: Path) -> Environment:
    """Return what an environment.yml asks for. Raises RequirementsError."""
    # The import takes 20 ms, and few projects have such a file.
    import yaml

    try:
        content: Any = yaml.safe_load(texts.read(path))
        listed = list(content.get("dependencies") or ()) if isinstance(content, dict) else []
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise RequirementsError(f"{path.name} cannot be read: {error}", hint="Correct it.") from error
    lines = [str(line) for each in listed if isinstance(each, dict) for line in each.get("pip") or ()]
    asked: dict[str, str] = {}
    skipped: list[str] = []
    for each in listed:
        if isinstance(each, str) and (spec := _SPEC.match(each.strip())):
            name = spec["name"].lower()
            if name in _table()["installers"]:
                continue
            if _is_no_distribution(name):
                skipped.append(name)
            else:
                asked[name] = _table()["names"].get(name, name) + _versions(spec["rest"] or "")
    return Environment(
        lines=tuple(lines), conda=tuple(line for _, line in sorted(asked.items())), skipped=tuple(skipped)
    )


def _versions(rest: str) -> str:
    """Return conda's versions as PEP 440 writes them: "=1.2" is any 1.2, "=1.2=py311_0" is that build."""
    rest = rest.strip().replace(" ", "")
    if exact := _EXACT.fullmatch(rest):
        return f"=={exact['version'] or exact['same']}"
    if about := _ABOUT.fullmatch(rest):
        return f"=={about['version']}.*"
    if rest[:1].isdigit():
        return f"=={rest.removesuffix('.*').removesuffix('*')}.*"
    # "1.2|1.3" has no counterpart: the newest version is as good as another.
    return "" if "|" in rest or rest == "*" else rest


def _is_no_distribution(name: str) -> bool:
    table = _table()
    return name in table["skipped"] or any(re.fullmatch(pattern, name) for pattern in table["patterns"])


@cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("conda.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
