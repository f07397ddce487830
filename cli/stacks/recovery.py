"""Recovery of a stage's stack from a failed or unfinished operation, as far as nothing is lost by it.

    REVIEW_IN_PROGRESS                                  nothing was made yet: used as it is
    ROLLBACK_COMPLETE                                   a creation failed, nothing is left: removed
    ROLLBACK_FAILED, CREATE_FAILED                      a creation failed: removed, after a question
    DELETE_FAILED                                       an undeploy failed: finished, after a question
    UPDATE_ROLLBACK_FAILED, UPDATE_FAILED               a change failed: rolled back, after a question
    ..._IN_PROGRESS                                     waited for with --wait, else refused

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import time
from functools import partial
from typing import TYPE_CHECKING

from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined, StackBusy
from lambdify.cli.stacks import change_sets, stack, stack_events
from lambdify.cli.stacks.stack import FAILED_CREATION, FAILED_UPDATE, Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

if TYPE_CHECKING:
    from lambdify.cli.stacks.stack_events import Operation

EMPTY = "ROLLBACK_COMPLETE"
"""https://repost.aws/knowledge-center/cloudformation-rollback-complete: such a stack can only be deleted.
Nothing is lost by that, since the rollback has deleted everything in it."""
LONGEST_WAIT = 3600.0
"""Seconds. If CloudFormation takes longer, a person has to look at it."""


def prepare(
    stage: Stage,
    console: Console,
    *,
    yes: bool = False,
    wait: bool = False,
    sleep: Sleep = time.sleep,
) -> Stack | None:
    """Return a stack that can be changed; None if it has to be created.

    `yes` recovers without asking; `wait` waits for another deployment to end. Raises StackForeign, StackBusy,
    StackBroken, Declined.
    """
    existing = stack.find(stage)
    if existing is not None and existing.is_busy and wait:
        existing = wait_until_idle(existing, stage, console, sleep=sleep)
    if existing is None:
        return None
    if existing.state in FAILED_CREATION | {"DELETE_FAILED"}:
        _remove(existing, stage, console, sleep, yes=yes)
        return None
    if existing.state in FAILED_UPDATE:
        _roll_back(existing, stage, console, sleep, yes=yes)
        existing = stack.fetch(stage)
    stack.check(existing, stage.settings)
    return existing


@translated(during="waiting for the other deployment, which goes on without you")
def wait_until_idle(
    busy: Stack, stage: Stage, console: Console, *, sleep: Sleep = time.sleep
) -> Stack | None:
    """Wait until no operation works on the stack; return it, or None if it was deleted. Raises StackBusy."""
    found: Stack | None = busy
    waited = 0.0
    with console.step(f"Waiting for what CloudFormation does to {busy.name} ({busy.state})"):
        for pause in stack_events.pauses():
            found = stack.find(stage)
            if found is None or not found.is_busy:
                return found
            if waited > LONGEST_WAIT:
                break
            sleep(pause)
            waited += pause
    raise StackBusy(
        f'CloudFormation has been at work on "{busy.name}" for an hour while we waited ({busy.state}).',
        hint=f"`{stage.command('status')}` shows it; the console of CloudFormation shows why.",
    )


def _remove(existing: Stack, stage: Stage, console: Console, sleep: Sleep, *, yes: bool) -> None:
    if existing.state == EMPTY:
        what = f"Removing the empty stack that the failed creation of {existing.name} left"
    elif existing.state == "DELETE_FAILED":
        what = f"Ending the removal of {existing.name} that failed"
        _agree(
            f"The last undeploy of {existing.name} failed half way. End it, then deploy anew?", console, yes
        )
    else:
        what = f"Removing what the failed creation of {existing.name} left"
        _agree(
            f"{existing.name} was never complete ({existing.state}). Remove it, then create it?", console, yes
        )
    with console.step(what):
        deletion = partial(change_sets.delete, existing, stage.account)
        stack_events.follow(deletion, stage, console, sleep=sleep)


def _roll_back(existing: Stack, stage: Stage, console: Console, sleep: Sleep, *, yes: bool) -> None:
    _agree(
        f"The last change of {existing.name} failed, and so did its rollback ({existing.state}). "
        "Try the rollback again first?",
        console,
        yes,
    )

    def begin() -> "Operation":
        return change_sets.roll_back(existing, stage.account)

    with console.step(f"Taking {existing.name} back to what it was"):
        stack_events.follow(begin, stage, console, sleep=sleep)


def _agree(question: str, console: Console, yes: bool) -> None:
    if not yes and not console.confirm(question):
        raise Declined("Nothing was changed.")
