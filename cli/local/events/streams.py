"""Streams of Kinesis and DynamoDB: how far each mapping has come, and its batches until they are done with.

ministack goes on behind a batch on which the function did not raise, whatever it reports, never gives one
up, and lets all other sources wait while a batch runs. Here each shard runs its batches one after another
in a thread of their own, and what comes of one is decided by batches.py. A place in a shard is the sequence
number of the last record that is done with.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import base64
import bisect
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ministack.core.arn import parse_arn
from ministack.core.responses import get_region, request_scope
from ministack.services import dynamodb, kinesis, lambda_svc

from lambdify.cli.local.events.asynchronous import tell
from lambdify.cli.local.events.batches import Rules, Verdict, judge, read_rules
from lambdify.cli.local.events.replacement import replace

PAUSE = 1.0
"""Seconds before a batch that failed is tried again."""
BEGIN = -1
"""The place before the first record."""
_DYNAMODB_SHARD = "shardId-00000000000000000000-00000000"
"""ministack's streams of tables have one shard."""
Mapped = dict[str, Any]
"""An event source mapping, as ministack keeps it."""


class Record(NamedTuple):
    """A record of a stream, as its function gets it."""

    number: str
    """Sequence number: digits."""
    came: float
    """Seconds since 1970."""
    event: dict[str, Any]


class Shard(NamedTuple):
    """A shard with what is in it now."""

    name: str
    entries: Sequence[Mapping[str, Any]]
    """As ministack keeps them, the oldest first."""


@dataclass
class _Place:
    """How far a mapping has come in a shard."""

    behind: int = BEGIN
    """The sequence number of the last record that is done with."""
    size: int | None = None
    """Records of the next batch, if an earlier one failed."""
    attempts: int = 0
    since: float = 0.0
    """When the batch that is gathered began, by `time.monotonic`; 0 if there is none."""
    not_before: float = 0.0
    busy: bool = False


@dataclass
class _Batch:
    """Records on their way to the function."""

    mapping: Mapped
    shard: str
    records: list[Record]
    last: int
    """The number of the last record that is done with if these are: filtered ones count."""
    place: _Place
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = read_rules(self.mapping)


_places: dict[str, dict[str, _Place]] = {}
"""By the mapping's id and the name of the shard."""


def install() -> None:
    """Replace how ministack reads streams for functions."""
    replace(lambda_svc, "_poll_kinesis", poll_kinesis)
    replace(lambda_svc, "_poll_dynamodb_streams", poll_dynamodb)
    replace(lambda_svc, "_init_stream_position", begin)
    replace(lambda_svc, "_release_esm_poll_state", forget)


def poll_kinesis() -> bool:
    """Start the batches of Kinesis that are due. Return whether there was one."""
    return _poll("kinesis")


def poll_dynamodb() -> bool:
    """Start the batches of tables that are due. Return whether there was one."""
    return _poll("dynamodb")


def begin(esm_id: str, source_arn: str, starting: str) -> None:
    """Note where a new mapping begins: with LATEST behind all that is there."""
    places = _places[esm_id] = {}
    if starting == "LATEST":
        for shard in open_shards(source_arn):
            last = _number(source_arn, shard.entries[-1]) if shard.entries else BEGIN
            places[shard.name] = _Place(last)


def forget(esm_id: str) -> None:
    """Forget a mapping that was removed."""
    _places.pop(esm_id, None)
    lambda_svc._esm_backoff_until.pop(esm_id, None)


def open_shards(arn: str) -> Iterator[Shard]:
    """Yield the shards of a stream; nothing if the stream is gone, or the ARN is not that of one."""
    spec = parse_arn(arn)
    if spec.service not in {"kinesis", "dynamodb"}:
        return
    name = spec.resource.split("/")[1]
    if spec.service == "kinesis":
        stream = kinesis._streams.get_scoped(spec.account_id, spec.region, name)
        if stream and stream["StreamARN"] == arn and stream["StreamStatus"] == "ACTIVE":
            yield from (Shard(shard, found["records"]) for shard, found in list(stream["shards"].items()))
        return
    table = dynamodb._tables.get(name)
    if table and table.get("LatestStreamArn") == arn:
        yield Shard(_DYNAMODB_SHARD, dynamodb.stream_live_records(name))


def _number(arn: str, entry: Mapping[str, Any]) -> int:
    return int(entry["SequenceNumber"] if ":kinesis:" in arn else entry["dynamodb"]["SequenceNumber"])


def _poll(service: str) -> bool:
    started = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        arn = mapping.get("EventSourceArn") or ""
        if f":{service}:{region}:" in arn and mapping.get("Enabled", True):
            with request_scope(account, region):
                for shard in open_shards(arn):
                    started |= _start_next(mapping, shard)
    return started


