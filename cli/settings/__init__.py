"""Settings of a stage, read from lambdify.toml or [tool.lambdify] in pyproject.toml, and from flags.

defaults.toml lists all options, tables.py has their types and meanings, validators.py their allowed values,
conflicts.py the combinations that are not allowed. Values are merged in this order, and later ones win:
defaults, the file, its [stages.NAME], flags.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import config_file, conflicts, database, environment_file, options
from lambdify.cli.settings import stages as stages_by_pattern
from lambdify.cli.settings.config_file import ConfigFile
from lambdify.cli.settings.database import Database
from lambdify.cli.settings.domains import scope
from lambdify.cli.settings.domains.forms import STAGE
from lambdify.cli.settings.functions import Commands, Failed, FunctionSettings, Tasks
from lambdify.cli.settings.tables import (
    PAGE,
    Alarms,
    Build,
    Cdn,
    Check,
    Domain,
    Efs,
    Function,
    Hooks,
    Http,
    Local,
    Logs,
    Release,
    Role,
    Static,
    Telemetry,
    Vpc,
    Warm,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a stage of a project."""

    root: Path
    """The project's folder, absolute."""
    source: Path | None
    """The settings file; None if the project has none."""
    name: str
    stage: str
    app: str
    """"package.module:attribute"; "" means that the app is detected."""
    region: str
    """"" means the region of the AWS profile."""
    profile: str
    names_python: bool
    """Whether [function] python is set. Else what the project's files say decides, see runtime/choice.py."""
    protect: bool
    """Whether changes that delete or replace resources are refused."""
    environment: Mapping[str, str]
    """The variables, with those of the environment file and of [database]."""
    environment_file: str
    """The path of the environment file, relative to the project; "" if there is none."""
    secrets: Mapping[str, str]
    """The places of values of environment variables, by name: "ssm:/path", "secretsmanager:name#key"."""
    tags: Mapping[str, str]
    function: Function
    role: Role
    vpc: Vpc
    efs: Efs
    database: Database
    build: Build
    hooks: Hooks
    static: Static
    check: Check
    http: Http
    cdn: Cdn
    domain: Domain
    warm: Warm
    logs: Logs
    telemetry: Telemetry
    release: Release
    alarms: Alarms
    tasks: Tasks
    commands: Commands
    failed: Failed
    local: Local
    functions: Mapping[str, FunctionSettings]
    """The project's functions beside the web app, by name."""
    resources: Mapping[str, Any]
    """CloudFormation resources of the project's own, by logical id."""
    outputs: Mapping[str, Any]

    @property
    def full_name(self) -> str:
        """The name of the stack and of everything in it: "shop-production"."""
        return f"{self.name}-{self.stage}"

    @property
    def prefix(self) -> str:
        """The prefix of the stage's keys in the bucket: "shop/production/"."""
        return f"{self.name}/{self.stage}/"

    @property
    def secrets_path(self) -> str:
        """What the names of the stage's own secrets in SSM Parameter Store begin with: "/shop/production"."""
        return f"{secrets_folder(self.name)}/{self.stage}"

    @property
    def own_lambdas(self) -> tuple[str, ...]:
        """The aliases of Lambdas beside the app's: functions with limits of their own, and tasks."""
        functions = [name for name, each in self.functions.items() if each.has_lambda]
        return (*functions, *(["tasks"] if self.tasks.workers else []))

    def lambda_name(self, alias: str) -> str:
        """Return the name of the Lambda behind an alias: the app's, or "shop-production-report"."""
        return f"{self.full_name}-{alias}" if alias in self.own_lambdas else self.full_name

    @property
    def on_this_machine(self) -> "Settings":
        """The settings with the variables of the database that takes the place of AWS's here, if any."""
        ours = database.variables(self.database)
        kept = {name: value for name, value in self.environment.items() if name not in ours}
        return replace(self, environment={**kept, **database.local.variables(self.database.local)})

    @property
    def has_no_app(self) -> bool:
        """Whether the stage has functions alone: no app is named, and nothing would lead to one."""
        return bool(self.functions) and not self.app and self.http.endpoint == "none"

    @property
    def keeps_failed(self) -> bool:
        """Whether the stage has a queue of what failed for good: it has functions or tasks."""
        return bool(self.functions or self.tasks.workers)

    @property
    def log_group(self) -> str:
        """The log group that the function writes to."""
        return f"/aws/lambda/{self.full_name}"


