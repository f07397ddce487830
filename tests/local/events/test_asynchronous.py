"""Asynchronous events in the local cloud: from every source again when the function fails, and never lost."""

import base64
import gzip
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local.events.observed import ROLE, Observed, arn_of
from waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def rules(function: Observed, retries: int, **destinations: str) -> dict[str, Any]:
    """The resource that says what becomes of asynchronous events of the alias."""
    told = {name: {"Destination": arn_of("sqs", queue)} for name, queue in destinations.items()}
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {
            "FunctionName": function.name,
            "Qualifier": "live",
            "MaximumRetryAttempts": retries,
            "DestinationConfig": told,
        },
    }


def test_an_event_is_repeated_as_its_alias_says_and_then_told(function: Observed, mark: str) -> None:
    failed = function.queue(mark)
    function.make(mark, {"Rules": rules(function, 1, OnFailure=mark)})
    payload = json.dumps({"raise": mark})
    answer = function.client("lambda").invoke(
        FunctionName=function.name, Qualifier="live", InvocationType="Event", Payload=payload
    )
    assert eventually(lambda: function.count(failed) == 1)
    calls = function.calls(mark)
    assert len(calls) == 2
    assert calls[1].at - calls[0].at >= 1
    # The id that the caller was told is that of each attempt.
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert [call.id for call in calls] == [request_id] * 2
    record = json.loads(function.take(failed)[0]["Body"])
    assert record["requestPayload"] == {"raise": mark}
    assert record["responsePayload"]["errorMessage"] == "asked to"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": function.alias,
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "1",
        "functionError": "Unhandled",
    }


def test_what_succeeds_is_told_where_the_alias_asks_for_it(function: Observed, mark: str) -> None:
    done = function.queue(mark)
    function.make(mark, {"Rules": rules(function, 0, OnSuccess=mark)})
    function.client("lambda").invoke(
        FunctionName=function.name, Qualifier="live", InvocationType="Event", Payload=json.dumps({"a": mark})
    )
    assert eventually(lambda: function.count(done) == 1)
    record = json.loads(function.take(done)[0]["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"batchItemFailures": []}
    assert "functionError" not in record["responseContext"]


def topic(function: Observed, mark: str) -> dict[str, Any]:
    subscription = {
        "TopicArn": {"Ref": "Topic"},
        "Protocol": "lambda",
        "Endpoint": function.alias,
        "FilterPolicy": {"kind": ["wanted"]},
    }
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": mark}},
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
    }


def publish(function: Observed, mark: str, kind: str = "wanted") -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": kind}}
    function.client("sns").publish(
        TopicArn=arn_of("sns", mark), Message=f"{mark} {kind}", MessageAttributes=attributes
    )


def rule(function: Observed, mark: str) -> dict[str, Any]:
    properties = {
        "EventPattern": {"source": [mark], "detail": {"total": [{"numeric": [">", 10]}]}},
        "Targets": [{"Id": "function", "Arn": function.alias}],
    }
    return {"Rule": {"Type": "AWS::Events::Rule", "Properties": properties}}


def put_event(function: Observed, mark: str, total: int, **more: Any) -> None:
    entry = {"Source": mark, "DetailType": "order", "Detail": json.dumps({"total": total}), **more}
    function.client("events").put_events(Entries=[entry])


def test_a_message_of_a_topic_comes_if_its_filter_lets_it(function: Observed, mark: str) -> None:
    function.make(mark, topic(function, mark))
    publish(function, mark, "other")
    publish(function, mark)
    assert eventually(lambda: function.calls(mark))
    (call,) = function.calls(mark)
    assert call.arn == function.alias
    assert call.records[0]["EventSource"] == "aws:sns"
    assert call.records[0]["Sns"]["Message"] == f"{mark} wanted"


def test_an_event_comes_if_a_rule_of_its_bus_matches(function: Observed, mark: str) -> None:
    resources = rule(function, mark)
    resources["Rule"]["Properties"]["EventBusName"] = {"Ref": "Bus"}
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": mark}}
    function.make(mark, {**resources, "Bus": bus})
    for total in (5, 20):
        put_event(function, mark, total, EventBusName=mark)
    assert eventually(lambda: function.calls(mark))
    (call,) = function.calls(mark)
    assert call.arn == function.alias
    assert call.event["detail"] == {"total": 20}


@pytest.mark.parametrize("source", ["topic", "rule", "schedule"])
def test_a_source_that_calls_once_is_repeated_and_told_like_any_other(
    function: Observed, mark: str, source: str
) -> None:
    failed = function.queue(f"{mark}-failed")
    resources = {"Rules": rules(function, 1, OnFailure=f"{mark}-failed")}
    alias = function.alias
    if source == "schedule":
        target = {"Arn": alias, "RoleArn": ROLE, "Input": json.dumps({"raise": mark})}
        due = {"ScheduleExpression": "at(2020-01-01T00:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"}}
        resources["Schedule"] = {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {"Name": mark, "Target": target, **due},
        }
    elif source == "topic":
        resources |= topic(function, mark)
    else:
        resources |= rule(function, mark)
        resources["Rule"]["Properties"]["Targets"][0]["Input"] = json.dumps({"raise": mark})
    function.make(mark, resources)
    if source == "topic":
        function.client("sns").publish(
            TopicArn=arn_of("sns", mark),
            Message=f"boom {mark}",
            MessageAttributes={"kind": {"DataType": "String", "StringValue": "wanted"}},
        )
    elif source == "rule":
        put_event(function, mark, 20)
    assert eventually(lambda: function.count(failed) == 1)
    calls = function.calls(mark)
    assert len(calls) == 2
    assert len({call.id for call in calls}) == 1
    record = json.loads(function.take(failed)[0]["Body"])
    assert record["requestPayload"] == calls[0].event
    assert record["requestContext"]["functionArn"] == alias


