"""What an explanation may look up in the project: which files and variables there are, and what is packed.

Values of variables are not here: only their names are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.failures import offers, places
from lambdify.cli.failures.offers import Offer
from lambdify.cli.packing.bundle import ignore_rules, secret_scan
from lambdify.cli.settings import Settings, config_file
from lambdify.cli.storage import texts

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle
    from lambdify.cli.packing.wheels.distributions import Distribution

MAX_SOURCE = 1_000_000
"""Bytes; a larger file is no source code that is worth reading."""
_MODULE = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:/__init__)?(?:\.py|\.pyc|(?:\.[\w-]+)*\.so|\.pyd)")
_VARIABLE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=")
ENVIRONMENT_FILE = "environment file"
"""The reason in packing's ignore_rules.toml for files that hold variables."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """The facts about a project and its bundle that explanations need."""

    root: Path
    python: str = ""
    """The function's version of Python, such as "3.13"."""
    settings_file: str = "lambdify.toml"
    """The name of the file that settings are written to."""
    table: str = ""
    """The beginning of tables in it: "tool.lambdify." in pyproject.toml."""
    stage: str = ""
    """The name of the stage where commands have to name it; "" for the default one."""
    requirements: str = ""
    """The name of the dependency file; "" if there is none."""
    packed: Mapping[str, str] = field(default_factory=dict)
    """The name and version of the distribution that has a top-level module, by the module."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """The reasons for which paths of the project are not packed, by path; a folder's ends with "/"."""
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of the variables in each environment file of the project, by the file's path."""
    secrets: frozenset[str] = frozenset()
    """The names of variables whose values there look like secrets."""
    given: frozenset[str] = frozenset()
    """The names of variables that the settings set."""
    offers: tuple[Offer, ...] = ()
    """Distributions that the project names and that are not packed."""

    def owns(self, path: str) -> bool:
        """Whether the project has this file, given by its path in the function's folder."""
        return places.files_of(self.root)(path)

    def has(self, path: str) -> bool:
        """Whether the project has this file or folder, packed or not."""
        return bool(path) and not path.startswith("/") and (self.root / path).exists()

    def read(self, path: str) -> str:
        """Return the text of a file of the project; "" if it cannot be read."""
        return "" if path.startswith(("/", "<")) else _text(self.root / path)

    def reason(self, path: str) -> str:
        """Return the reason for which a path, or a folder around it, is not packed; "" if none is known."""
        parts = path.strip("/").split("/")
        around = ["/".join(parts[:length]) + "/" for length in range(1, len(parts) + 1)]
        return next((self.left_out[each] for each in (path, *around) if each in self.left_out), "")

    def write(self, table: str, line: str) -> str:
        """Return what to do about a setting: "write into lambdify.toml: [build] extras = ["app"]".

        For a setting outside of every table, `table` is "".
        """
        heading = f"{self.heading(table)} " if table or self.table else ""
        return f"write into {self.settings_file}: {heading}{line}"

    def heading(self, table: str) -> str:
        """Return the line that begins a table in the settings file: "[tool.lambdify.environment]"."""
        return f"[{f'{self.table}{table}'.rstrip('.')}]"


def look_at(settings: Settings, bundle: "Bundle | None" = None) -> Project:
    """Return the facts about a project; without its bundle, what its folder and settings tell.

    Reads the project's environment files, and of their values keeps only whether one looks like a secret.
    """
    in_pyproject = settings.source is not None and settings.source.name == config_file.PYPROJECT_TOML
    found = {path: _text(settings.root / path) for path in _environment_files(settings.root)}
    return Project(
        root=settings.root,
        python=settings.function.python,
        settings_file=config_file.PYPROJECT_TOML if in_pyproject else config_file.LAMBDIFY_TOML,
        table=f"{'.'.join(config_file.TABLE)}." if in_pyproject else "",
        stage=settings.stage,
        requirements=bundle.dependencies.source_name if bundle else "",
        packed=_modules(bundle.dependencies.distributions) if bundle else {},
        left_out={each.path: each.reason for each in bundle.left_out} if bundle else {},
        given=frozenset({*settings.environment, *settings.secrets}),
        offers=offers.find(settings.root, bundle.dependencies.source_name if bundle else ""),
        variables={path: names for path, text in found.items() if (names := names_in(text))},
        secrets=frozenset(name for path, text in found.items() for name in _secrets_in(path, text)),
    )


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of the variables that an environment file sets, in order."""
    return tuple(dict.fromkeys(found["name"] for found in _VARIABLE.finditer(text)))


def _environment_files(root: Path) -> Iterator[str]:
    """Yield the paths of the project's environment files: those at its top, and those in .envs/."""
    check = ignore_rules.secrets()
    places = [*root.iterdir(), *(root / ".envs").rglob("*")] if root.is_dir() else []
    for path in sorted(places):
        name = path.relative_to(root).as_posix()
        if path.is_file() and check(name) == ENVIRONMENT_FILE:
            yield name


def _secrets_in(path: str, text: str) -> Iterator[str]:
    """Yield the names of variables of which the value has the shape of a credential."""
    for line in text.splitlines():
        if (found := _VARIABLE.match(line)) and any(secret_scan.scan(path, line.encode())):
            yield found["name"]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SOURCE:
            return ""
        return texts.read(path, errors="replace")
    except OSError:
        return ""


def _modules(distributions: "Iterable[Distribution]") -> dict[str, str]:
    found: dict[str, str] = {}
    for each in distributions:
        for path in each.files:
            first, inside, _ = path.partition("/")
            module = _MODULE.fullmatch(first)
            name = first if inside and first.isidentifier() else module["name"] if module else ""
            if name:
                found.setdefault(name, f"{each.name} {each.version}")
    return found
