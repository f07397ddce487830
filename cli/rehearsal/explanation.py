"""An outcome in words: why the app cannot start, the traceback, and the line to write next.

A variable that is missing hides the next one. So the app starts again with placeholders for those that are
known to be missing, until it misses no other, and all are told at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from lambdify.cli.failures import explanation, files, tracebacks, variables
from lambdify.cli.failures.explanation import Explanation
from lambdify.cli.failures.project import Project, look_at
from lambdify.cli.failures.raised import Frame, Raised
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.rehearsal import place
from lambdify.cli.rehearsal.outcome import Outcome
from lambdify.cli.settings import Settings

__all__ = ["Explanation", "Restart", "explain"]

MAX_RESTARTS = 8
"""The most starts that look for further variables."""
LAST_WORDS = 3
"""Lines that an app wrote before it called sys.exit, which count as its message."""
MAX_LINES = 15
"""The most lines of the app's own output that are shown, of an app that ended without an error."""

Restart = Callable[[Settings], Outcome]
"""Starts the same app with other settings."""


def explain(
    outcome: Outcome, settings: Settings, bundle: Bundle, restart: Restart | None = None
) -> Explanation:
    """Explain an outcome whose kind is "fails"; `restart` looks for further variables that are missing."""
    project = look_at(settings, bundle)
    if outcome.raised is None:
        said = outcome.output.splitlines()[-MAX_LINES:]
        return Explanation(message=f"The app cannot start: {outcome.reason}.", hint="", lines=tuple(said))
    raised = tracebacks.unwrap(_with_last_words(outcome.raised, outcome), project.owns)
    found = explanation.explain(raised, project, outcome.unset)
    if found.variables and restart:
        found = _add_variables(found, raised, settings, project, restart)
    if not found.hint:
        found = _add_refusal(found, outcome)
    return replace(found, message=f"The app cannot start: {found.message}")


def _add_variables(
    found: Explanation, raised: Raised, settings: Settings, project: Project, restart: Restart
) -> Explanation:
    """Return the explanation with the variables that the app misses as well once it has those."""
    names = list(found.variables)
    readers = dict.fromkeys(names, _find_reader(raised, names))
    for _ in range(MAX_RESTARTS):
        placeholders = {name: place.placeholder(name) for name in names}
        outcome = restart(replace(settings, environment={**placeholders, **settings.environment}))
        if outcome.kind != "fails" or outcome.raised is None:
            break
        raised = tracebacks.unwrap(_with_last_words(outcome.raised, outcome), project.owns)
        told = explanation.find(raised, project, outcome.unset)
        more = [name for name in told.variables if name not in names] if told else []
        if not more:
            break
        names += more
        readers |= dict.fromkeys(more, _find_reader(raised, more))
    told = variables.tell(names, readers, project)
    return replace(found, message=told.message, hint=told.hint, variables=told.variables)


def _with_last_words(raised: Raised, outcome: Outcome) -> Raised:
    """Return the exception; of an app that ended itself, with what it wrote before, which says why."""
    if not raised.is_a("builtins.SystemExit"):
        return raised
    said = [raised.message, *outcome.output.splitlines()[-LAST_WORDS:]]
    return replace(raised, message="\n".join(line for line in said if line.strip()))


def _find_reader(raised: Raised, names: Sequence[str]) -> Frame | None:
    frames = [frame for step in raised.chain() for frame in step.own_frames]
    return variables.find_reader(frames, names)


def _add_refusal(found: Explanation, outcome: Outcome) -> Explanation:
    """Return the explanation with what the app could not write before it failed for another reason."""
    written = next((each for each in outcome.blocked if each.what == "write"), None)
    if written is None:
        return found
    told = files.tell_write(written.target, written.frame)
    return replace(found, hint=f"Before that, {told.message[:1].lower()}{told.message[1:]} {told.hint}")
