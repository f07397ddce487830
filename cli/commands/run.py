"""lambdify run: run a program in the stage's Lambda for commands."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from lambdify.cli.command_line import arguments, words
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import CommandNotRun, Interrupted, UsageError

if TYPE_CHECKING:
    from lambdify.cli.calls.command import Command, End
    from lambdify.cli.command_line.session import Session

LONGER = (
    "[commands] timeout is the limit, of 1800 seconds at most. A command that knows LAMBDIFY_DEADLINE may "
    "stop before it with exit code 75, and --repeat runs it again. What can do neither needs another place, "
    "such as AWS CodeBuild, where a build may take 36 hours."
)


@dataclass(frozen=True, kw_only=True)
class How:
    """How a program is to run."""

    detach: bool
    repeat: bool
    stdin: bool
    log: bool
    environment: Mapping[str, str]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a program runs; the command gets them as `how`."""

    @wraps(command)
    def read(*args: Any, env: tuple[str, ...], no_log: bool, **others: Any) -> Any:
        chosen = {name: others.pop(name) for name in ("detach", "repeat", "stdin")}
        how = How(log=not no_log, environment=read_environment(env), **chosen)
        if how.detach and (how.repeat or how.stdin):
            raise UsageError("--detach waits for nothing: neither --repeat nor --stdin goes with it.")
        return command(*args, how=how, **others)

    detach = click.option("--detach", is_flag=True, help="Start it, print the id of its log, and end.")
    repeat = click.option("--repeat", is_flag=True, help="Run it again while it ends with 75: not finished.")
    stdin = click.option("--stdin", is_flag=True, help="Send it what comes from a pipe or a file.")
    env = click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable for this run alone.")
    no_log = click.option("--no-log", is_flag=True, help="Keep what it writes out of the function's log.")
    return detach(repeat(stdin(env(no_log(read)))))


def read_environment(given: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of --env: NAME=VALUE, or NAME with its value here. Raises UsageError."""
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals and name not in os.environ:
            raise UsageError(
                f"--env {name}: there is no such variable here.", hint=f"--env {name}=VALUE sets one."
            )
        found[name] = value if equals else os.environ[name]
    return found


def run(session: "Session", program: tuple[str, ...], how: How) -> int:
    """Run the program, and return its exit code. Raises CommandNotRun, NotDeployed, Interrupted."""
    from lambdify.cli.calls import command as room

    console, stage = session.console, session.stage
    function = room.find_lambda(stage)
    command = room.Command(words=program, environment=how.environment, log=how.log)
    if how.detach:
        request_id = room.start(command, function, stage)
        console.note(f"`{stage.command('logs')} --request {request_id}` shows what it has written.")
        console.answer(request_id)
        return 0
    while True:
        end = _run_once(session, command, function, stdin=how.stdin)
        if not (how.repeat and end.code == room.NOT_FINISHED):
            return end.code
        console.note(f"`{command}` is not finished: it runs again.")


def _run_once(session: "Session", command: "Command", function: str, *, stdin: bool) -> "End":
    """Run the command once, with what is read and typed here, and return how it ended."""
    from lambdify.cli.calls import command as room
    from lambdify.cli.calls import command_input

    console, stage = session.console, session.stage
    known: list[str] = []
    source = {"stdin": sys.stdin.buffer} if stdin else {"terminal": command_input.find_terminal(sys.stdin)}
    with command_input.prepare(stage, console.warn, **source) as given:
        try:
            end = room.run(replace(command, given=given), function, stage, console.pass_on, tell=known.append)
        except KeyboardInterrupt:
            goes_on = room.say_it_goes_on(stage, known[-1]) if known else "It was not begun."
            raise Interrupted(f"`{command}` was left.", hint=goes_on) from None
    if end.reason == "time":
        console.warn(f"`{command}` had to end, since its time was over. {LONGER}")
    if end.reason == "output":
        raise CommandNotRun(
            f"`{command}` ended with {end.code}, and wrote more than the 200 MB that Lambda streams.",
            hint=f"`{stage.command('logs')} --request {known[-1]}` shows all of it." if command.log else "",
        )
    return end


@click.command(
    "run",
    cls=words.WordsCommand,
    examples=(
        ("lambdify run production -- alembic upgrade head", "a script of a packed distribution"),
        ("lambdify run dev python -m shop.import --all", "the function's Python"),
        ("lambdify run dev --stdin -- python load.py < orders.csv", "with a file as its stdin"),
    ),
)
@words.stage_and_words("-- WORDS...")
@options
@arguments.on_account
@arguments.common
def command(
    flags: Flags, stage: str | None, program: tuple[str, ...], how: How, local: bool, **overrides: str | None
) -> int:
    """Run a program where the stage's app runs, and end as it ends.

    It has the function's code, variables, secrets, role and network. What it writes comes at once, and goes
    to the function's log, too. What is typed here goes to it, and Ctrl-C. Its exit code is ours; 124 is that
    its time was over, 127 that there is no such program, and 125 an error of lambdify's own.
    """
    stage = words.require(stage, program, "lambdify run dev -- python --version")
    return run(open_stage(flags, stage, local, **overrides), program, how)
