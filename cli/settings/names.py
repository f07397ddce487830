"""Names of a stage's schedules and rules, and what an event says of where it comes from.

Pure. Both are needed before there is a stack: the names by the template and by whoever asks for the next run,
what events say by the bundle, by which the function finds out whom an event is for.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdify.cli.settings.functions import (
    Bucket,
    FunctionSettings,
    Invoker,
    Queue,
    Rule,
    Schedule,
    Source,
    Stream,
    Topic,
)

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings

SCHEDULE_LENGTH = 64
"""https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html"""
ROLE_LENGTH = 64
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
LONGEST_REGION = 16
"""Characters of a region's name, with room for new regions: "ap-southeast-1" has 14."""
STAGE_PART = 31
"""Characters of the stage's name in a name that would be too long."""
FUNCTION_PART = 28
LATER = "later"
"""Purpose of the role by which a schedule sends a task to the queue."""
PHYSICAL_NAMES = ("QueueName", "TopicName", "BucketName", "TableName", "Name")
"""Properties that name a resource of the project's own."""


def shorten(text: str, room: int) -> str:
    """Return the text if it fits into `room` characters; else its beginning and a digest of the whole."""
    if len(text) <= room:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{text[: room - len(digest) - 1]}-{digest}"


def schedule(settings: "Settings", function: FunctionSettings, number: int) -> str:
    """Return the name of a function's schedule: "shop-dev.report.1".

    Its dots tell it from the names of stages, which are those of the schedules that keep them warm.
    """
    return _dotted(settings, function.name, str(number))


def rule(settings: "Settings", function: FunctionSettings, option: str, number: int) -> str:
    """Return the name of the rule of a bucket or of events: "shop-dev.orders.s3-1"."""
    return _dotted(settings, function.name, f"{option}-{number}")


def beginnings(settings: "Settings") -> tuple[str, ...]:
    """Return what all names of schedules and rules begin with."""
    whole = settings.full_name
    return tuple(dict.fromkeys([f"{whole}.", f"{shorten(whole, STAGE_PART)}."]))


def _dotted(settings: "Settings", name: str, end: str) -> str:
    whole = f"{settings.full_name}.{name}.{end}"
    if len(whole) <= SCHEDULE_LENGTH and len(settings.full_name) <= STAGE_PART:
        return whole
    return f"{shorten(settings.full_name, STAGE_PART)}.{shorten(name, FUNCTION_PART - len(end))}.{end}"


def role(settings: "Settings", purpose: str, region: str = "${AWS::Region}") -> str:
    """Return the name of a role of the stage: "shop-dev-function-eu-central-1".

    We set the whole name, so that the deployer of one stage needs no right on another stage's roles. The name
    contains the region, since roles are global in the account. A stage's name that is too long is shortened.
    """
    room = ROLE_LENGTH - LONGEST_REGION - len(f"-{purpose}-")
    return f"{shorten(settings.full_name, room)}-{purpose}-{region}"


def task_variables(settings: "Settings", region: str) -> dict[str, str]:
    """Return the variables that tell the function of the queue of tasks, as long as they are on AWS.

    {} without a queue. Only the account's number is not known; template/tasks.py has what they really say.
    """
    if not settings.tasks.workers:
        return {}
    account, china = "0" * 12, region.startswith("cn-")
    partition = "aws-cn" if china else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    begin = f"https://sqs.{region}.amazonaws.com{'.cn' if china else ''}/{account}/{settings.full_name}"
    found = {
        "LAMBDIFY_TASKS": f"{begin}-tasks",
        "LAMBDIFY_TASKS_FAILED": f"{begin}-failed",
        "LAMBDIFY_TASKS_LATER": f"arn:{partition}:iam::{account}:role/{role(settings, LATER, region)}",
    }
    return found | (
        {"LAMBDIFY_TASKS_RESULTS": f"{settings.full_name}-tasks"} if settings.tasks.results else {}
    )


def origins(settings: "Settings", function: FunctionSettings) -> tuple[str, ...]:
    """Return what the events of a function's sources name as their origin; "*" stands for any text."""
    found = (
        origin
        for option, number, source in function.sources
        for origin in _origins(settings, function, option, number, source)
    )
    return tuple(dict.fromkeys(found))


def _origins(
    settings: "Settings", function: FunctionSettings, option: str, number: int, source: Source
) -> Iterator[str]:
    match source:
        case Schedule():
            yield f"arn:*:scheduler:*:*:schedule/default/{schedule(settings, function, number)}"
        case Queue():
            yield arn(settings, source.queue, "arn:*:sqs:*:*:{}")
        case Topic():
            yield arn(settings, source.topic, "arn:*:sns:*:*:{}")
        case Bucket():
            name = source.bucket
            there = name in settings.resources
            yield arn(settings, name, "arn:*:s3:::{}") if there else f"arn:*:s3:::{name}"
        case Rule():
            # The events of others name no rule; what sends them may tell.
            sent_by = source.pattern.get("source", ())
            yield from (each for each in sent_by if isinstance(each, str))
        case Stream():
            form = (
                "arn:*:dynamodb:*:*:table/{}/stream/*"
                if option == "dynamodb"
                else "arn:*:kinesis:*:*:stream/{}"
            )
            yield arn(settings, source.stream, form)
        case Invoker() if source.arn.startswith("arn:"):
            yield source.arn


def arn(settings: "Settings", target: str, form: str) -> str:
    """Return an ARN as it is, or the form with the name of one of the project's own resources."""
    if target.startswith("arn:"):
        return target
    properties: Mapping[str, Any] = settings.resources[target].get("Properties", {})
    named = next((properties[name] for name in PHYSICAL_NAMES if isinstance(properties.get(name), str)), "")
    # CloudFormation makes up a name of the stack's, the logical id, and letters; a bucket's is in small ones.
    made = f"*-{target.lower() if ':s3:' in form else target}-*"
    return form.format(named or made)


def streams(
    settings: "Settings", function: FunctionSettings, option: str, *, partition: str, place: str
) -> tuple[str, ...]:
    """Return the ARNs of the streams of a kind ("kinesis") that call a function.

    `place` is region and account: "eu-central-1:123456789012". "*" stands for what CloudFormation or DynamoDB
    makes up.
    """
    begin = f"arn:{partition}:{option}:{place}"
    form = f"{begin}:table/{{}}/stream/*" if option == "dynamodb" else f"{begin}:stream/{{}}"
    # A name that CloudFormation makes up begins with the stack's.
    return tuple(
        arn(settings, source.stream, form).replace("/*-", f"/{settings.full_name}-", 1)
        for kind, _, source in function.sources
        if kind == option and isinstance(source, Stream)
    )
