"""Previews: the stages by a pattern that are deployed, and the removal of those that nobody needs any longer.

Which there are is told by the stacks in the account: a pull request that was closed while no workflow ran, or
a branch that somebody forgot, is in no file.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lambdify.cli import undeploy
from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import AfterHookFailed, LambdifyError, PreviewsLeft
from lambdify.cli.settings import stages
from lambdify.cli.stacks import stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A stage by a pattern that is deployed."""

    stage: str
    changed_at: datetime
    """When it was deployed last."""
    state: str
    """CloudFormation's name for the state of its stack."""
    endpoint: str
    """"" if it has none."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, and what could not be."""

    removed: tuple[str, ...]
    left: tuple[str, ...]
    hooks_failed: tuple[str, ...] = ()
    """Removed ones whose [hooks] after_undeploy failed."""


@translated(during="looking for previews")
def find_all(pattern: str, declared: Sequence[str], stage: Stage) -> tuple[Preview, ...]:
    """Return the project's deployed stages of a pattern, the one that was deployed last first.

    `declared` are the names of all tables of stages, `stage` is any stage of the pattern.
    """
    found = [
        Preview(
            stage=name,
            changed_at=each.changed_at,
            state=each.state,
            endpoint=each.outputs.get("Endpoint", ""),
        )
        for name, each in stack.find_stages(stage).items()
        if name not in declared and stages.match(name, declared) == pattern
    ]
    return tuple(sorted(found, key=lambda each: each.changed_at, reverse=True))


def prune(
    previews: Iterable[Preview],
    stage: Stage,
    console: Console,
    *,
    afterwards: Callable[[Stage], None],
    sleep: Sleep = time.sleep,
) -> Pruned:
    """Remove these previews, one after the other; one that cannot be removed does not save the others.

    `stage` is any stage of their pattern. `afterwards` is called with each that was removed, and may raise
    AfterHookFailed.
    """
    removed, left, hooks_failed = list[str](), list[str](), list[str]()
    for each in previews:
        preview = replace(stage, settings=replace(stage.settings, stage=each.stage))
        try:
            undeploy.undeploy(preview, console, yes=True, sleep=sleep)
        except LambdifyError as error:
            console.warn(f"{each.stage} was not removed: {error.message}")
            left.append(each.stage)
            continue
        removed.append(each.stage)
        try:
            afterwards(preview)
        except AfterHookFailed as error:
            console.warn(error.message)
            hooks_failed.append(each.stage)
    return Pruned(removed=tuple(removed), left=tuple(left), hooks_failed=tuple(hooks_failed))


def check(pruned: Pruned) -> None:
    """Raise PreviewsLeft if something that was to be removed is there, AfterHookFailed if a hook failed."""
    if pruned.left:
        raise PreviewsLeft(
            f"{len(pruned.left)} of {len(pruned.left) + len(pruned.removed)} previews could not be removed: "
            f"{', '.join(pruned.left)}.",
            hint=f"`lambdify undeploy {pruned.left[0]}` says more of the first, and how to go on.",
        )
    if pruned.hooks_failed:
        raise AfterHookFailed(
            f"[hooks] after_undeploy failed for previews that are gone: {', '.join(pruned.hooks_failed)}.",
            hint="Nothing runs it again: what it had left to do is to be done by hand.",
        )
