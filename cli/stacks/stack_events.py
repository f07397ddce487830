"""The events of a stack, shown as they happen.

Rules:
- CloudFormation goes on whether somebody watches or not: to stop watching stops nothing.
- The cause of a failure is the first resource that failed: later failures follow from it.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import Any

from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import DeployFailed, Interrupted, StackBroken
from lambdify.cli.formatting import duration
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import RECOVERY_COMMANDS, recovery_command
from lambdify.cli.stage import Stage

Sleep = Callable[[float], None]

COMPLETED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
DELETED = frozenset({"DELETE_COMPLETE"})
ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE"})
SKIPPED = "DELETE_SKIPPED"
"""The state of a resource that leaves the stack and stays in the account, as every older version does."""
NAME_HINT = (
    "Take the name away from where it is, or have its owner do so; then deploy again. Between stages: deploy "
    "the old one without the name first."
)
OUTCOME = {
    "ROLLBACK_COMPLETE": "Nothing of it is left but the empty stack.",
    "UPDATE_ROLLBACK_COMPLETE": "Everything is as it was before.",
}
"""What is left of a failed change that CloudFormation could roll back."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a resource of a stack, or of the stack itself."""

    id: str
    at: datetime
    resource: str
    kind: str
    state: str
    reason: str
    of_stack: bool


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A change, deletion or rollback that CloudFormation was told to carry out."""

    stack: str
    stack_id: str
    end_states: frozenset[str]
    """The states that mean success: COMPLETED, DELETED or ROLLED_BACK."""
    after: str
    """Id of the last event before it; "" if there was none."""


def watch(operation: Operation, stage: Stage, *, sleep: Sleep = time.sleep) -> Iterator[Event]:
    """Yield events as they happen, until CloudFormation is done.

    At the end, raises DeployFailed if a change failed, and StackBroken if a deletion or rollback failed. Both
    name the first resource that failed.
    """
    cloudformation = stage.client("cloudformation")
    events: list[Event] = []
    for pause in pauses():
        state, fresh = _fetch_events(operation, events[-1].id if events else operation.after, cloudformation)
        events += fresh
        yield from fresh
        # Right after the start, the state is still that of the operation before. No new event reports it.
        reported = any(event.of_stack and event.state == state for event in events)
        if reported and not state.endswith("_IN_PROGRESS"):
            break
        sleep(pause)
    if state not in operation.end_states:
        raise _failure(operation, state, events, stage.settings, cloudformation)


def follow(
    begin: Callable[[], Operation],
    stage: Stage,
    console: Console,
    *,
    touched: Collection[str] | None = None,
    sleep: Sleep = time.sleep,
) -> None:
    """Begin an operation, watch it, and show each resource that is done, with the time that it took.

    Of an update, only the resources that it has `touched` are shown, and what fails: CloudFormation reports
    others as updated, too. --verbose shows all. Raises what `watch` raises, and Interrupted on Ctrl-C, since
    CloudFormation may be at work by then.
    """
    try:
        begun: dict[str, datetime] = {}
        for event in watch(begin(), stage, sleep=sleep):
            if event.of_stack:
                continue
            if event.state.endswith("_IN_PROGRESS"):
                begun.setdefault(event.resource, event.at)
            else:
                began = begun.pop(event.resource, None)
                took = duration((event.at - began).total_seconds()) if began else ""
                parts = (event.resource, event.state, took, event.reason)
                matters = touched is None or (event.resource in touched and event.state != SKIPPED)
                show = console.note if matters or event.state.endswith("_FAILED") else console.detail
                show("  ".join(part for part in parts if part))
            console.show_pending(tuple(begun))
    except KeyboardInterrupt:
        raise Interrupted(
            f"What CloudFormation was told to do with {stage.name} goes on without you.",
            hint=f"`{stage.command('status')}` shows how it ends.",
        ) from None


def last_event(stack_id: str, cloudformation: Any) -> str:
    """Return the id of the newest event; "" if there is none."""
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    return str(events[0]["EventId"]) if events else ""


def explain_name(what: str) -> str:
    """Return what is wrong where a name of [domain] is another's; "" for any other failure."""
    if re.search(r"CNAMEAlreadyExists|CNAMEs? you provided (is|are) already associated", what):
        return f"Another distribution, perhaps of another account, has one of the names. {what}"
    if "AWS::ApiGatewayV2::DomainName" in what and re.search(r"already exists|AlreadyExists", what):
        return f"Another API, perhaps of another account, has one of the names in this region. {what}"
    return ""


