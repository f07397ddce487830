"""lambdify completion: what a shell needs to complete our lines."""

import click

from lambdify.cli.command_line import arguments, completion, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "completion",
    cls=help_page.Command,
    examples=(
        ('eval "$(lambdify completion bash)"', "in ~/.bashrc; zsh likewise, in ~/.zshrc"),
        ("lambdify completion fish > ~/.config/fish/completions/lambdify.fish", ""),
    ),
)
@click.argument("shell", type=click.Choice(completion.SHELLS))
@arguments.common
@click.pass_context
def command(context: click.Context, flags: Flags, shell: str) -> None:
    """Print the script by which a shell completes lambdify's lines.

    With the tab key it then completes commands and options, and the project's stages, functions and releases,
    from what is on disk: docs/editors.md.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # click has one for each of SHELLS
    root = context.find_root()
    script = found(root.command, {}, "lambdify", "_LAMBDIFY_COMPLETE").source()
    make_console(flags).answer(script.rstrip("\n"))
