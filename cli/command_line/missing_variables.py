"""Variables that an app misses: asked for at a terminal, and written where they belong.

A value that looks like a secret goes to Parameter Store, the others into [environment]; then a deployment
goes on. Values come from the person, or from an environment file of the project if the person says so.
"""

from dataclasses import replace

from lambdify.cli import secrets
from lambdify.cli.command_line.session import Session
from lambdify.cli.console import Console
from lambdify.cli.errors import AppCannotStart, SettingsError
from lambdify.cli.failures import variables
from lambdify.cli.failures.project import Project, look_at
from lambdify.cli.failures.told import join
from lambdify.cli.secrets import declaration
from lambdify.cli.settings import Settings, edit, environment_file
from lambdify.cli.stage import Stage


def offer(error: AppCannotStart, stage: Stage, console: Console) -> bool:
    """Offer to set the variables that are missing; return whether all of them are set now.

    Without a terminal nothing is offered. Raises Declined if it is closed, SettingsError if the settings file
    cannot be edited, and what storing a secret raises.
    """
    if not error.variables or not console.interactive:
        return False
    if not console.confirm(f"{error.message} Set {join(error.variables)} now, and go on?"):
        return False
    project = look_at(stage.settings)
    return all(_set(name, stage, project, console) for name in error.variables)


def read_again(session: Session, fresh: Settings) -> Session:
    """Return the session with the variables and secrets of settings that were read anew."""
    known = session.settings
    fresh = fresh.on_this_machine if session.cloud else fresh
    settings = replace(known, environment={**known.environment, **fresh.environment}, secrets=fresh.secrets)
    return replace(session, stage=replace(session.stage, settings=settings))


def _set(name: str, stage: Stage, project: Project, console: Console) -> bool:
    """Ask for the value of one variable, and write it; return whether it is set."""
    secret = variables.looks_secret(name, project)
    value = _take(name, project, console)
    if value is None:
        place = f"a secret of {stage.name}" if secret else f"[environment] in {project.settings_file}"
        question = f"Value of {name} ({place}): "
        value = console.ask_secret(question) if secret else console.ask(question)
    if not value:
        console.warn(f"{name} has no value, and is not set.")
        return False
    if secret:
        parameter = secrets.put(stage, name, value)
        console.note(f"{name} is stored as {parameter}.")
        line = declaration.declare(stage.settings, name)
    else:
        line = edit.add(stage.settings.root, ("environment", name), value)
    if line:
        console.note(f"{line.place}: {line.text}")
    return True


def _take(name: str, project: Project, console: Console) -> str | None:
    """Return the value that an environment file has, if the person wants that one; else None."""
    for path in variables.files_with(name, project):
        try:
            value = environment_file.read(project.root, path, path).values.get(name)
        except SettingsError as error:
            console.note(f"{error.message} Its value of {name} is not offered.")
            continue
        if value and console.confirm(f"Take the value of {name} from {path}?"):
            return value
    return None