FUNCTION_NAME_LENGTH = 64
"""The longest NAME-STAGE. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
GENERIC_NAMES = frozenset({"api", "app", "backend", "server", "src", "web"})
"""Names of folders that many projects have. Projects named after them would collide in an account."""
COMMAND_TIMEOUT = 900
"""Seconds of [release] command where [commands] sets none."""
STAGES = "stages"
NOT_PER_STAGE = frozenset({"name", "stage", STAGES})
"""Options that [stages.NAME] may not have."""


def load(
    root: Path,
    *,
    stage: str | None = None,
    overrides: Mapping[str, object] | None = None,
    variables: bool = True,
) -> Settings:
    """Return the settings of a stage of the project in `root`. Raises SettingsError.

    `overrides` are the values of flags, by dotted name ("function.memory"); None is ignored. `variables` says
    whether the environment file has to be there: who looks at a stage may be on another machine.
    """
    root = root.resolve()
    return interpret(config_file.find(root), root, stage=stage, overrides=overrides, variables=variables)


def interpret(
    file: ConfigFile | None,
    root: Path,
    *,
    stage: str | None = None,
    overrides: Mapping[str, object] | None = None,
    variables: bool = True,
) -> Settings:
    """Return what `load` does, out of a file that was read, or is not written yet. Raises SettingsError."""
    known = options.defaults()
    try:
        common, stages = _read_file(file, known) if file else ({}, {})
    except SettingsError as error:
        if file and file.table:
            raise SettingsError(error.message, hint=_inside(file.table, error.hint)) from error
        raise
    default = str(common.get("stage", known["stage"]))
    own = _stage_values(stage, stages, default, file)
    scope.check(common, own, alone={*stages, default} == {own["stage"]}, table=_table_of(own, stages))
    if file:
        common, own = environment_file.add(common, own, root, file, needed=variables)
    defaults = options.read(
        _without_stages(known), shape=Settings, known=known, locate=lambda _: options.DEFAULTS.name
    )
    said = (common, own, _read_flags(overrides or {}, known))
    settings = _build((defaults, *said), root=root, source=file.path if file else None)
    if settings.has_no_app and not any(each.get("warm") for each in said):
        settings = replace(settings, warm=replace(settings.warm, every=0))
    settings = _choose_concurrency(settings)
    if len(settings.full_name) > FUNCTION_NAME_LENGTH:
        raise SettingsError(
            f'The function would be called "{settings.full_name}": {len(settings.full_name)} characters, '
            f"and Lambda takes {FUNCTION_NAME_LENGTH}.",
            hint='Set a shorter name: name = "..."',
        )
    settings = _connect(settings)
    conflicts.check(settings)
    return settings


def _choose_concurrency(settings: Settings) -> Settings:
    """Return the settings with a number of environments to keep warm, where they leave that open.

    What the account has room for is not known yet: see plan/warm_environments.py.
    """
    if settings.warm.concurrency:
        return settings
    reserved = settings.function.reserved_concurrency
    # A role that is not lambdify's may not let the function call itself.
    chosen = settings.http.endpoint != "none" and not settings.role.arn
    # While all of them answer the keep-warm call, one is to be left for a visitor.
    room = PAGE if reserved is None else max(1, reserved - 1)
    number = min(PAGE, room) if chosen else 1
    return replace(settings, warm=replace(settings.warm, concurrency=number, chosen=chosen))


def declared_stages(root: Path) -> tuple[str, ...]:
    """Return the names of the stages that the settings file of the project in `root` has tables for."""
    file = config_file.find(root)
    return tuple(_read_file(file, options.defaults())[1]) if file else ()


def slug(text: str) -> str:
    """Return a valid name of a stack, made from any text: "My Shop (old)" becomes "my-shop-old"."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words if words[:1].isalpha() else f"app-{words}".rstrip("-")


def secrets_folder(name: str) -> str:
    """Return what the names of all secrets of a project in SSM Parameter Store begin with: "/shop".

    No name there may begin with "aws" or "ssm".
    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
    """
    reserved = name.lower().startswith(("aws", "ssm"))
    return f"/{'app-' if reserved else ''}{name}"


def default_python() -> str:
    """Return Lambda's newest Python but one, for which most packages have wheels: never the running one."""
    # To import the module for platform tags takes longer than to read all settings.
    from lambdify.cli.packing.target import runtimes

    return list(runtimes())[-2]


