"""lambdify.toml, or [tool.lambdify] in pyproject.toml, plus a stage, plus flags, become one frozen Settings.

defaults.toml is the list of what may be set, tables.py gives every value its type and its meaning,
validators.py what it has to be, conflicts.py what may not be together. What comes later wins: defaults, the
file, its [stages.NAME], flags.
"""

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import config_file, conflicts, options
from lambdify.cli.settings.config_file import ConfigFile
from lambdify.cli.settings.tables import Build, Efs, Function, Http, Local, Logs, Release, Role, Vpc, Warm


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a command needs to know about one stage of one project."""

    root: Path
    """The project's folder, absolute."""
    source: Path | None
    """The file the settings were read from; None when the project has none."""
    name: str
    stage: str
    app: str
    """"package.module:attribute"; "" until `detect` has looked."""
    region: str
    """"" means whatever the AWS profile says."""
    profile: str
    protect: bool
    """Whether what deletes or replaces is refused."""
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    """Names of environment variables, and where their values are: "ssm:/path", "secretsmanager:name#key"."""
    tags: Mapping[str, str]
    function: Function
    role: Role
    vpc: Vpc
    efs: Efs
    build: Build
    http: Http
    warm: Warm
    logs: Logs
    release: Release
    local: Local
    resources: Mapping[str, Any]
    """CloudFormation resources of the project's own, by logical id."""
    outputs: Mapping[str, Any]

    @property
    def full_name(self) -> str:
        """The name of the stack and of everything in it: "shop-production"."""
        return f"{self.name}-{self.stage}"

    @property
    def prefix(self) -> str:
        """What the keys of its objects in the bucket begin with: "shop/production/"."""
        return f"{self.name}/{self.stage}/"

    @property
    def log_group(self) -> str:
        """The log group that the function writes to."""
        return f"/aws/lambda/{self.full_name}"


FUNCTION_NAME_LENGTH = 64
"""Of NAME-STAGE. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
GENERIC_NAMES = frozenset({"api", "app", "backend", "server", "src", "web"})
"""Folders that many projects have, so that stages called after them would meet in an account."""
STAGES = "stages"
NOT_PER_STAGE = frozenset({"name", "stage", STAGES})
"""What has to be the same for every stage, or says which stage it is."""


def load(root: Path, *, stage: str | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of one stage of the project in `root`.

    `overrides` come from flags, by dotted name ("function.memory"); those that are None say nothing. Raises
    SettingsError.
    """
    root = root.resolve()
    file = config_file.find(root)
    known = options.defaults()
    common, stages = _read_file(file, known) if file else ({}, {})
    layers = (
        options.read(
            _without_stages(known), shape=Settings, known=known, locate=lambda _: options.DEFAULTS.name
        ),
        common,
        _stage_values(stage, stages, str(common.get("stage", known["stage"])), file),
        _read_flags(overrides or {}, known),
    )
    values = functools.reduce(_merge, layers)
    settings = _build(values, root=root, source=file.path if file else None)
    if len(settings.full_name) > FUNCTION_NAME_LENGTH:
        raise SettingsError(
            f'The function would be called "{settings.full_name}": {len(settings.full_name)} characters, '
            f"and Lambda takes {FUNCTION_NAME_LENGTH}.",
            hint='Set a shorter name: name = "..."',
        )
    conflicts.check(settings)
    return settings


def slug(text: str) -> str:
    """A name that a stack may have, made from any text: "My Shop (old)" becomes "my-shop-old"."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words if words[:1].isalpha() else f"app-{words}".rstrip("-")


def default_python(running: tuple[int, int] = sys.version_info[:2]) -> str:
    """The Python that runs lambdify where Lambda has it, and the newest that Lambda has otherwise."""
    # Imported when it is needed: platform tags cost more to import than all the rest of reading settings.
    from lambdify.cli.packing.target import runtimes

    here = ".".join(map(str, running))
    return here if here in runtimes() else list(runtimes())[-1]


def _read_file(file: ConfigFile, known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file says for every stage, and what it says for each."""
    common = options.read(_without_stages(file.values), shape=Settings, known=known, locate=file.locate)
    per_stage = {key: value for key, value in known.items() if key not in NOT_PER_STAGE}
    tables = file.values.get(STAGES, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise SettingsError(
            f"{file.locate((STAGES,))}: stages are tables.",
            hint="Write [stages.NAME] and its options below it.",
        )
    stages = {
        name: options.read(table, shape=Settings, known=per_stage, locate=file.locate, at=(STAGES, name))
        for name, table in tables.items()
    }
    return common, stages


def _stage_values(
    wanted: str | None, stages: Mapping[str, Any], default: str, file: ConfigFile | None
) -> dict[str, Any]:
    """What is special about the stage that is wanted. Once a stage is declared, the others have to be too."""
    stage = wanted or default
    if file and stages and stage not in {default, *stages}:
        raise SettingsError(
            f'There is no stage "{stage}" in {file.path.name}.',
            hint=options.nearest(stage, [*stages, default])
            or f"Stages: {', '.join(sorted({*stages, default}))}.",
        )
    checked = options.read(
        {"stage": stage}, shape=Settings, known={"stage": ""}, locate=lambda _: "The command line"
    )
    return {**stages.get(stage, {}), **checked}


def _read_flags(overrides: Mapping[str, object], known: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in overrides.items():
        if value is None:
            continue
        *tables, key = name.split(".")
        inner = nested
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[key] = value
    return options.read(nested, shape=Settings, known=known, locate=lambda _: "The command line")


def _without_stages(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != STAGES}


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `under`, table by table; lists are replaced, not joined."""
    merged = dict(under)
    for key, value in over.items():
        merged[key] = _merge(under.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def _build(values: Mapping[str, Any], *, root: Path, source: Path | None) -> Settings:
    function = {**values["function"], "python": values["function"]["python"] or default_python()}
    name = values["name"] or slug(config_file.project_name(root) or name_of_folder(root))
    fields = {**values, "function": function, "name": name, "root": root, "source": source}
    made: Settings = _make(Settings, fields)
    return made


def name_of_folder(root: Path) -> str:
    """What a project is called after its folder: the nearest one above whose name is one."""
    own = (folder.name for folder in (root, *root.parents) if folder.name not in GENERIC_NAMES)
    return next(filter(None, own), root.name)


def _make(shape: Any, values: Mapping[str, Any]) -> Any:
    """The dataclass with those values, and those within it likewise."""
    hints = get_type_hints(shape)
    tables = {key: _make(hints[key], value) for key, value in values.items() if is_table(hints[key], value)}
    return shape(**{**values, **tables})


def is_table(hint: Any, value: object) -> bool:
    """Whether a value is still the names and values of a dataclass."""
    return is_dataclass(hint) and isinstance(value, dict)
