"""Streams in the local cloud: order, failures, halves, attempts, and what is given up."""

import base64
import json
from typing import Any

import pytest
from local.events.observed import Observed, arn_of
from waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture(params=["kinesis", "dynamodb"])
def stream(request: pytest.FixtureRequest, function: Observed, mark: str) -> "Stream":
    return {"kinesis": Shards, "dynamodb": Changes}[request.param](function, mark)


class Stream:
    """A stream with the mark in its name, and what the function was given of it."""

    info: str
    resource: dict[str, Any]
    arn: Any

    def __init__(self, function: Observed, mark: str) -> None:
        self.function, self.mark = function, mark

    def map(self, *, destination: str = "", **more: Any) -> None:
        """Make the stream and the mapping, which begins with the first record."""
        if destination:
            target = {"OnFailure": {"Destination": arn_of("sqs", destination)}}
            more["DestinationConfig"] = target
        mapping = self.function.mapping("", StartingPosition="TRIM_HORIZON", **more)
        mapping["Properties"]["EventSourceArn"] = self.arn
        self.function.make(self.mark, {"Stream": self.resource, "Source": mapping})

    def put(self, *texts: str) -> None:
        raise NotImplementedError

    def read(self, record: dict[str, Any]) -> str:
        raise NotImplementedError

    def batches(self) -> list[list[str]]:
        return [[self.read(record) for record in call.records] for call in self.function.calls(self.mark)]


class Shards(Stream):
    info = "KinesisBatchInfo"
    arn = {"Fn::GetAtt": ["Stream", "Arn"]}  # noqa: RUF012 - it is never changed

    def __init__(self, function: Observed, mark: str) -> None:
        super().__init__(function, mark)
        self.resource = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": mark, "ShardCount": 1}}

    def put(self, *texts: str) -> None:
        records = [{"Data": text.encode(), "PartitionKey": "one"} for text in texts]
        self.function.client("kinesis").put_records(StreamName=self.mark, Records=records)

    def read(self, record: dict[str, Any]) -> str:
        return base64.b64decode(record["kinesis"]["data"]).decode()


class Changes(Stream):
    info = "DDBStreamBatchInfo"
    arn = {"Fn::GetAtt": ["Stream", "StreamArn"]}  # noqa: RUF012

    def __init__(self, function: Observed, mark: str) -> None:
        super().__init__(function, mark)
        properties = {
            "TableName": mark,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
        self.resource = {"Type": "AWS::DynamoDB::Table", "Properties": properties}

    def put(self, *texts: str) -> None:
        put = [{"Put": {"TableName": self.mark, "Item": {"id": {"S": text}}}} for text in texts]
        self.function.client("dynamodb").transact_write_items(TransactItems=put)

    def read(self, record: dict[str, Any]) -> str:
        return str(record["dynamodb"]["NewImage"]["id"]["S"])


def test_records_come_in_their_order_to_the_alias(stream: Stream) -> None:
    stream.map(BatchSize=2, MaximumBatchingWindowInSeconds=1)
    stream.put("1", "2", "3")
    assert eventually(lambda: len(stream.batches()) == 2)
    assert stream.batches() == [["1", "2"], ["3"]]
    assert {call.arn for call in stream.function.calls(stream.mark)} == {stream.function.alias}


def test_what_is_reported_as_failed_comes_again_with_what_follows(stream: Stream) -> None:
    stream.map(BatchSize=10, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1)
    stream.put("1", "fail", "3")
    stream.put("4")
    assert eventually(lambda: stream.batches()[-1:] == [["4"]] or len(stream.batches()) == 3)
    assert stream.batches()[:3] == [["1", "fail", "3", "4"], ["fail", "3", "4"], ["fail", "3", "4"]]


def test_a_batch_that_raises_is_halved_and_what_is_left_given_up_and_told(stream: Stream) -> None:
    failed = stream.function.queue(f"{stream.mark}-failed")
    stream.map(
        BatchSize=10,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        destination=f"{stream.mark}-failed",
    )
    stream.put("1", "2", "boom", "4")
    assert eventually(lambda: stream.batches()[-1:] == [["4"]])
    # Halves do not count as attempts.
    expected = [["1", "2", "boom", "4"], ["1", "2"], ["boom", "4"], ["boom"], ["boom"], ["4"]]
    assert stream.batches() == expected
    assert eventually(lambda: stream.function.count(failed) == 1)
    record = json.loads(stream.function.take(failed)[0]["Body"])
    assert record["requestContext"]["functionArn"] == stream.function.alias
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    info = record[stream.info]
    assert info["batchSize"] == 1
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert stream.mark in info["streamArn"]


def test_a_mapping_that_begins_with_the_latest_gets_nothing_older(stream: Stream) -> None:
    stream.function.make(stream.mark, {"Stream": stream.resource})
    stream.put("old")
    mapping = stream.function.mapping("", StartingPosition="LATEST")
    mapping["Properties"]["EventSourceArn"] = stream.arn
    stream.function.change(stream.mark, {"Stream": stream.resource, "Source": mapping})
    stream.put("new")
    assert eventually(stream.batches)
    assert stream.batches() == [["new"]]