def explain(reason: str, cloudformation: Any, **subject: str) -> str:
    """Return the reason, or the validation errors of DescribeEvents if the reason only points to them."""
    if "DescribeEvents" not in reason:
        return reason
    found = cloudformation.describe_events(**subject, Filters={"FailedEvents": True})["OperationEvents"]
    errors = [each for each in found if "ValidationStatusReason" in each]
    # The errors of all operations are listed, newest first: only those of the newest one matter.
    last = [each for each in errors if each.get("OperationId") == errors[0].get("OperationId")]
    return "; ".join(f"{each['ValidationPath']}: {each['ValidationStatusReason']}" for each in last) or reason


def pauses() -> Iterator[float]:
    """Yield seconds between requests: short at first, for operations that end at once, then 2 for ever."""
    return chain((0.2, 0.3, 0.5, 1.0), repeat(2.0))


@translated(during="watching CloudFormation, which goes on without you")
def _fetch_events(operation: Operation, after: str, cloudformation: Any) -> tuple[str, list[Event]]:
    """Return the state of the stack, and the events since `after`, oldest first.

    The state is fetched before the events, so that the event of that state is always among them.
    """
    state = cloudformation.describe_stacks(StackName=operation.stack_id)["Stacks"][0]["StackStatus"]
    fresh: list[Event] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=operation.stack_id):
        for described in page["StackEvents"]:
            if described["EventId"] == after:
                return state, fresh[::-1]
            fresh.append(_read_event(described))
    return state, fresh[::-1]


def _read_event(described: Mapping[str, Any]) -> Event:
    return Event(
        id=described["EventId"],
        at=described["Timestamp"],
        resource=described["LogicalResourceId"],
        kind=described["ResourceType"],
        state=described["ResourceStatus"],
        reason=described.get("ResourceStatusReason", ""),
        of_stack=described.get("PhysicalResourceId") == described["StackId"],
    )


@translated(during="asking CloudFormation why it failed")
def _failure(
    operation: Operation, state: str, events: list[Event], settings: Settings, cloudformation: Any
) -> DeployFailed | StackBroken:
    failed = [each for each in events if each.state.endswith("_FAILED") and "cancelled" not in each.reason]
    # The stack's own failure only repeats that of a resource, unless no resource was begun yet.
    first = min(failed, key=lambda event: event.of_stack, default=None)
    if first is None:
        what = f"no resource says why; the stack is in the state {state}."
    else:
        reason = explain(first.reason, cloudformation, StackName=operation.stack_id)
        what = reason if first.of_stack else f"{first.resource} ({first.kind}): {reason}"
    if operation.end_states == DELETED:
        return StackBroken(
            f'"{operation.stack}" could not be deleted. {what}',
            hint=f"Remove what is in the way, then `{recovery_command('DELETE_FAILED', settings)}` again.",
        )
    if operation.end_states == ROLLED_BACK:
        skip = f" --resources-to-skip {first.resource}" if first and not first.of_stack else ""
        leave = f"aws cloudformation continue-update-rollback --stack-name {operation.stack}{skip}"
        return StackBroken(
            f'"{operation.stack}" could not be taken back to what it was. {what}',
            hint=f"Remove what is in the way, then `lambdify deploy {settings.stage}` again; or leave the "
            f"resource as it is: `{leave}`.",
        )
    if state in RECOVERY_COMMANDS:
        return DeployFailed(
            f"The deployment failed, and so did its rollback. {what}",
            hint=f"The stack is in the state {state}; "
            f"`{recovery_command(state, settings)}` gets it out of there.",
        )
    if taken := explain_name(what):
        what, outcome = taken, OUTCOME.get(state, f"The stack is in the state {state}.")
        return DeployFailed(f"The deployment failed. {what}", hint=f"{outcome} {NAME_HINT}")
    return DeployFailed(
        f"The deployment failed. {what}",
        hint=f"{OUTCOME.get(state, f'The stack is in the state {state}.')} "
        f"Correct the cause, then `lambdify deploy {settings.stage}` again.",
    )
