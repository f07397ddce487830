"""Secrets of a stage: their values in SSM Parameter Store, and their lines in the settings file.

Rules:
- A value that lambdify stores is a SecureString at the stage's own place, /PROJECT/STAGE/NAME, encrypted with
  AWS's own key for parameters.
- A value is passed in and stored. Nothing here returns one, or asks AWS for one.
- What the settings place somewhere else is the user's: it is listed, and neither written nor deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdify.cli import releases
from lambdify.cli.console import Console
from lambdify.cli.errors import AccessDenied, Declined, SecretMissing
from lambdify.cli.formatting import columns
from lambdify.cli.secrets import declaration, stored
from lambdify.cli.settings.edit import Edit
from lambdify.cli.stacks import stack
from lambdify.cli.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret of a stage, without its value."""

    name: str
    """The environment variable."""
    source: str
    """The place of its value: "ssm:/shop/dev/API_KEY"."""
    declared: str
    """The line that declares it: "lambdify.toml, line 4"; "" if the function does not get it."""
    stored: bool
    """Whether there is a value."""
    changed: datetime | None
    """When the value was changed; None if there is none."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What was taken away of a secret."""

    name: str
    deleted: bool
    """Whether a value was deleted."""
    line: Edit | None
    """The line that was removed from the settings file."""
    kept: str
    """The place of the line that stays, since other stages may need it; "" if none does."""


def put(stage: Stage, name: str, value: str) -> str:
    """Store the value, in place of one that is there, and return its parameter: "/shop/dev/API_KEY".

    Raises UsageError for a value that cannot be stored, SettingsError if the settings have the name
    otherwise, AccessDenied.
    """
    declaration.check(stage.settings, name)
    stored.check(name, value)
    parameter = declaration.parameter(stage.settings, name)
    stored.put(stage, parameter, value)
    return parameter


def find_all(stage: Stage) -> tuple[Secret, ...]:
    """Return the secrets of the settings, and the stored ones that no line declares; sorted by name."""
    settings, path = stage.settings, stage.settings.secrets_path
    below = stored.find_below(stage, path)
    dates = {**below, **stored.find(stage, settings.secrets.values())}
    undeclared = {each.removeprefix(f"{path}/"): f"ssm:{each}" for each in below}
    return tuple(
        Secret(
            name=name,
            source=source,
            declared=declaration.locate(settings, name),
            stored=stored.name_of(source) in dates,
            changed=dates.get(stored.name_of(source)),
        )
        for name, source in sorted({**undeclared, **settings.secrets}.items())
    )


def require(stage: Stage) -> None:
    """Raise SecretMissing if a secret of the settings has no value; it names all of them.

    Credentials that may not ask are enough: then the trial of the new version tells.
    """
    sources = stage.settings.secrets
    try:
        there = stored.find(stage, sources.values())
    except AccessDenied:
        return
    missing = {name: source for name, source in sources.items() if stored.name_of(source) not in there}
    if missing:
        raise _missing(stage, missing)


def find_own(stage: Stage) -> tuple[str, ...]:
    """Return the names of the settings' secrets that have a value at the stage's own place, sorted."""
    own = {
        name: source
        for name, source in stage.settings.secrets.items()
        if source == f"ssm:{declaration.parameter(stage.settings, name)}"
    }
    there = stored.find(stage, own.values())
    return tuple(sorted(name for name, source in own.items() if stored.name_of(source) in there))


def unset(stage: Stage, name: str, console: Console, *, yes: bool = False) -> Removal:
    """Delete the stage's value and the line of the secret, which stays if other stages may need it.

    A value at another place stays. Asks first if the live release reads the value. Raises SecretMissing if
    there is nothing to take away, Declined.
    """
    parameter = declaration.parameter(stage.settings, name)
    declared = stage.settings.secrets.get(name, "")
    is_own = declared in {"", f"ssm:{parameter}"}
    there = is_own and parameter in stored.find(stage, [f"ssm:{parameter}"])
    if not there and not declared:
        raise SecretMissing(
            f"{stage.name} has no secret {name}: no line declares it, and {parameter} has no value.",
            hint=f"`{stage.command('secrets list')}` shows what there is.",
        )
    if there and not yes and _is_read(stage, name):
        question = f"The live release of {stage.name} reads {name} whenever it starts. Delete its value?"
        if not console.confirm(question):
            raise Declined(f"{name} of {stage.name} was not deleted.")
    if there:
        stored.delete(stage, parameter)
    line, kept = declaration.withdraw(stage.settings, name)
    return Removal(name=name, deleted=there, line=line, kept=kept)


def show(secrets: Sequence[Secret], stage: Stage) -> str:
    """Return a table of the secrets; their values are not known here."""
    if not secrets:
        return f"{stage.name} has no secrets."
    rows = [(each.name, _state(each), each.source, each.declared or "not declared") for each in secrets]
    return "\n".join(columns(("Secret", "Value", "Place", "Declared"), rows))


def _state(secret: Secret) -> str:
    if secret.changed:
        return f"changed {secret.changed.astimezone():%Y-%m-%d %H:%M}"
    return "there" if secret.stored else "missing"


def _missing(stage: Stage, missing: Mapping[str, str]) -> SecretMissing:
    """Return the error for secrets without a value, by name, with the commands that store them."""
    names = ", ".join(f"{name} ({source})" for name, source in missing.items())
    return SecretMissing(
        f"{stage.name} cannot start: there is no value of {names}.",
        hint="\n      ".join(_command(stage, name, source) for name, source in missing.items()),
        during="looking for the stage's secrets",
    )


def _command(stage: Stage, name: str, source: str) -> str:
    """Return the command that stores a value at its place, where no shell keeps it."""
    if source == f"ssm:{declaration.parameter(stage.settings, name)}":
        return f"`lambdify secrets set {name} --stage {stage.settings.stage}` asks for it."
    place = stored.name_of(source)
    if source.startswith("ssm:"):
        return f"`aws ssm put-parameter --type SecureString --name {place} --value file://{name}.txt`"
    return f"`aws secretsmanager create-secret --name {place} --secret-string file://{name}.txt`"


def _is_read(stage: Stage, name: str) -> bool:
    """Whether the live release reads the secret, which its record tells."""
    deployed = stack.find(stage)
    live = releases.find_live(stage, deployed) if deployed else None
    return live is not None and name in live.settings.get("secrets", ())
