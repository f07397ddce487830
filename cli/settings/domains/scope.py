"""Whose names those of [domain] are: one stage's, never those of several."""

from collections.abc import Mapping
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.domains.forms import STAGE


def check(common: Mapping[str, Any], own: Mapping[str, Any], *, table: str, alone: bool) -> None:
    """Raise SettingsError for a name that other stages of the project would have, too.

    `common` are the values for all stages, `own` those of the stage's table, whose name is `table`: "" for
    none, "pr-*" for all stages of a pattern. `alone` says that the project has no other stage.
    """
    said = own.get("domain", {}).get("names")
    shared = [] if alone else [*common.get("domain", {}).get("names", ())]
    if said is not None:
        shared = [*said] if "*" in table else []
    for name in shared:
        if STAGE not in name:
            raise SettingsError(
                f'[domain] names: "{name}" would be every stage\'s name.',
                hint=f'Write "{_add_stage(name)}", or use [stages.production.domain].',
            )


def fill(values: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return the values of [domain] with the stage's name in them; names are in small letters."""
    names = tuple(name.replace(STAGE, stage).lower() for name in values["names"])
    return {**values, "names": names, "path": values["path"].strip("/")}


def _add_stage(name: str) -> str:
    return f"*.{STAGE}.{name[2:]}" if name.startswith("*.") else f"{STAGE}.{name}"
