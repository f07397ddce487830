"""The settings that are to be written: for all stages, and for single ones. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdify.cli.moving.reading.setting import Keys, Setting
from lambdify.cli.settings import FUNCTION_NAME_LENGTH, secrets_folder, slug
from lambdify.cli.settings.domains.forms import STAGE

BESIDE = "-web"
"""Behind a name that the other tool's deployment has: project and stage make a name in the same form."""
USUAL = "dev"
"""The stage that commands work on where none is named."""

DOMAIN = "domain"
AUTH, CLOSED = ("http", "auth"), "iam"
"""Of several that say who may call, the one that lets in the fewest counts."""

Values = Mapping[Keys, Any]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What lambdify.toml will say."""

    common: Values
    """Options for all stages, the name among them."""
    stages: Mapping[str, Values] = field(default_factory=dict)
    """Options of single stages; {} for a file without stages."""
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Comments, by stage; "" for the whole file."""


def merge(settings: Sequence[Setting]) -> dict[Keys, Any]:
    """Return the options that settings are carried to. Lists of several settings are joined."""
    merged: dict[Keys, Any] = {}
    for setting in settings:
        for keys, value in setting.values.items():
            before = merged.get(keys)
            if keys == AUTH and before == CLOSED:
                continue
            if isinstance(before, list) and isinstance(value, list):
                merged[keys] = [*before, *(each for each in value if each not in before)]
            else:
                merged[keys] = value
    return merged


def name_beside(name: str, stages: Sequence[str], deployed: Sequence[str]) -> str:
    """Return the project's name, as a stack may be called, and none that is deployed already."""
    own = slug(name)
    taken = any(f"{own}-{stage}" in deployed for stage in stages)
    room = FUNCTION_NAME_LENGTH - max((len(stage) for stage in stages), default=len(USUAL)) - 1
    end = BESIDE if taken else ""
    return f"{own[: room - len(end)].rstrip('-')}{end}"


def with_secrets(values: Values, name: str) -> dict[Keys, Any]:
    """Return the options with the places of secrets that are each stage's own."""
    return {
        keys: f"ssm:{secrets_folder(name)}/{STAGE}/{keys[1]}"
        if keys[0] == "secrets" and value == ""
        else value
        for keys, value in values.items()
    }


def write(name: str, stages: Mapping[str, Values], remarks: Mapping[str, Sequence[str]]) -> Draft:
    """Return the draft of stages' options. What all of them say stands on top."""
    filled = {stage: with_secrets(values, name) for stage, values in stages.items()}
    every = list(filled.values())
    shared = {
        keys: value
        for keys, value in (every[0] if every else {}).items()
        if all(keys in each and each[keys] == value for each in every)
        # A name is one stage's, and would be refused for all of them.
        and (keys[0] != DOMAIN or len(every) == 1)
    }
    common: dict[Keys, Any] = {("name",): name}
    named = [stage for stage in filled if stage]
    if named and (usual := usual_stage(named)) != USUAL:
        common["stage",] = usual
    own = {
        stage: {keys: value for keys, value in values.items() if keys not in shared}
        for stage, values in filled.items()
        if stage
    }
    return Draft(
        common=common | shared,
        stages=own,
        remarks={stage: tuple(lines) for stage, lines in remarks.items() if lines},
    )


def usual_stage(stages: Sequence[str]) -> str:
    """Return the stage that commands work on where none is named: rather not the one that people use."""
    if USUAL in stages:
        return USUAL
    return next((each for each in stages if "prod" not in each.lower()), stages[0])


def effective(draft: Draft, stage: str) -> dict[Keys, Any]:
    """Return all options of a stage."""
    return {**draft.common, **draft.stages.get(stage, {})}


def nest(values: Values) -> dict[str, Any]:
    """Return options as the tables that they stand in."""
    nested: dict[str, Any] = {}
    for (*tables, key), value in values.items():
        inner = nested
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[key] = value
    return nested