def _read_file(file: ConfigFile, known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the file's values for all stages, and its values by stage."""
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
    for name in stages_by_pattern.find(stages):
        stages_by_pattern.check(name, stages[name], file.locate)
        given = options.read(
            stages_by_pattern.DEFAULTS, shape=Settings, known=per_stage, locate=lambda _: "lambdify"
        )
        stages[name] = _merge(given, stages[name])
    return common, stages


def _inside(table: tuple[str, ...], hint: str) -> str:
    """Return a hint for settings inside a table of another file: [function] is [tool.lambdify.function]."""
    name = ".".join(table)
    named = re.sub(r"\[(?=[a-z_]+(\.[\w.-]+)?\])", f"[{name}.", hint)
    return named.replace(options.TOP, f"below [{name}]")


def _stage_values(
    wanted: str | None, stages: Mapping[str, Any], default: str, file: ConfigFile | None
) -> dict[str, Any]:
    """Return the values of the wanted stage. If the file has stages, it has to have the wanted one, too."""
    stage = wanted or default
    checked = options.read(
        {"stage": stage}, shape=Settings, known={"stage": ""}, locate=lambda _: "The command line"
    )
    pattern = None if stage in stages else stages_by_pattern.match(stage, stages)
    if file and stages and pattern is None and stage not in {default, *stages}:
        raise SettingsError(
            f'There is no stage "{stage}" in {file.path.name}.',
            hint=hints.nearest(stage, [*stages, default])
            or f"Stages: {', '.join(sorted({*stages, default}))}.",
        )
    return {**stages.get(pattern or stage, {}), **checked}


def _table_of(own: Mapping[str, Any], stages: Mapping[str, Any]) -> str:
    """Return the name of the stage's table, which may be a pattern."""
    stage = str(own["stage"])
    return stage if stage in stages else stages_by_pattern.match(stage, stages) or ""


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
    """Return `under` with the values of `over`; tables are merged, lists are replaced."""
    merged = dict(under)
    for key, value in over.items():
        merged[key] = _merge(under.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def _build(layers: tuple[Mapping[str, Any], ...], *, root: Path, source: Path | None) -> Settings:
    values = functools.reduce(_merge, layers)
    python = values["function"]["python"]
    function = {**values["function"], "python": python or default_python()}
    name = values["name"] or slug(config_file.project_name(root) or name_of_folder(root))
    places = {key: place.replace(STAGE, values["stage"]) for key, place in values["secrets"].items()}
    fields = {"environment_file": "", **values, "function": function, "name": name, "secrets": places}
    fields |= {"root": root, "source": source, "names_python": bool(python)}
    fields["domain"] = scope.fill(values["domain"], values["stage"])
    fields["functions"] = {each: _make_function(each, table) for each, table in values["functions"].items()}
    if values["release"]["command"] and not values["commands"]["timeout"]:
        fields["commands"] = {**values["commands"], "timeout": COMMAND_TIMEOUT}
    made: Settings = _make(Settings, fields)
    return made


def _connect(settings: Settings) -> Settings:
    """Return the settings with the variables of [database], its certificates packed. Raises SettingsError."""
    own = settings.database
    given = {"environment": settings.environment, "secrets": settings.secrets}
    database.check(own, in_network=bool(settings.vpc.subnets), given=given)
    if not own.kind:
        return settings
    packed = (*settings.build.include, own.ca) if own.ca else settings.build.include
    return replace(
        settings,
        environment={**settings.environment, **database.variables(own)},
        build=replace(settings.build, include=tuple(dict.fromkeys(packed))),
    )


def _make_function(name: str, values: Mapping[str, Any]) -> FunctionSettings:
    """Return a function's settings. Raises SettingsError for one without a handler."""
    if not values.get("handler"):
        raise SettingsError(
            f"[functions.{name}] has no handler.", hint='Write handler = "package.module:function" there.'
        )
    return FunctionSettings(name=name, **values)


def name_of_folder(root: Path) -> str:
    """Return the project's name: that of the nearest folder, upwards, that is not in GENERIC_NAMES."""
    own = (folder.name for folder in (root, *root.parents) if folder.name not in GENERIC_NAMES)
    return next(filter(None, own), root.name)


def _make(shape: Any, values: Mapping[str, Any]) -> Any:
    """Return the dataclass with these values; values of nested dataclasses are made the same way."""
    types = get_type_hints(shape)
    tables = {key: _make(types[key], value) for key, value in values.items() if is_table(types[key], value)}
    return shape(**{**values, **tables})


def is_table(hint: Any, value: object) -> bool:
    """Whether a value is the table of a dataclass that has not been made yet."""
    return is_dataclass(hint) and isinstance(value, dict)
