"""The aliases of a stage, as its stack tells them: `live` of the web app, and one for each function.

    parameter Live<Id>     the version that the alias leads to; "" for the one that the template publishes
    output Alias<Id>       the alias's ARN, which names its Lambda
    output Version<Id>     the version that it leads to
    output Published<Id>   the version of its Lambda that the template published, for Lambdas of their own

<Id> is "" for `live`, and "Report" for a function called "report". Functions without limits of their own are
in the app's Lambda, and so are its versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdify.cli import hints
from lambdify.cli.errors import UsageError
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.template import ALIAS, LIVE

COMMANDS = "commands"
"""The alias of the Lambda for commands, which runs none of the project's functions."""


@dataclass(frozen=True, kw_only=True)
class Alias:
    """An alias, and where it leads."""

    name: str
    """The name of the function; "live" for the web app."""
    id: str
    """The part of logical ids, parameters and outputs that stands for it."""
    function: str
    """The name of its Lambda."""
    version: str
    """The version that it leads to."""
    published: str
    """The version of its Lambda that the template published."""

    @property
    def parameter(self) -> str:
        """The parameter that says where it leads."""
        return f"{LIVE}{self.id}"

    @property
    def code(self) -> str:
        """Its Lambda and version: "shop-dev-report:3"."""
        return f"{self.function}:{self.version}"

    @property
    def is_current(self) -> bool:
        """Whether it leads to the version that was published last."""
        return self.version == self.published


def read(deployed: Stack) -> tuple[Alias, ...]:
    """Return the aliases of the stack, that of the web app first; () if the stack has none."""
    if not deployed.live:
        return ()
    web = Alias(
        name=ALIAS,
        id="",
        function=_web_function(deployed),
        version=deployed.live,
        published=deployed.published,
    )
    return (web, *functions(deployed))


def functions(deployed: Stack) -> tuple[Alias, ...]:
    """Return the aliases beside the web app's: of functions, and those of tasks and commands."""
    ids = sorted(name.removeprefix(LIVE) for name in deployed.parameters if name.startswith(LIVE))
    found = (_read(each, deployed.outputs) for each in ids if each)
    return tuple(each for each in found if each)


def find(deployed: Stack, name: str, *, commands: bool = False) -> Alias:
    """Return the alias of a function, or with `commands` also theirs. Raises UsageError if there is none."""
    there = {each.name: each for each in functions(deployed) if commands or each.name != COMMANDS}
    if name in there:
        return there[name]
    raise UsageError(
        f'{deployed.name} has no function "{name}".',
        hint=hints.nearest(name, there)
        or (f"Its functions: {', '.join(there)}." if there else "[functions] declares them; then deploy."),
    )


def find_lambdas(deployed: Stack) -> dict[str, Alias]:
    """Return the Lambdas of their own, by name, each with its alias."""
    return {each.function: each for each in functions(deployed) if each.function != _web_function(deployed)}


def is_current(deployed: Stack) -> bool:
    """Whether every alias leads to the version that was published last."""
    return all(each.is_current for each in read(deployed))


def _read(id_: str, outputs: Mapping[str, str]) -> Alias | None:
    """Return the alias with that id; None if the outputs tell none, as after a failed creation."""
    parts = outputs.get(f"Alias{id_}", "").split(":")
    version = outputs.get(f"Version{id_}", "")
    # arn:aws:lambda:eu-central-1:123456789012:function:shop-dev:live
    if len(parts) != 8 or not version:
        return None
    own = outputs.get(f"Published{id_}")
    return Alias(
        name=parts[7],
        id=id_,
        function=parts[6],
        version=version,
        published=own or outputs.get("Published", version),
    )


def _web_function(deployed: Stack) -> str:
    return deployed.outputs.get("Function", deployed.name)
