"""The explanation of an exception: what happened, what to do, and the traceback with the project's frames.

An exception is looked at from the outside in: what it was raised from, too, for a library may have wrapped
what the system said. What nobody recognises is told by its type and message.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lambdify.cli.failures import database, files, machine, modules, pythons, tracebacks, variables
from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Raised
from lambdify.cli.failures.told import Told

_FIRST_WORD = re.compile(r"\A[a-z]+(?= )")
"""A word at the beginning that is no name of a file."""
OWN = ("AppNotLoaded", "lambdify.adapter.errors.AppNotLoaded")
"""Errors of the adapter that a setting mends."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a person is told of a failure."""

    message: str
    hint: str
    """"" if nothing better than the traceback is known."""
    lines: tuple[str, ...]
    """The traceback: the project's frames, the others folded."""
    variables: tuple[str, ...] = ()
    """The environment variables that are missing, if these are the cause."""


def explain(raised: Raised, project: Project, unset: Sequence[str] = ()) -> Explanation:
    """Return the explanation of an exception.

    `unset` are the names of environment variables that the app asked for and that were not set, in order.
    """
    raised = tracebacks.unwrap(raised, project.owns)
    lines = tuple(tracebacks.show(raised))
    told = find(raised, project, unset)
    if told is None:
        return Explanation(message=_summarize(raised), hint="", lines=lines)
    return Explanation(message=told.message, hint=told.hint, lines=lines, variables=told.variables)


def find(raised: Raised, project: Project, unset: Sequence[str] = ()) -> Told | None:
    """Return what is told of the first exception of the chain that is recognised; None if none is."""
    raised = tracebacks.unwrap(raised, project.owns)
    frames = [frame for step in raised.chain() for frame in step.own_frames]
    for step in raised.chain():
        told = (
            variables.explain(step, project, unset, frames)
            or pythons.explain(step, project)
            or machine.explain(step, project)
            or modules.explain(step, project)
            or files.explain(step, project)
            or database.explain(step, project)
            or _explain_own(step, project)
        )
        if told:
            return replace(told, hint=_FIRST_WORD.sub(lambda found: found[0].capitalize(), told.hint))
    return variables.suspect(raised, project, unset)


def _explain_own(raised: Raised, project: Project) -> Told | None:
    """Return what our adapter says, which is written for people: no such app, or no interface."""
    if raised.type in OWN:
        is_setting = raised.message.startswith("on_event")
        message = raised.message if is_setting else raised.message[:1].upper() + raised.message[1:]
        return Told(message=f"{message}.", hint=f"{_line_to_write(raised.message, project)}.")
    return None


def _line_to_write(message: str, project: Project) -> str:
    """Return where to write which line, for what the adapter says that it cannot load."""
    if function := re.match(r"\[(functions\.[\w-]+)\] handler = ", message):
        return project.write(function[1], 'handler = "package.module:function"')
    if message.startswith("on_event = "):
        return project.write("function", 'on_event = "package.module:function"')
    return project.write("", 'app = "package.module:attribute"')


def _summarize(raised: Raised) -> str:
    own = raised.own_frames
    place = f" ({own[-1].place})" if own else ""
    return f"{tracebacks.summarize(raised).partition(chr(10))[0]}{place}"
