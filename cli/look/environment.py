"""lambdify env: the environment variables of the deployed function, compared with those of the settings.

Values are shown only on request. A secret's value is never shown: the function fetches it when it starts, and
it is not known here. Its source is shown instead.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lambdify.cli import releases, template
from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import AccessDenied
from lambdify.cli.formatting import columns
from lambdify.cli.stacks import stack
from lambdify.cli.stage import Stage

OURS = "LAMBDIFY_"
"""What the variables begin with that lambdify sets itself."""
GONE = "^ResourceNotFoundException:"
State = Literal["as set", "differs", "only deployed", "not deployed yet"]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """An environment variable, as deployed and as set."""

    name: str
    state: State
    source: str
    """Where a secret is stored: "ssm:/path"; "" for a plain variable."""
    deployed: str | None
    """The deployed value; None if there is none, or if it is hidden."""
    settings: str | None


def fetch(stage: Stage, *, ours: Collection[str] = ()) -> tuple[Variable, ...]:
    """Return all variables of the live version, sorted by name, without `ours`, which lambdify itself adds.

    Raises NotDeployed, AccessDenied.
    """
    deployed = _deployed(stage)
    plain = [
        _compare(name, deployed.get(name), stage.settings.environment.get(name))
        for name in deployed.keys() | stage.settings.environment.keys()
        if name not in ours and (name in stage.settings.environment or not name.startswith(OURS))
    ]
    return tuple(sorted([*plain, *_secrets(stage)], key=lambda each: each.name))


def hide(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Return the variables without their values."""
    return tuple(replace(each, deployed=None, settings=None) for each in variables)


def show(variables: Sequence[Variable], *, values: bool) -> str:
    """Return a table; with `values`, the deployed values, and those of the settings if they differ."""
    if not variables:
        return "There are no environment variables."
    rows = [(each.name, each.state, each.source or (_value(each) if values else "")) for each in variables]
    headers = ("Variable", "State", "Value or source" if values else "Source")
    if not any(value for _, _, value in rows):
        return "\n".join(columns(headers[:2], [row[:2] for row in rows]))
    return "\n".join(columns(headers, rows))


def _value(variable: Variable) -> str:
    if variable.state == "differs":
        return f"{variable.deployed!r} deployed, {variable.settings!r} in the settings"
    value = variable.settings if variable.deployed is None else variable.deployed
    return repr(value)


def _compare(name: str, deployed: str | None, wanted: str | None) -> Variable:
    state: State = "as set" if deployed == wanted else "differs"
    if deployed is None:
        state = "not deployed yet"
    elif wanted is None:
        state = "only deployed"
    return Variable(name=name, state=state, source="", deployed=deployed, settings=wanted)


def _secrets(stage: Stage) -> list[Variable]:
    """Return the secrets of the settings; the record of the live release says which are deployed."""
    if not stage.settings.secrets:
        return []
    live = releases.find_live(stage)
    known = set(live.settings.get("secrets", ())) if live else set(stage.settings.secrets)
    return [
        Variable(
            name=name,
            state="as set" if name in known else "not deployed yet",
            source=source,
            deployed=None,
            settings=None,
        )
        for name, source in stage.settings.secrets.items()
    ]


@translated(during="reading the function's configuration")
def _deployed(stage: Stage) -> Mapping[str, str]:
    stack.fetch(stage)
    found: dict[str, Any] | None = attempt(
        stage.client("lambda").get_function_configuration,
        none_if=GONE,
        FunctionName=stage.name,
        Qualifier=template.ALIAS,
    )
    if found is None:
        raise stack.not_deployed(stage)
    environment = found.get("Environment", {})
    if error := environment.get("Error"):
        # The variables are encrypted with a key that the credentials may not use.
        raise AccessDenied(
            f"AWS does not show the variables: {error.get('Message', error.get('ErrorCode', ''))}",
            hint="The credentials need kms:Decrypt for the key of [function] kms_key.",
            during="reading the function's configuration",
        )
    variables: Mapping[str, str] = environment.get("Variables", {})
    return variables
