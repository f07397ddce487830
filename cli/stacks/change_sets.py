"""Change sets: proposed, applied or discarded; and the deletion of a stack. The only writer of stacks.

Rules:
- `propose` changes nothing that runs. `apply` and `delete` do, and return at once: see `stack_events.watch`.
- A change set that is not applied is removed, together with the empty stack that was created to hold it.
"""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import DeployFailed, SettingsError
from lambdify.cli.stacks import changes
from lambdify.cli.stacks.changes import Body, Change
from lambdify.cli.stacks.stack import CHANGE_SET_PREFIX, MISSING, Stack, busy, fetch_body, list_change_sets
from lambdify.cli.stacks.stack_events import (
    COMPLETED,
    DELETED,
    ROLLED_BACK,
    Operation,
    Sleep,
    explain,
    last_event,
    pauses,
)
from lambdify.cli.template import Template

NO_CHANGE = ("didn't contain changes", "No updates are to be performed")
"""Reasons of a change set that failed because nothing changes."""
MAX_TEMPLATE_BYTES = 51_200
"""Bytes. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
IN_PROGRESS = "^ValidationError: .*_IN_PROGRESS state"
"""CloudFormation's error for a stack that another operation works on."""
CREATED = "already exists and cannot be created"
"""CloudFormation's error for a stack that somebody else has created meanwhile."""


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """A change that can be applied."""

    id: str
    stack: str
    stack_id: str
    creates: bool
    """Whether it creates the stack."""
    changes: tuple[Change, ...]
    before: Body = field(default_factory=dict)
    """The template that is deployed; {} for a new stack."""
    after: Body = field(default_factory=dict)


@translated(during="asking CloudFormation what will change")
def propose(
    template: Template,
    stack: Stack | None,
    account: Account,
    *,
    parameters: Mapping[str, str] | None = None,
    express: bool = False,
    sleep: Sleep = time.sleep,
) -> ChangeSet | None:
    """Return a change set from the stack to the template; None if nothing changes.

    `parameters` are for a template that is not deployed yet: if only they differ, nothing is proposed.
    With `express`, CloudFormation does not wait until resources have stabilized. Raises StackBusy, and
    DeployFailed if CloudFormation refuses the template.
    """
    creates = stack is None or stack.is_new
    before = {} if stack is None or stack.is_new else fetch_body(stack, account)
    if stack is not None and _is_deployed(template, stack, before):
        return None
    tags = [{"Key": key, "Value": value} for key, value in template.tags.items()]
    what = {"TemplateBody": _text(template), "Tags": tags, **(_express_options(account) if express else {})}
    bodies = (before, template.body)
    return _create(template.stack, what, parameters or {}, account, sleep, creates=creates, bodies=bodies)


@translated(during="asking CloudFormation what will change")
def propose_parameters(
    stack: Stack,
    parameters: Mapping[str, str],
    account: Account,
    *,
    express: bool = False,
    sleep: Sleep = time.sleep,
) -> ChangeSet | None:
    """Do as `propose`, for the stack's own template with other parameters."""
    # The tags are sent again, since AWS does not promise that they stay. AWS's own tags cannot be set.
    tags = [{"Key": key, "Value": value} for key, value in stack.tags.items() if not key.startswith("aws:")]
    what = {"UsePreviousTemplate": True, "Tags": tags, **(_express_options(account) if express else {})}
    return _create(stack.name, what, parameters, account, sleep)


def _create(
    stack: str,
    what: Mapping[str, Any],
    parameters: Mapping[str, str],
    account: Account,
    sleep: Sleep,
    *,
    creates: bool = False,
    bodies: tuple[Body, Body] = ({}, {}),
) -> ChangeSet | None:
    """Create a change set, and return it with its changes; None if it is empty."""
    cloudformation = account.client("cloudformation")
    name = f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex[:12]}"
    make = partial(
        cloudformation.create_change_set,
        StackName=stack,
        ChangeSetName=name,
        # boto3 repeats a request whose answer was lost: CloudFormation recognizes it by the token.
        ClientToken=name,
        ChangeSetType="CREATE" if creates else "UPDATE",
        # Our roles have names, and roles of [resources] may. The preview shows the rights that are added.
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        # The new stack imports the log group that `undeploy --keep-logs` left. No other resource can be
        # imported: its deletion policy does not allow it.
        **({"ImportExistingResources": True} if creates else {}),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        **what,
    )
    try:
        made = attempt(make, none_if=f"{IN_PROGRESS}|{CREATED}")
    except cloudformation.exceptions.AlreadyExistsException:
        # The name is unique, so this request created it before, and the answer was lost.
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        made = {"Id": found["ChangeSetId"], "StackId": found["StackId"]}
    if made is None:
        raise busy(stack, "another change")
    empty = ChangeSet(
        id=made["Id"],
        stack=stack,
        stack_id=made["StackId"],
        creates=creates,
        changes=(),
        before=bodies[0],
        after=bodies[1],
    )
    complete = None
    try:
        complete = _wait_for_changes(empty, cloudformation, sleep)
    finally:
        # Ctrl-C may have ended the wait: a change set that nobody will apply is removed then too.
        if complete is None:
            discard(empty, account)
    return complete


