"""The records of a batch that was given up, read back from its stream while that keeps them.

    where they are (shard, first and last number) ──GetRecords──▶ records ──▶ the event that the function had

What Lambda keeps of such a batch has no data. Kinesis keeps records for a day at least, DynamoDB for a day.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-on-failure-destination.html

Rules:
- A message is data of others: only a stream is read that the settings name as a source of that function.
- All or nothing: a batch of which a record is gone is not sent.
"""

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.settings import names
from lambdify.cli.stage import Stage

PLACES = {"kinesis": (r"\d{1,129}", r"[\w.-]{1,128}"), "dynamodb": (r"\d{21,40}", r"[\w.-]{28,65}")}
"""The form of a sequence number and of a shard's id."""
GONE = "^(ExpiredIterator|InvalidArgument|ResourceNotFound|TrimmedDataAccess)Exception:"
"""Records that are too old, and a stream or a shard that is not there any more."""
EMPTY = 5
"""Answers without a record after which no more are expected: an answer may be empty before the end."""
PAUSE = 0.25
"""Seconds between two requests: a shard of Kinesis answers five in a second.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html"""
Place = Mapping[str, Any]
"""Where a batch is, as Lambda tells it: streamArn, shardId, its first and last number, and batchSize."""


class NotRead(Exception):
    """The records of a batch cannot be sent again, for the reason in the message."""


def read(
    place: Place, function: str, stage: Stage, *, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Return the event that the function had. Raises NotRead, and AwsError."""
    if not (kind := _kind(place)):
        raise NotRead("nothing tells which records they were.")
    stream, count = place["streamArn"], place["batchSize"]
    first, last = int(place["startSequenceNumber"]), int(place["endSequenceNumber"])
    if not _is_source(stream, kind, function, stage):
        raise NotRead(f"{stream} is no stream that calls {function}.")
    with translated(during=f"reading {stream} again"):
        pages = (_of_kinesis if kind == "kinesis" else _of_table)(place, stage)
        records = [each for each in _take(pages, last, sleep) if first <= _number(each) <= last]
    if len(records) < count:
        raise NotRead(_tell_gone(len(records), count))
    if len(records) > count:
        raise NotRead(
            f"the stream has {len(records)} records there, of which the function had {count}: which of them "
            "its filter let through is not known here."
        )
    write = _write_kinesis if kind == "kinesis" else _write_change
    return {"Records": [write(each, place, stage) for each in records]}


def _kind(place: object) -> str:
    """Return whose batch it is, "kinesis" or "dynamodb"; "" if what tells of it is no such thing."""
    if not isinstance(place, Mapping) or type(place.get("batchSize")) is not int:
        return ""
    kind = "".join(str(place.get("streamArn")).split(":")[2:3])
    number, shard = PLACES.get(kind, ("", ""))
    told = [(number, place.get(name)) for name in ("startSequenceNumber", "endSequenceNumber")]
    known = all(re.fullmatch(form, str(text)) for form, text in (*told, (shard, place.get("shardId"))))
    return kind if known and number else ""


def _is_source(stream: str, kind: str, function: str, stage: Stage) -> bool:
    """Whether the settings name the stream as a source of the function."""
    settings, account = stage.settings, stage.account
    if function not in settings.functions:
        return False
    ours = names.streams(
        settings,
        settings.functions[function],
        kind,
        partition=account.partition,
        place=f"{stage.region}:{account.account_id}",
    )
    return any(fnmatchcase(stream, each) for each in ours)


def _of_kinesis(place: Place, stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of a shard from that number on, as many as each answer has."""
    kinesis = stage.client("kinesis")
    begin = attempt(
        kinesis.get_shard_iterator,
        none_if=GONE,
        StreamARN=place["streamArn"],
        ShardId=place["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=place["startSequenceNumber"],
    )
    return _follow(begin, partial(kinesis.get_records, StreamARN=place["streamArn"]))


def _of_table(place: Place, stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """Yield the changes of a table from that number on, as many as each answer has."""
    dynamodbstreams = stage.client("dynamodbstreams")
    begin = attempt(
        dynamodbstreams.get_shard_iterator,
        none_if=GONE,
        StreamArn=place["streamArn"],
        ShardId=place["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=place["startSequenceNumber"],
    )
    return _follow(begin, dynamodbstreams.get_records)


def _follow(
    begin: Mapping[str, Any] | None, get_records: Callable[..., Any]
) -> Iterator[list[dict[str, Any]]]:
    following = begin["ShardIterator"] if begin else None
    while following:
        answer = attempt(get_records, none_if=GONE, ShardIterator=following)
        if answer is None:
            return
        yield answer["Records"]
        following = answer.get("NextShardIterator")


def _take(
    pages: Iterator[list[dict[str, Any]]], last: int, sleep: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """Yield records up to the last one that is wanted, or until no more come."""
    empty = 0
    for page in pages:
        yield from page
        empty = 0 if page else empty + 1
        if empty == EMPTY or (page and _number(page[-1]) >= last):
            return
        sleep(PAUSE)


def _number(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"])


def _tell_gone(there: int, count: int) -> str:
    if not there:
        return "its records are gone: the stream keeps them no longer."
    return f"{count - there} of its {count} records are gone: the stream keeps them no longer."


def _write_kinesis(record: Mapping[str, Any], place: Place, stage: Stage) -> dict[str, Any]:
    """Return a record as a function gets it.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    """
    number = record["SequenceNumber"]
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": number,
            "data": _write_value(record["Data"]),
            "approximateArrivalTimestamp": _write_value(record["ApproximateArrivalTimestamp"]),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{place['shardId']}:{number}",
        "eventName": "aws:kinesis:record",
        "awsRegion": stage.region,
        "eventSourceARN": place["streamArn"],
    }


def _write_change(record: Mapping[str, Any], place: Place, stage: Stage) -> dict[str, Any]:
    """Return a change of a table as a function gets it.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    written: dict[str, Any] = {**_write_value(record), "awsRegion": stage.region}
    written["eventSourceARN"] = place["streamArn"]
    if user := record.get("userIdentity"):
        written["userIdentity"] = {"type": user.get("Type"), "principalId": user.get("PrincipalId")}
    return written


def _write_value(value: Any) -> Any:
    """Return a value of boto3's as an event has it: bytes as base64, times in seconds since 1970."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.timestamp()
        case Decimal():
            return float(value)
        case Mapping():
            return {name: _write_value(each) for name, each in value.items()}
        case list() | tuple() | set():
            return [_write_value(each) for each in value]
        case _:
            return value
