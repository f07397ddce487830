"""Queues and streams: Lambda asks them for messages and records, with the rights of the function's role.

What a batch fails on comes again: from a queue after its visibility timeout, from a stream at once, while the
shard waits. A stream's records that are given up go where the failed events of the function go, as their
numbers; a queue has a redrive policy of its own.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import json
from collections.abc import Mapping
from typing import Any

from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import FunctionSettings, Queue, Stream
from lambdify.cli.template.sources import references
from lambdify.cli.template.sources.source import ROLE, Resource, Right, alias, logical_id, on_failure

POSITIONS = {"latest": "LATEST", "oldest": "TRIM_HORIZON"}
READING: Mapping[str, tuple[str, ...]] = {
    "sqs": ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    "kinesis": (
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
    ),
}
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"""


def write(
    settings: Settings, function: FunctionSettings, option: str, number: int, source: Queue | Stream
) -> dict[str, Resource]:
    """Return the event source mapping."""
    own = _queue(source) if isinstance(source, Queue) else _stream(settings, function, source)
    mapping: Resource = {
        "Type": "AWS::Lambda::EventSourceMapping",
        # Lambda tries at once whether the role may read.
        **({} if settings.role.arn else {"DependsOn": [ROLE]}),
        "Properties": {
            "EventSourceArn": _arn(settings, option, source),
            "FunctionName": alias(function),
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BatchSize": source.batch,
            **({"MaximumBatchingWindowInSeconds": source.window} if source.window else {}),
            **({"FilterCriteria": _filters(source.filter)} if source.filter else {}),
            **({} if source.enabled else {"Enabled": False}),
            **own,
        },
    }
    return {logical_id(option, number, function): mapping}


def rights(settings: Settings, option: str, source: Queue | Stream) -> list[Right]:
    """Return what the role needs to read the queue or the stream."""
    found = [Right(READING[option], _arn(settings, option, source))]
    if option != "sqs":
        found.append(Right((f"{option}:ListStreams",), "*"))
    if source.kms_key:
        found.append(Right(("kms:Decrypt",), source.kms_key))
    return found


def _arn(settings: Settings, option: str, source: Queue | Stream) -> object:
    if isinstance(source, Queue):
        return references.arn(settings, source.queue)
    return references.arn(settings, source.stream, "StreamArn" if option == "dynamodb" else "Arn")


def _filters(patterns: tuple[Mapping[str, Any], ...]) -> Resource:
    return {"Filters": [{"Pattern": json.dumps(each)} for each in patterns]}


def _queue(source: Queue) -> Resource:
    return {"ScalingConfig": {"MaximumConcurrency": source.concurrency}} if source.concurrency else {}


def _stream(settings: Settings, function: FunctionSettings, source: Stream) -> Resource:
    return {
        "StartingPosition": POSITIONS[source.start],
        "MaximumRetryAttempts": source.retries,
        **({"BisectBatchOnFunctionError": True} if source.bisect else {}),
        **on_failure(settings, function),
    }
