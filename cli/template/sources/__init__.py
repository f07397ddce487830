"""What calls the functions of a stage, as resources of its template: one module for each kind of source.

    schedule     EventBridge Scheduler            calls the alias in a role that may do that and no more
    sns          an SNS topic                     a subscription, and a permission
    rules        an S3 bucket, or events          an EventBridge rule, and a permission
    mappings     SQS, DynamoDB, Kinesis           Lambda asks for messages, with the rights of its role
    invokers     any other service                a permission alone

Rules:
- Each kind has the same two functions. `write` returns the resources of one source; `rights` what the role of
  the function needs for it.
- Everything calls the function's alias, by its ARN, and so in the version that has the traffic.
- Batches are answered by their failures (ReportBatchItemFailures): the adapter answers for every function.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import FunctionSettings
from lambdify.cli.template.sources import invokers, mappings, rules, schedule, sns
from lambdify.cli.template.sources.source import Right

Resource = dict[str, Any]


class Kind(NamedTuple):
    """A kind of source."""

    write: Callable[[Settings, FunctionSettings, str, int, Any], dict[str, Resource]]
    """Takes the function, the option, the number of the source in it, and the source."""
    rights: Callable[[Settings, str, Any], list[Right]]
    """Takes the option and the source."""


KINDS: Mapping[str, Kind] = {
    "schedule": Kind(schedule.write, schedule.rights),
    "sqs": Kind(mappings.write, mappings.rights),
    "sns": Kind(sns.write, sns.rights),
    "s3": Kind(rules.write, rules.rights),
    "events": Kind(rules.write, rules.rights),
    "dynamodb": Kind(mappings.write, mappings.rights),
    "kinesis": Kind(mappings.write, mappings.rights),
    "invokers": Kind(invokers.write, invokers.rights),
}


def write(settings: Settings) -> dict[str, Resource]:
    """Return the sources of all functions."""
    resources: dict[str, Resource] = {}
    for function in settings.functions.values():
        for option, number, source in function.sources:
            resources |= KINDS[option].write(settings, function, option, number, source)
    return resources


def rights(settings: Settings) -> list[Right]:
    """Return what the function's role needs for all of them."""
    return [
        right
        for function in settings.functions.values()
        for option, _, source in function.sources
        for right in KINDS[option].rights(settings, option, source)
    ]
