"""Event resources of stacks, as CloudFormation makes and changes them.

Differences of ministack that are mended here: a schedule of a stack has neither time zone nor dates, and
one that could not be made counts as made. An update of a mapping leaves what the template has no longer,
such as a filter, and keeps on calling the alias of before. A queue may hide its messages for a shorter time
than the function takes.
"""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc, scheduler, sqs
from ministack.services.cloudformation import provisioners

from lambdify.cli.local.events.replacement import replace

Made = tuple[str, dict[str, str]]
"""The physical id of a resource, and its attributes."""
Properties = Mapping[str, Any]
OPTIONAL = (
    "FilterCriteria",
    "DestinationConfig",
    "ParallelizationFactor",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "ScalingConfig",
)
"""What a mapping has no longer when its template leaves it out."""


def install() -> None:
    """Replace how ministack makes and changes these resources."""
    handlers = provisioners._RESOURCE_HANDLERS
    create, update = _write_mapping_handlers()
    handlers["AWS::Lambda::EventSourceMapping"] |= {"create": create, "update": update}
    replace(provisioners, "_scheduler_schedule_create", make_schedule)
    replace(provisioners, "_scheduler_schedule_update", change_schedule)
    handlers["AWS::Scheduler::Schedule"] |= {"create": make_schedule, "update": change_schedule}
    _check_new_mappings()


def _write_mapping_handlers() -> tuple[Any, Any]:
    """Return what makes a mapping and what changes it, both on top of ministack's own."""

    def make(logical_id: str, props: Properties, stack_name: str) -> Made:
        if refusal := find_refusal(props):
            raise ValueError(refusal)
        made: Made = original_create(logical_id, props, stack_name)
        _complete(lambda_svc._esms[made[0]], props)
        return made

    def change(physical_id: str, old_props: Properties, new_props: Properties, stack_name: str) -> Made:
        if refusal := find_refusal(new_props):
            raise ValueError(refusal)
        made: Made = original_update(physical_id, old_props, new_props, stack_name)
        _complete(lambda_svc._esms[made[0]], new_props)
        return made

    original_create = replace(provisioners, "_lambda_esm_create", make)
    original_update = replace(provisioners, "_lambda_esm_update", change)
    return make, change


def _complete(mapping: dict[str, Any], props: Properties) -> None:
    """Give a mapping exactly what its template says, and AWS's own values for the rest."""
    for name in OPTIONAL:
        if props.get(name) is None:
            mapping.pop(name, None)
    mapping["BatchSize"] = int(props.get("BatchSize") or (10 if ":sqs:" in props["EventSourceArn"] else 100))
    mapping["MaximumBatchingWindowInSeconds"] = int(props.get("MaximumBatchingWindowInSeconds") or 0)
    mapping["FunctionResponseTypes"] = list(props.get("FunctionResponseTypes") or ())
    mapping["Enabled"] = str(props.get("Enabled", True)).lower() != "false"
    mapping["State"] = "Enabled" if mapping["Enabled"] else "Disabled"
    _, mapping["Qualifier"] = lambda_svc._resolve_name_and_qualifier(props["FunctionName"])


def find_refusal(mapping: Properties) -> str:
    """Return why AWS would not make the mapping; "" if it would.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    arn = mapping.get("EventSourceArn") or ""
    queue = sqs._queue_by_arn(arn) if ":sqs:" in arn else None
    _, config, _ = lambda_svc._get_func_record_for_ref(mapping.get("FunctionName") or "")
    if queue is None or config is None:
        return ""
    hidden, timeout = int(queue["attributes"].get("VisibilityTimeout", "30")), int(config.get("Timeout") or 3)
    if hidden >= timeout:
        return ""
    return f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout} seconds"


def _check_new_mappings() -> None:
    """Let the API refuse what find_refusal does."""

    def create(data: dict[str, Any]) -> Any:
        if refusal := find_refusal(data):
            return lambda_svc.error_response_json("InvalidParameterValueException", refusal, 400)
        return original(data)

    original = replace(lambda_svc, "_create_esm", create)


def make_schedule(logical_id: str, props: Properties, stack_name: str) -> Made:
    """Make a schedule of a stack. Raises ValueError, which fails the stack, if Scheduler refuses it."""
    name = props.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    return _save(scheduler._create_schedule, name, props)


def change_schedule(physical_id: str, old_props: Properties, new_props: Properties, stack_name: str) -> Made:
    """Change a schedule of a stack, or replace it if its name or group has changed. Raises ValueError."""
    name, group = new_props.get("Name") or physical_id, _group(new_props)
    if f"{group}/{name}" in scheduler._schedules:
        return _save(scheduler._update_schedule, name, new_props)
    made = make_schedule(physical_id, {**new_props, "Name": name}, stack_name)
    if name == physical_id and group != _group(old_props):
        provisioners._delete_predecessor(provisioners._scheduler_schedule_delete, physical_id, old_props)
    return made


def _save(call: Any, name: str, props: Properties) -> Made:
    status, _, body = call(name, dict(props))
    if status >= 400:
        raise ValueError(json.loads(body)["Message"])
    return name, {"Arn": scheduler._schedule_arn(_group(props), name)}


def _group(props: Properties) -> str:
    return str(props.get("GroupName") or "default")
