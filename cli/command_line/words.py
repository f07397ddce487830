"""Commands that run another program: `lambdify manage STAGE WORDS...`.

Our options stand before STAGE or right after it; from the first word on, all belongs to the program:
`lambdify manage production --local migrate --plan`. A "--" before the words says where they begin.

An error of ours ends with 125, since every other code is the program's own.
"""

from collections.abc import Callable
from typing import Any

import click

from lambdify.cli.command_line import help_page
from lambdify.cli.errors import CommandNotRun, Interrupted, LambdifyError, UsageError

HELP = ("--help", "-h")
STAGE = ("-s", "--stage")


class RemoteCommand(help_page.Command):
    """A command whose exit code is that of a program."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the line. Raises CommandNotRun for a wrong one."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            page = f"{error.ctx.command_path if error.ctx else 'lambdify'} --help"
            raise CommandNotRun(error.format_message(), hint=f"`{page}` shows what there is.") from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises CommandNotRun for any error but Interrupted."""
        try:
            return super().invoke(ctx)
        except (CommandNotRun, Interrupted):
            raise
        except LambdifyError as error:
            raise CommandNotRun(error.message, hint=error.hint, during=error.during) from error


class WordsCommand(RemoteCommand):
    """A command whose line ends with STAGE and the words of a program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the line, whose STAGE becomes an option, and whose words stay as they are."""
        before, rest = self._part(args, ())
        if rest and rest[0].startswith("-") and rest[0] != "--":
            return super().parse_args(ctx, args)  # which refuses an option that is none of ours
        if rest and rest[0] != "--" and not {each.partition("=")[0] for each in before} & {*STAGE}:
            after, words = self._part(rest[1:], STAGE)
            before, rest = [*before, *after, STAGE[0], rest[0]], words
        return super().parse_args(ctx, [*before, *(rest if rest[:1] == ["--"] else ["--", *rest])])

    def _part(self, args: list[str], but: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Return the options of ours that the words begin with, `but` some, and the rest."""
        options = [each for each in self.params if isinstance(each, click.Option)]
        known = {name: each for each in options for name in each.opts if name not in but}
        index = 0
        while index < len(args):
            name, equals, _ = args[index].partition("=")
            if name in HELP:
                index += 1
            elif name in known:
                index += 1 if known[name].is_flag or equals else 2
            else:
                break
        return args[:index], args[index:]


def stage_and_words(metavar: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the stage and the words of a program, as `stage` and `program`, to a WordsCommand."""
    stage = click.option(*STAGE, metavar="STAGE", hidden=True)
    words = click.argument("program", metavar=f"STAGE {metavar}", nargs=-1, type=click.UNPROCESSED)
    return lambda command: stage(words(command))


def require(stage: str | None, program: tuple[str, ...], example: str) -> str:
    """Return the stage. Raises UsageError if the line names none, or no words."""
    if not stage or not program:
        missing = ", and ".join(
            name for name, there in (("the stage", stage), ("what is to run", program)) if not there
        )
        raise UsageError(f"The line does not say {missing}.", hint=f"Such as: `{example}`")
    return stage
