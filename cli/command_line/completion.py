"""What may come next on a line, from what is on disk: stages, functions and releases of the project.

Rules:
- A key is answered at once: no AWS, nothing heavy is imported, nothing is written.
- A file that is broken or not to be trusted completes nothing; the command itself says why.
- Only names that we would accept are offered: the shell puts them into a line that somebody runs, and a
  settings file may be a stranger's.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from lambdify.cli.errors import LambdifyError

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")
SAFE = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""What a shell takes as it stands; names of stages and functions have no other form."""
Found = Iterator[tuple[str, str]]
"""Words, each with what it is."""


class Known(click.types.StringParamType):
    """A text of which some are known: `find` yields them for a line."""

    def __init__(self, find: Callable[[click.Context], Found]) -> None:
        self._find = find

    def shell_complete(
        self, ctx: click.Context, _: click.Parameter, incomplete: str
    ) -> list["CompletionItem[str]"]:
        """Return those that begin with what is typed."""
        return complete(self._find, ctx, incomplete)


def complete(
    find: Callable[[click.Context], Found], context: click.Context, incomplete: str
) -> list["CompletionItem[str]"]:
    """Return what begins with what is typed, of the words that `find` yields."""
    # Each help page imports this module, and needs none of these.
    import re

    from click.shell_completion import CompletionItem

    try:
        found = dict(find(context))
    except (LambdifyError, OSError):
        return []
    return [
        CompletionItem(word, help=help_text or None)
        for word, help_text in found.items()
        if word.startswith(incomplete) and re.fullmatch(SAFE, word)
    ]


def stages(_context: click.Context) -> Found:
    """Yield the stages of the settings file; without any those that were deployed from here."""
    from lambdify.cli.command_line import known_releases

    root, values = _settings()
    declared = _table(values, "stages")
    default = _default_stage(values)
    yield default, "the default"
    for name in [each for each in declared if "*" not in each] or known_releases.stages(root):
        yield name, "the default" if name == default else ""


def functions(_context: click.Context) -> Found:
    """Yield the names of [functions], for all stages and in one."""
    _, values = _settings()
    tables = [values, *_table(values, "stages").values()]
    for table in tables:
        for name, options in _table(table, "functions").items():
            yield name, str(_table(options).get("handler", ""))


def releases(context: click.Context) -> Found:
    """Yield the numbers of the releases that were seen last, newest first."""
    from lambdify.cli.command_line import known_releases

    root, values = _settings()
    named = context.params.get("named") or context.params.get("stage") or ""
    stage = _default_stage(values) if not named or named.isdecimal() else named
    for number, said in known_releases.recall(root, stage, local=bool(context.params.get("local"))).items():
        yield str(number), said


def stages_and_releases(context: click.Context) -> Found:
    """Yield what `rollback` takes first: a stage, or the number of a release."""
    yield from stages(context)
    yield from releases(context)


def templates(_context: click.Context) -> Found:
    """Yield the templates of new projects."""
    from lambdify.cli.new import project

    for name in project.templates():
        yield name, ""


BY_NAME: Mapping[str, Known] = {
    "stage": Known(stages),
    "named": Known(stages),
    "named_stage": Known(stages),
    "function": Known(functions),
}
"""What is known of a parameter of that name, whichever command has it."""


def _settings() -> "tuple[Path, Mapping[str, Any]]":
    """Return the project's folder, and what its settings file says. Raises SettingsError."""
    from pathlib import Path

    from lambdify.cli.settings import config_file

    root = config_file.find_root(Path.cwd())
    file = config_file.find(root)
    return root, file.values if file else {}


def _default_stage(values: Mapping[str, Any]) -> str:
    return str(values.get("stage", "dev"))


def _table(values: object, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}
