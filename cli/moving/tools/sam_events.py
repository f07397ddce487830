"""The functions of a SAM template beside the web app, with what calls them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambdify.cli.moving.reading import resources, sources
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Setting,
    WrongForm,
    as_list,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
)
from lambdify.cli.moving.reading.sources import Source

LIMITS: Mapping[str, str] = {
    "MemorySize": "memory", "Timeout": "timeout", "ReservedConcurrentExecutions": "reserved_concurrency",
}  # fmt: skip
SHARED = frozenset({
    "Handler", "Runtime", "CodeUri", "Events", "Architectures", "Tracing", "Description", "FunctionName",
    "Layers", "Tags", "PackageType", "VpcConfig", "AutoPublishAlias",
})  # fmt: skip
"""What all functions of a stage have from the web app, or by themselves."""


def read(
    key: str, name: str, handler: str, properties: Mapping[str, Any], events: Mapping[str, Any], code: Code
) -> Iterator[Setting]:
    """Yield a function with each source that calls it, and what is left of its properties."""
    found: list[Source] = []
    caveats: dict[str, None] = {}
    for event, each in events.items():
        said = each if isinstance(each, dict) else {}
        kind = str(said.get("Type"))
        try:
            found += EVENTS.get(kind, _unknown)(as_table(said.get("Properties")))
            caveats |= dict.fromkeys([sources.S3_CAVEAT] if kind == "S3" else [])
        except WrongForm as error:
            yield by_hand(f"{key}.Events.{event}", f"[functions.{name}]: it is not {error}")
    limits: dict[str, Any] = {}
    for option, ours in LIMITS.items():
        try:
            limits |= {ours: as_number(properties[option])} if option in properties else {}
        except WrongForm as error:
            yield by_hand(f"{key}.{option}", f"[functions.{name}] {ours}: it is not {error}")
    for option in properties.keys() - LIMITS.keys() - SHARED:
        yield by_hand(f"{key}.{option}", WHOLE.get(option, "see [functions.NAME] for what there is"))
    yield from sources.function(key, name, handler, found, code, limits=limits, caveats=caveats)


WHOLE: Mapping[str, str] = {
    "Environment": "variables are those of all functions: write them into [environment]",
    "Policies": "there is one role for all functions: write what this one needs as [[role.statements]]",
    "Role": "there is one role for all functions: [role] arn",
    "EventInvokeConfig": "retries, max_age and failed are options of [functions.NAME]",
    "DeadLetterQueue": "failed is an option of [functions.NAME]",
}


def _unknown(_: Mapping[str, Any]) -> list[Source]:
    raise WrongForm("an event that lambdify has an option for: `invokers`, or [resources]")


def _target(value: Any) -> str:
    """Return an ARN, or the logical id of a resource. Raises WrongForm."""
    return resources.logical_id(value) or as_text(value)


def _schedule(said: Mapping[str, Any]) -> list[Source]:
    enabled = said.get("Enabled", True) is not False and said.get("State", "ENABLED") != "DISABLED"
    expression = said.get("Schedule", said.get("ScheduleExpression"))
    zone = str(said.get("ScheduleExpressionTimezone", ""))
    return [sources.schedule(expression, enabled=enabled, given=_input(said.get("Input")), timezone=zone)]


def _input(text: Any) -> Any:
    """Return the input of a schedule, which a template has as JSON. Raises WrongForm."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise WrongForm("an input in JSON") from error


def _mapping(option: str, target: str, name: str) -> Callable[[Mapping[str, Any]], list[Source]]:
    def make(said: Mapping[str, Any]) -> list[Source]:
        arn = _target(said.get(name))
        words = {
            "batch": said.get("BatchSize"), "window": said.get("MaximumBatchingWindowInSeconds"),
            "start": said.get("StartingPosition"), "enabled": said.get("Enabled"),
        }  # fmt: skip
        if arn.startswith("arn:"):
            return [sources.by_arn(arn, words)]
        numbers = {each: as_number(words[each]) for each in ("batch", "window") if words[each]}
        return [(option, {target: arn, **numbers})]

    return make


def _topic(said: Mapping[str, Any]) -> list[Source]:
    patterns = {"filter": as_table(said["FilterPolicy"])} if said.get("FilterPolicy") else {}
    return [("sns", {"topic": _target(said.get("Topic")), **patterns})]


def _bucket(said: Mapping[str, Any]) -> list[Source]:
    rules = as_list(as_table(as_table(said.get("Filter")).get("S3Key")).get("Rules"))
    words: dict[str, Any] = {"events": as_texts(said.get("Events"))}
    for each in rules:
        rule = as_table(each)
        words[str(rule.get("Name")).lower()] = rule.get("Value")
    return [sources.bucket(_target(said.get("Bucket")), words)]


def _rule(said: Mapping[str, Any]) -> list[Source]:
    bus = {"bus": _target(said["EventBusName"])} if said.get("EventBusName") else {}
    return [("events", {"pattern": as_table(said.get("Pattern")), **bus})]


EVENTS: Mapping[str, Callable[[Mapping[str, Any]], list[Source]]] = {
    "Schedule": _schedule,
    "ScheduleV2": _schedule,
    "SQS": _mapping("sqs", "queue", "Queue"),
    "DynamoDB": _mapping("dynamodb", "stream", "Stream"),
    "Kinesis": _mapping("kinesis", "stream", "Stream"),
    "SNS": _topic,
    "S3": _bucket,
    "EventBridgeRule": _rule,
    "CloudWatchEvent": _rule,
}