def _start_next(mapping: Mapped, shard: Shard) -> bool:
    """Start the next batch of a shard if it is due. Return whether the mapping has come further."""
    place = _places.setdefault(mapping["UUID"], {}).setdefault(shard.name, _Place())
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if place.busy or function is None or time.monotonic() < place.not_before:
        return False
    entries = _gather(mapping, shard, place)
    if not entries:
        return False
    arn = mapping["EventSourceArn"]
    records = [_read(arn, shard.name, function, entry) for entry in entries]
    last = int(records[-1].number)
    wanted = lambda_svc._apply_filter_criteria([each.event for each in records], mapping)
    kept = set(map(id, wanted))
    records = [each for each in records if id(each.event) in kept]
    if not records:
        place.behind = last
        return True
    place.busy = True
    batch = _Batch(mapping, shard.name, records, last, place)
    lambda_svc._dispatch_esm_batch(mapping["UUID"], run, function, batch)
    return True


def _gather(mapping: Mapped, shard: Shard, place: _Place) -> Sequence[Mapping[str, Any]]:
    """Return the entries of the next batch; nothing while it is still gathered."""
    rules, arn = read_rules(mapping), mapping["EventSourceArn"]
    start = bisect.bisect_right(shard.entries, place.behind, key=lambda entry: _number(arn, entry))
    found = list(shard.entries[start : start + (place.size or rules.size)])
    if not found:
        return []
    now = time.monotonic()
    place.since = place.since or now
    if place.size is None and len(found) < rules.size and now - place.since < rules.window:
        return []
    place.since = 0.0
    return found


def _read(arn: str, shard: str, function: Mapping[str, Any], entry: Mapping[str, Any]) -> Record:
    """Return an entry as the function gets it."""
    if ":dynamodb:" in arn:
        change = entry["dynamodb"]
        came = float(change.get("ApproximateCreationDateTime") or time.time())
        return Record(change["SequenceNumber"], came, dict(entry))
    number, came = entry["SequenceNumber"], float(entry["ApproximateArrivalTimestamp"])
    event = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": entry["PartitionKey"],
            "sequenceNumber": number,
            "data": _as_base64(entry["Data"]),
            "approximateArrivalTimestamp": came,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": function["config"].get("Role") or "",
        "awsRegion": get_region(),
        "eventSourceARN": arn,
    }
    return Record(number, came, event)


def _as_base64(data: Any) -> str:
    """Return a record's data: a client's is base64 already, ministack's own services write bytes or text."""
    if isinstance(data, str):
        try:
            base64.b64decode(data, validate=True)
        except ValueError:
            data = data.encode()
        else:
            return data
    return base64.b64encode(data).decode()


def run(function: dict[str, Any], batch: _Batch) -> None:
    """Give a batch to the function, and note how far the mapping has come."""
    place, records = batch.place, batch.records
    try:
        result = lambda_svc._execute_function(function, {"Records": [each.event for each in records]})
        age = time.time() - records[0].came
        known = [each.number for each in records]
        verdict = judge(result, known, batch.rules, attempts=place.attempts, age=age)
        if verdict.given_up and batch.rules.on_failure:
            tell(batch.rules.on_failure, write_record(function["config"], batch, verdict, result))
        if verdict.done:
            whole = verdict.done == len(records)
            place.behind = batch.last if whole else int(records[verdict.done - 1].number)
        if verdict.size is not None:
            place.not_before = time.monotonic() + PAUSE
        place.size, place.attempts = verdict.size, verdict.attempts
        batch.mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if verdict.failed else "OK"
    finally:
        place.busy = False


def write_record(
    config: Mapping[str, Any], batch: _Batch, verdict: Verdict, result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a destination is told of records that were given up: where they are, not what they hold.

    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    first, last, arn = batch.records[0], batch.records[-1], batch.mapping["EventSourceArn"]
    response: dict[str, Any] = {
        "statusCode": 200,
        "executedVersion": str(config.get("Version") or "$LATEST"),
    }
    if result.get("error"):
        response["functionError"] = result.get("function_error") or "Unhandled"
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": verdict.given_up,
            "approximateInvokeCount": batch.place.attempts + 1,
        },
        "responseContext": response,
        "version": "1.0",
        "timestamp": _write_time(time.time()),
        "KinesisBatchInfo" if ":kinesis:" in arn else "DDBStreamBatchInfo": {
            "shardId": batch.shard,
            "startSequenceNumber": first.number,
            "endSequenceNumber": last.number,
            "approximateArrivalOfFirstRecord": _write_time(first.came),
            "approximateArrivalOfLastRecord": _write_time(last.came),
            "batchSize": len(batch.records),
            "streamArn": arn,
        },
    }


def _write_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
