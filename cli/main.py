"""The command line: the list of commands, and how a run ends.

Rules:
- Only click, and modules that import nothing else, are imported at the top, so that `lambdify --help` is
  fast. The commands are modules of `commands/`, imported on first use.
- The answer goes through `console.answer`, once, as text and as a value for --json.
- Errors are caught in `main`, and nowhere else.
"""

import gc
import itertools
import signal
import sys

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console
from lambdify.cli.errors import Interrupted, LambdifyError, UsageError

BUG = 70
"""Exit code for a bug of lambdify: EX_SOFTWARE of sysexits.h."""
RUBBISH = 50_000
"""Objects more than before at which the garbage collector looks for some: imports make many, and all stay."""


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    gc.set_threshold(RUBBISH)
    signal.signal(signal.SIGTERM, _interrupt)
    flags: Flags = {}
    try:
        # click ends silently with code 1 if the reader of our output has ended (`lambdify logs | head`).
        code = commands.main(prog_name="lambdify", standalone_mode=False, obj=flags)
    except click.exceptions.NoArgsIsHelpError as error:  # a group without a command prints its help page
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        code = _show(_from_click(error), flags)
    except LambdifyError as error:
        code = _show(error, flags)
    except (KeyboardInterrupt, click.Abort):
        code = _show(_from_interrupt(flags), flags)
    except OSError as error:
        code = _from_system(error, flags)
    except Exception as error:  # the one place where bugs are caught, to show them with a request to report
        make_console(flags).crash(error)
        code = BUG
    # The interpreter collects twice as it ends, a fifth of a short command's time, and the system takes all.
    gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: object) -> None:
    """Handle SIGTERM, which CI systems send to cancel a job, as Ctrl-C."""
    raise KeyboardInterrupt


def _from_system(error: OSError, flags: Flags) -> int:
    """Show an error of the system in our form, or as a bug; return the exit code."""
    from lambdify.cli.storage import disk

    if explained := disk.explain(error):
        return _show(explained, flags)
    make_console(flags).crash(error)
    return BUG


def _show(error: LambdifyError, flags: Flags) -> int:
    make_console(flags).error(error, debug=flags.get("debug", False))
    return error.exit_code


def _from_click(error: click.ClickException) -> UsageError:
    """Return our error for one of click's."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    page = f"{context.command_path if context else 'lambdify'} --help"
    # For an unknown option, click knows the nearest names.
    near: list[str] = getattr(error, "possibilities", None) or []
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    message = error.message if near else error.format_message()
    return UsageError(message, hint=f"{meant}`{page}` shows what there is.")


def _from_interrupt(flags: Flags) -> Interrupted:
    """Return the error for Ctrl-C in a step that has none of its own: only the local cloud goes on then."""
    goes_on = "The local cloud goes on, if it runs; `lambdify local stop` ends it."
    return Interrupted("Interrupted.", hint=goes_on if flags.get("local") else "Nothing goes on without you.")


SECTIONS = {
    "Put an app on Lambda": ("deploy", "diff", "rollback", "undeploy"),
    "Look at what runs": (
        "status",
        "dashboard",
        "releases",
        "logs",
        "failures",
        "invoke",
        "open",
        "env",
        "domain",
        "previews",
    ),
    "Run where it runs": ("manage", "flask", "run", "shell"),
    "Get ready": ("new", "init", "check", "secrets", "package", "template", "policy", "ci", "schema"),
    "On this machine": ("serve", "doctor", "local", "cache", "completion"),
}
"""Every command: a module of `commands/`."""


@click.group(
    cls=help_page.CommandGroup,
    commands=help_page.LazyCommands("lambdify.cli.commands", itertools.chain(*SECTIONS.values())),
    invoke_without_command=True,
    context_settings={"terminal_width": help_page.width()},
    sections=SECTIONS,
    examples=(
        ("lambdify deploy --local", "run it as Lambda would, on this machine"),
        ("lambdify deploy", "put it on AWS"),
        ("lambdify undeploy", "take it away again"),
    ),
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=arguments.print_version,
    help="Show the version.",
)
@arguments.common
@click.pass_context
def commands(context: click.Context, _: Flags) -> None:
    """Put an existing Flask, Django or FastAPI app on AWS Lambda.

    Settings are in lambdify.toml or in [tool.lambdify] of pyproject.toml; a project needs neither.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