def test_lines_of_a_log_come_to_the_alias_that_is_subscribed(function: Observed, mark: str) -> None:
    logs = function.client("logs")
    logs.create_log_group(logGroupName=mark)
    logs.create_log_stream(logGroupName=mark, logStreamName="one")
    logs.put_subscription_filter(
        logGroupName=mark, filterName="errors", filterPattern="ERROR", destinationArn=function.alias
    )
    now = int(time.time() * 1000)
    lines = [{"timestamp": now, "message": message} for message in ("all is well", "ERROR: it is not")]
    logs.put_log_events(logGroupName=mark, logStreamName="one", logEvents=lines)
    found = lambda: [each for each in function.calls("awslogs") if mark in unpack(each.event)]  # noqa: E731
    assert eventually(found)
    (call,) = found()
    assert call.arn == function.alias
    data = json.loads(unpack(call.event))
    assert (data["logGroup"], data["logStream"]) == (mark, "one")
    assert [each["message"] for each in data["logEvents"]] == ["ERROR: it is not"]


def unpack(event: dict[str, Any]) -> str:
    return gzip.decompress(base64.b64decode(event["awslogs"]["data"])).decode()


def test_a_new_object_comes_with_its_key_encoded_if_it_is_notified(function: Observed, mark: str) -> None:
    keys = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    notified = {
        "Event": "s3:ObjectCreated:*",
        "Function": function.alias,
        "Filter": {"S3Key": {"Rules": keys}},
    }
    properties = {"BucketName": mark, "NotificationConfiguration": {"LambdaConfigurations": [notified]}}
    function.make(mark, {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}})
    put_objects(function, mark)
    assert eventually(lambda: function.calls(mark))
    (call,) = function.calls(mark)
    assert call.records[0]["s3"]["object"]["key"] == "in/a+b.jpg"
    assert call.arn == function.alias


def test_a_new_object_comes_with_its_plain_key_by_eventbridge(function: Observed, mark: str) -> None:
    bucket = {"BucketName": mark, "NotificationConfiguration": {"EventBridgeConfiguration": {}}}
    bucket["NotificationConfiguration"]["EventBridgeConfiguration"] = {"EventBridgeEnabled": True}
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [mark]}, "object": {"key": [{"wildcard": "in/*.jpg"}]}},
    }
    targets = [{"Id": "function", "Arn": function.alias}]
    function.make(
        mark,
        {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventPattern": pattern, "Targets": targets},
            },
        },
    )
    put_objects(function, mark)
    assert eventually(lambda: function.calls(mark))
    (call,) = function.calls(mark)
    assert call.event["detail"]["object"]["key"] == "in/a b.jpg"


def put_objects(function: Observed, bucket: str) -> None:
    for key in ("in/a.txt", "out/a.jpg", "in/a b.jpg"):
        function.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")


@pytest.mark.parametrize(
    ("kind", "size", "limit"),
    [("Event", 1_100_000, 1_048_576), ("RequestResponse", 6_400_000, 6_291_456)],
)
def test_an_event_that_is_too_large_is_refused(
    function: Observed, mark: str, kind: str, size: int, limit: int
) -> None:
    with pytest.raises(
        ClientError, match=rf"RequestEntityTooLarge.*{kind} invocation type \(limit {limit} bytes\)"
    ):
        function.client("lambda").invoke(
            FunctionName=function.name,
            Qualifier="live",
            InvocationType=kind,
            Payload=json.dumps(mark + "x" * size),
        )
    assert function.calls(mark) == []


def test_an_invocation_has_the_id_that_its_caller_is_told_and_the_alias(
    function: Observed, mark: str
) -> None:
    answer = function.client("lambda").invoke(
        FunctionName=function.name, Qualifier="live", Payload=json.dumps({"a": mark})
    )
    (call,) = function.calls(mark)
    assert call.id == answer["ResponseMetadata"]["RequestId"]
    assert call.arn == function.alias
    assert answer["ExecutedVersion"] == "1"
