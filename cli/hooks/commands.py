"""The commands of [hooks], on this machine, in the project's folder: what ran, when and where is said.

They have the variables of lambdify's own process, and LAMBDIFY_* about the stage. They have no input, and
their output is part of the story, cleaned like all that others write.
"""

import os
import platform
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdify.cli import hints, programs
from lambdify.cli.console import Console
from lambdify.cli.errors import AfterHookFailed, HookFailed, LambdifyError
from lambdify.cli.hooks import inputs
from lambdify.cli.settings import Settings

HOOK = "LAMBDIFY_HOOK"
"""The variable with the name of the hook that runs: lambdify reads it, and runs none inside another."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TAIL = 20
"""Lines of a failed command that --quiet shows."""
NOT_FOUND = 127
"""https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where commands run."""

    name: str
    environ: Mapping[str, str]
    """The variables of lambdify's own process."""


def this_machine() -> Machine:
    """Return the machine that lambdify runs on."""
    return Machine(name=platform.node() or "this machine", environ=os.environ)


def before_package(settings: Settings, console: Console, machine: Machine | None = None) -> None:
    """Run [hooks] before_package, if its inputs have changed since it ran. Raises HookFailed."""
    commands, machine = settings.hooks.before_package, machine or this_machine()
    if not commands:
        return
    about = {"LAMBDIFY_REGION": settings.region}
    found = inputs.look(settings, about, console)
    if last := inputs.last_run(found):
        console.note(
            f"before_package does not run: its inputs are those of {last.at}, when it ran on {last.host}."
        )
        return
    try:
        _run("before_package", commands, settings, console, about, machine)
    except _Failed as failed:
        raise HookFailed(
            f"[hooks] before_package: {failed.message}",
            hint=hints.join(failed.hint, "Nothing was packed, and nothing uploaded."),
        ) from failed
    inputs.record(settings, found, machine.name)


def after_deploy(
    settings: Settings, console: Console, about: Mapping[str, str], machine: Machine | None = None
) -> None:
    """Run [hooks] after_deploy; `about` are variables about the deployment. Raises AfterHookFailed."""
    commands, done = settings.hooks.after_deploy, f"{settings.full_name} is deployed, and stays so."
    try:
        _run("after_deploy", commands, settings, console, about, machine or this_machine())
    except _Failed as failed:
        again = f"`lambdify deploy {settings.stage}` runs it again, also where nothing has changed."
        raise AfterHookFailed(
            f"{done} But [hooks] after_deploy failed: {failed.message}", hint=hints.join(failed.hint, again)
        ) from failed


def after_undeploy(
    settings: Settings, console: Console, about: Mapping[str, str], machine: Machine | None = None
) -> None:
    """Run [hooks] after_undeploy; `about` are variables about the stage. Raises AfterHookFailed."""
    commands, done = settings.hooks.after_undeploy, f"{settings.full_name} is gone, and stays so."
    try:
        _run("after_undeploy", commands, settings, console, about, machine or this_machine())
    except _Failed as failed:
        by_hand = "Nothing runs it again: what it had left to do is to be done by hand."
        raise AfterHookFailed(
            f"{done} But [hooks] after_undeploy failed: {failed.message}",
            hint=hints.join(failed.hint, by_hand),
        ) from failed


class _Failed(LambdifyError):
    """A command has failed, and it is not known here what that means."""


def _run(
    hook: str,
    commands: Sequence[str],
    settings: Settings,
    console: Console,
    about: Mapping[str, str],
    machine: Machine,
) -> None:
    """Run the commands, one after the other. Raises _Failed for the first that fails."""
    if commands and (outer := machine.environ.get(HOOK)):
        raise _Failed(
            f"it would run inside {outer}, of which a command has called lambdify.",
            hint="Call lambdify from outside of [hooks].",
        )
    mine = {HOOK: hook, "LAMBDIFY_NAME": settings.name, "LAMBDIFY_STAGE": settings.stage}
    # What is told to be empty is not set: some programs take an empty AWS_PROFILE for the name of one.
    unset = {name for name, value in about.items() if not value}
    given = {**machine.environ, **mine, **about}
    environment = {name: value for name, value in given.items() if name not in unset}
    when = hook.replace("package", "packing").replace("_", " the ").replace("before the", "before")
    for command in commands:
        output = _Output(console)
        with console.step(f"Running `{command}` on {machine.name}, {when}"):
            code = programs.follow(
                ["/bin/sh", "-c", command], cwd=settings.root, environment=environment, show=output.show
            )
        if code:
            output.show_if_quiet(command)
            raise _failed(command, code)


def _failed(command: str, code: int) -> _Failed:
    if code < 0:
        return _Failed(f"`{command}` was ended by signal {-code}.", hint="Its output is above.")
    missing = "The shell did not find a program. " if code == NOT_FOUND else ""
    return _Failed(f"`{command}` ended with {code}.", hint=f"{missing}Its output is above.")


class _Output:
    """What a command writes, as lines of the story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: deque[str] = deque(maxlen=TAIL)

    def show(self, line: str) -> None:
        """Show a line, without its colours."""
        text = COLOURS.sub("", line)
        self._last.append(text)
        self._console.note(text)

    def show_if_quiet(self, command: str) -> None:
        """Show the last lines of a command that has failed, if none were shown."""
        if self._console.quiet and self._last:
            self._console.warn("\n  ".join([f"`{command}` wrote:", *self._last]))
