"""The options that commands share, and the types of their values.

--quiet, --debug and --json change the output, not the work. They are noted beside the command's own
arguments, wherever on the line they stand, so that `main` knows them when a command fails.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lambdify.cli.errors import UsageError
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from datetime import datetime

Flags = dict[str, bool]
"""Flags of this run: the output's by name, those that name the account as they are typed."""
Function = Callable[..., Any]
STAGE = "lambdify.stage"
"""Where click keeps the stage that --stage names."""


def note_flag(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    """Note a flag for `main`, wherever on the line it stands."""
    if value and parameter.name:
        context.ensure_object(dict)[parameter.name] = True
    return value


def _note_account_flag(
    context: click.Context, parameter: click.Parameter, value: bool | str | None
) -> object:
    """Note an option that names the account, as it is typed, for the commands in hints."""
    if value:
        typed = parameter.opts[0] if value is True else f"{parameter.opts[0]} {value}"
        context.ensure_object(dict)[typed] = True
    return note_flag(context, parameter, True) if value is True else value


def account_flags(flags: Flags) -> list[str]:
    """Return the options of this run that name the account, as they are typed: "--profile work"."""
    return [name for name in flags if name.startswith("--")]


def _flag(*names: str, text: str) -> Callable[[Function], Function]:
    return click.option(
        *names, is_flag=True, expose_value=False, is_eager=True, callback=note_flag, help=text
    )


def common(command: Function, *, debug_text: str = "Show where in lambdify an error comes from.") -> Function:
    """Add the options that every command has."""
    quiet = _flag("--quiet", text="Say nothing but the answer, warnings and errors.")
    debug = _flag("--debug", text=debug_text)
    return quiet(debug(click.pass_obj(command)))


def on_account(command: Function) -> Function:
    """Add the options that name the account: --local, --region and --profile."""
    text = "The local cloud on this machine instead of AWS."
    local = click.option("--local", is_flag=True, callback=_note_account_flag, help=text)
    region = click.option("--region", metavar="NAME", callback=_note_account_flag, help="AWS region.")
    profile = click.option("--profile", metavar="NAME", callback=_note_account_flag, help="AWS profile.")
    return local(region(profile(command)))


def stage(command: Function) -> Function:
    """Add the argument STAGE, which may be given as --stage too, as other tools have it."""
    argument = click.argument("stage", required=False, callback=_choose_stage)
    option = click.option(
        "-s", "--stage", "named_stage", hidden=True, is_eager=True, expose_value=False, callback=_note_stage
    )
    return option(argument(command))


def _note_stage(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.meta[STAGE] = value


def _choose_stage(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    return agree_on_stage(value, context.meta.get(STAGE))


def agree_on_stage(given: str | None, named: str | None) -> str | None:
    """Return the stage that the argument or --stage names. Raises UsageError if they name two."""
    if given and named and given != named:
        raise UsageError(f'Two stages are named: "{given}" and, with --stage, "{named}".')
    return given or named


upgrade = click.option("--upgrade", is_flag=True, help="Resolve again what no lock file fixes.")
json = _flag("--json", text="Give the answer as JSON.")
verbose = _flag("-v", "--verbose", text="Tell of what does not change, too.")


class Since(click.ParamType["datetime"]):
    """A moment in the past: "10m", "2h", "3d", or a date and time as ISO 8601 writes it."""

    name = "since"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> "datetime":
        """Return the date and time, in UTC."""
        import re
        from datetime import UTC, datetime, timedelta

        units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
        if ago := re.fullmatch(r"(\d{1,5})([smhd])", value):
            return datetime.now(UTC) - timedelta(**{units[ago[2]]: int(ago[1])})
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            self.fail(f"{value!r} is not like 10m, 2h, 3d or 2026-01-31T08:00.", parameter, context)


def print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print the version and end, for --version."""
    if value and not context.resilient_parsing:
        click.echo(f"lambdify {VERSION}")
        context.exit()