@translated(during="applying the change set")
def apply(change_set: ChangeSet, account: Account) -> Operation:
    """Start to apply the change set; return the operation. Raises StackBusy if another change came first."""
    cloudformation = account.client("cloudformation")
    # Another first deployment may have removed the stack that held the change sets of both.
    after = attempt(
        lambda **of: last_event(of["stack_id"], cloudformation), none_if=MISSING, stack_id=change_set.stack_id
    )
    if after is None:
        raise busy(change_set.stack, "another change")
    operation = Operation(
        stack=change_set.stack, stack_id=change_set.stack_id, end_states=COMPLETED, after=after
    )
    overtaken = f"^InvalidChangeSetStatus|^ChangeSetNotFound|{IN_PROGRESS}"
    token = f"{change_set.id.rpartition('/')[2]}-apply"
    execute = partial(
        cloudformation.execute_change_set, ChangeSetName=change_set.id, ClientRequestToken=token
    )
    if attempt(execute, none_if=overtaken) is None and not _is_begun(change_set, cloudformation):
        raise busy(change_set.stack, "another change")
    return operation


def _is_begun(change_set: ChangeSet, cloudformation: Any) -> bool:
    """Whether the change set is being applied: boto3 repeated a request whose answer was lost."""
    look = cloudformation.describe_change_set
    found = attempt(look, none_if="^ChangeSetNotFound", ChangeSetName=change_set.id)
    return found is not None and found.get("ExecutionStatus", "").startswith("EXECUTE_")


@translated(during="removing the change set")
def discard(change_set: ChangeSet, account: Account) -> None:
    """Remove a change set, and the empty stack that was created to hold it."""
    cloudformation = account.client("cloudformation")
    cloudformation.delete_change_set(ChangeSetName=change_set.id)
    if not change_set.creates:
        return
    found = attempt(cloudformation.describe_stacks, none_if=MISSING, StackName=change_set.stack_id)
    in_review = found and found["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    if in_review and not list_change_sets(change_set.stack, account):
        cloudformation.delete_stack(StackName=change_set.stack_id)


@translated(during="deleting the stack")
def delete(stack: Stack, account: Account, *, leave: Sequence[str] = (), express: bool = False) -> Operation:
    """Start to delete the stack, or join a deletion that is under way; return the operation.

    `leave` are logical ids of resources that stay in the account because a deletion failed on them before.
    """
    how: dict[str, Any] = {"RetainResources": list(leave)} if leave else {}
    how |= _express_options(account) if express else {}
    cloudformation = account.client("cloudformation")
    under_way = stack.state == "DELETE_IN_PROGRESS"
    after = "" if under_way else last_event(stack.id, cloudformation)
    if not under_way:
        cloudformation.delete_stack(StackName=stack.id, **how)
    return Operation(stack=stack.name, stack_id=stack.id, end_states=DELETED, after=after)


@translated(during="taking the change back")
def roll_back(stack: Stack, account: Account) -> Operation:
    """Continue a rollback that failed, or start one that did not happen; return the operation."""
    cloudformation = account.client("cloudformation")
    after = last_event(stack.id, cloudformation)
    if stack.state == "UPDATE_ROLLBACK_FAILED":
        cloudformation.continue_update_rollback(StackName=stack.id)
    else:
        cloudformation.rollback_stack(StackName=stack.id)
    return Operation(stack=stack.name, stack_id=stack.id, end_states=ROLLED_BACK, after=after)


def _is_deployed(template: Template, stack: Stack, before: Body) -> bool:
    """Whether the stack was last made from this very template, which saves waiting for an empty change set.

    False after a rollback: CloudFormation compares then.
    """
    if stack.state not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} or not (
        template.tags.items() <= stack.tags.items()
    ):
        return False
    return before == template.body


def _text(template: Template) -> str:
    """Return the template as it is sent: indented, if that fits into the limit, else compact."""
    for text in (template.text, json.dumps(template.body, separators=(",", ":"))):
        size = len(text.encode())
        if size <= MAX_TEMPLATE_BYTES:
            return text
    raise SettingsError(
        f"The template has {size} bytes, and CloudFormation takes {MAX_TEMPLATE_BYTES}.",
        hint="[resources] makes it that long: put some of them into a stack of their own.",
    )


def _express_options(account: Account) -> dict[str, Any]:
    """Return the options for express mode, with rollback, which express mode leaves out by default.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentConfig.html
    """
    known = account.client("cloudformation").meta.service_model.operation_model("CreateChangeSet").input_shape
    if "DeploymentConfig" not in known.members:
        raise SettingsError(
            "[release] express = true: the boto3 that is installed does not know express mode.",
            hint="Install boto3 1.43.38 or newer beside lambdify, or leave express out.",
        )
    return {"DeploymentConfig": {"Mode": "EXPRESS", "DisableRollback": False}}


def _wait_for_changes(change_set: ChangeSet, cloudformation: Any, sleep: Sleep) -> ChangeSet | None:
    """Wait until CloudFormation has worked out the changes; return the change set with them, or None."""
    describe = cloudformation.get_paginator("describe_change_set").paginate
    for pause in pauses():
        pages = attempt(
            lambda **which: list(describe(**which)),
            none_if=f"^ChangeSetNotFound|{MISSING}",
            ChangeSetName=change_set.id,
            IncludePropertyValues=True,
        )
        if pages is None:
            # When CloudFormation applies a change set, it removes all others of the stack.
            raise busy(change_set.stack, "another change")
        state, reason = pages[0]["Status"], pages[0].get("StatusReason", "")
        if state == "CREATE_COMPLETE":
            break
        if state == "FAILED":
            if any(text in reason for text in NO_CHANGE):
                return None
            raise DeployFailed(
                "CloudFormation refuses the change: "
                + explain(reason, cloudformation, ChangeSetName=change_set.id),
                hint="Nothing was changed. Correct the setting it names, and deploy again.",
            )
        sleep(pause)
    found = (each["ResourceChange"] for page in pages for each in page["Changes"])
    read = (changes.read(each, change_set.before, change_set.after) for each in found)
    return replace(change_set, changes=tuple(read))
