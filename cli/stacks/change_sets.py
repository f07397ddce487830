"""Changes to a stack: proposed, applied, or discarded; and its deletion. The only writer of stacks.

Rules:
- `propose` changes nothing that runs. `apply` and `delete` do, and return at once: see `stack_events.watch`.
- A change set that will not be applied is removed, and so is the empty stack that was made to hold it.
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
"""How CloudFormation says that there is nothing to do: it fails the change set, with one of these reasons."""
MAX_TEMPLATE_BYTES = 51_200
"""Bytes. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
IN_PROGRESS = "^ValidationError: .*_IN_PROGRESS state"
"""How CloudFormation says that something else is being done to the stack."""
CREATED = "already exists and cannot be created"
"""How it says that somebody else has created the stack meanwhile."""


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """A change that can be applied."""

    id: str
    stack: str
    stack_id: str
    creates: bool
    """Whether the stack comes into being with it."""
    changes: tuple[Change, ...]
    before: Body = field(default_factory=dict)
    """The template as it is deployed; {} for a stack that is not."""
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
    """What CloudFormation would do to make the stack what the template says; None when it is that already.

    `parameters` are for a template that is not deployed yet: what only they would change is not looked for.
    `express` has CloudFormation not wait until things are steady. Raises StackBusy, and DeployFailed when
    CloudFormation refuses the template.
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
    """As `propose`, for the stack's own template with other parameters."""
    # Tags are said again: nowhere is it promised that they stay. Those of AWS's own cannot be set.
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
    """The change set, complete; None when it is empty."""
    cloudformation = account.client("cloudformation")
    name = f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex[:12]}"
    make = partial(
        cloudformation.create_change_set,
        StackName=stack,
        ChangeSetName=name,
        # When an answer is lost, boto3 asks again: by the token CloudFormation knows the request.
        ClientToken=name,
        ChangeSetType="CREATE" if creates else "UPDATE",
        # Of ours no role has a name; one of [resources] may. What rights a change brings is shown apart.
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        # The log that `undeploy --keep-logs` left is taken over; nothing else has a policy that allows it.
        **({"ImportExistingResources": True} if creates else {}),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        **what,
    )
    try:
        made = attempt(make, none_if=f"{IN_PROGRESS}|{CREATED}")
    except cloudformation.exceptions.AlreadyExistsException:
        # Nobody else has the name: it was made, and the answer was lost.
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
        # Also when Ctrl-C ends the wait: a change set that nobody will apply is litter.
        if complete is None:
            discard(empty, account)
    return complete


@translated(during="applying the change set")
def apply(change_set: ChangeSet, account: Account) -> Operation:
    """Let CloudFormation begin. Raises StackBusy when another change came first."""
    cloudformation = account.client("cloudformation")
    # Of several first deployments the one that ends may take the stack away that held all their change sets.
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
    """Whether it is being carried out all the same: then the answer was lost, and boto3 asked once more."""
    look = cloudformation.describe_change_set
    found = attempt(look, none_if="^ChangeSetNotFound", ChangeSetName=change_set.id)
    return found is not None and found.get("ExecutionStatus", "").startswith("EXECUTE_")


@translated(during="removing the change set")
def discard(change_set: ChangeSet, account: Account) -> None:
    """Remove a change set, and the empty stack that was made to hold it."""
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
    """Let CloudFormation begin to delete the stack, or join a deletion that is under way.

    `leave` are resources that stay in the account: those that a deletion failed on before.
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
    """Let CloudFormation go on with a rollback that failed, or begin one that was left out."""
    cloudformation = account.client("cloudformation")
    after = last_event(stack.id, cloudformation)
    if stack.state == "UPDATE_ROLLBACK_FAILED":
        cloudformation.continue_update_rollback(StackName=stack.id)
    else:
        cloudformation.rollback_stack(StackName=stack.id)
    return Operation(stack=stack.name, stack_id=stack.id, end_states=ROLLED_BACK, after=after)


def _is_deployed(template: Template, stack: Stack, before: Body) -> bool:
    """Whether the stack was last made from this very template: saves the wait for an empty change set.

    After a rollback it is left to CloudFormation to compare.
    """
    if stack.state not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} or not (
        template.tags.items() <= stack.tags.items()
    ):
        return False
    return before == template.body


def _text(template: Template) -> str:
    """The template as it is sent: laid out for reading, as long as there is room for that."""
    for text in (template.text, json.dumps(template.body, separators=(",", ":"))):
        size = len(text.encode())
        if size <= MAX_TEMPLATE_BYTES:
            return text
    raise SettingsError(
        f"The template has {size} bytes, and CloudFormation takes {MAX_TEMPLATE_BYTES}.",
        hint="[resources] makes it that long: put some of them into a stack of their own.",
    )


def _express_options(account: Account) -> dict[str, Any]:
    """Express mode, with the rollback that it would leave out by itself.

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
    """The change set with its changes, once CloudFormation has worked them out; None when there are none."""
    describe = cloudformation.get_paginator("describe_change_set").paginate
    for pause in pauses():
        pages = attempt(
            lambda **which: list(describe(**which)),
            none_if=f"^ChangeSetNotFound|{MISSING}",
            ChangeSetName=change_set.id,
            IncludePropertyValues=True,
        )
        if pages is None:
            # With one that is carried out, CloudFormation removes all others of the stack.
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
