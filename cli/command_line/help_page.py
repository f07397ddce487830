"""Help pages with examples, and with the commands grouped by purpose; and what a group makes of a line.

Options may stand before the command or after it: `lambdify --local deploy` is `lambdify deploy --local`.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from typing import Any

import click

from lambdify.cli.command_line import arguments, completion, other_words

Examples = tuple[tuple[str, str], ...]
"""Command lines and what each does."""
Sections = Mapping[str, Sequence[str]]
"""Titles, and the names of the commands below each."""


MAX_WIDTH = 100
"""Columns; longer lines are hard to read."""
WITH_VALUE = frozenset({"--stage", "-s", "--region", "--profile", "--port"})
"""Options before a command whose value is the next word."""


class _Brief(click.Command):
    """A command that takes -h, -V and -v, too; its page shows only those that it has itself.

    A shell completes its parameters by their names, see completion.py.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in self.params:
            if each.name in completion.BY_NAME and each.type is click.STRING:
                each.type = completion.BY_NAME[each.name]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, and those of every command that it has not got itself."""
        own = super().get_params(ctx)
        taken = {name for parameter in own for name in parameter.opts}
        return [*own, *(each for each in _EVERYWHERE if taken.isdisjoint(each.opts))]


class Command(_Brief):
    """A command whose help page ends with examples."""

    def __init__(self, *args: Any, examples: Examples = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        _write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name: each is `command` in the module of that name, which is imported on first use."""

    def __init__(self, package: str, names: Iterable[str]) -> None:
        self._package = package
        self._found: dict[str, click.Command | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> click.Command:
        found = self._found[name]
        if found is None:
            found = self._found[name] = import_module(f"{self._package}.{name}").command
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class CommandGroup(_Brief, click.Group):
    """A group whose help page begins with examples, and shows the commands grouped by purpose."""

    command_class = Command
    group_class = type

    def __init__(
        self,
        *args: Any,
        examples: Examples = (),
        sections: Sections | None = None,
        default: str = "",
        **kwargs: Any,
    ) -> None:
        """`default` is the command of a line that names none."""
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.sections = sections
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the line, with the options of the command behind it."""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        moved = _move_options(args, own)
        if self.default and (not moved or moved[0] not in {*self.commands, *own}):
            moved = [self.default, *moved]
        return super().parse_args(ctx, moved)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named. Raises UsageError, which names the one that is meant."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise other_words.refuse(args[0], ctx.command_path, self.commands)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, the commands, and then the options."""
        _write_examples(self.examples, formatter)
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each purpose."""
        for title, names in (self.sections or {"Commands": self.list_commands(ctx)}).items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(80)) for name in names])


def _move_options(args: list[str], own: Collection[str]) -> list[str]:
    """Return the words with the options before the command behind it, but for the group's own ones."""
    kept: list[str] = []
    moved: list[str] = []
    rest = list(args)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        words = 2 if rest[0] in WITH_VALUE else 1
        (kept if rest[0] in own else moved).extend(rest[:words])
        del rest[:words]
    return [*kept, rest[0], *moved, *rest[1:]] if rest else args


def _show_help(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(context.get_help())
        context.exit()


def _hidden(*names: str, callback: Callable[[click.Context, click.Parameter, bool], object]) -> click.Option:
    return click.Option(
        names, is_flag=True, hidden=True, is_eager=True, expose_value=False, callback=callback
    )


_EVERYWHERE = (
    _hidden("-h", callback=_show_help),
    _hidden("-V", "--version", callback=arguments.print_version),
    # A command that has nothing more to tell takes it all the same: people type it without thinking.
    _hidden("-v", "--verbose", callback=arguments.note_flag),
)
"""What every command takes, shown on its page or not."""


def width() -> int:
    """Return the columns of a help page.

    click would ask shutil, which imports three compression libraries: that takes a twentieth of the time of a
    help page.
    """
    chosen = os.environ.get("COLUMNS", "")
    try:
        columns = int(chosen) if chosen.isdecimal() else os.get_terminal_size().columns
    except OSError:  # not a terminal
        columns = 80
    return max(50, min(columns, MAX_WIDTH) - 2)


def _write_examples(examples: Examples, formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            formatter.write_dl(examples, col_max=60)
