"""A batch of a stream that was given up: its records are read back, and its function has them again."""

import base64
from datetime import UTC, datetime

import pytest
from failed_events.test_failure import of_lambda
from stages import stage_in

from lambdify.cli.failed_events import queue, resending, stream_records

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

HANDLER = {"handler": "shop.work:run", "timeout": 60}
INFO = {"kinesis": "KinesisBatchInfo", "dynamodb": "DDBStreamBatchInfo"}


@pytest.fixture(params=["kinesis", "dynamodb"])
def stream(request, account):
    """A stream with five records: its option, its ARN, and where the records are."""
    return {"kinesis": make_shards, "dynamodb": make_changes}[request.param](account)


class Written:
    def __init__(self, option, arn, shard, numbers):
        self.option, self.arn, self.shard, self.numbers = option, arn, shard, numbers

    def place(self, first=0, last=-1, **more):
        numbers = self.numbers
        return {
            "shardId": self.shard,
            "startSequenceNumber": numbers[first],
            "endSequenceNumber": numbers[last],
            "batchSize": len(numbers[first:]) if last == -1 else last - first + 1,
            "streamArn": self.arn,
            **more,
        }


def make_shards(account):
    kinesis = account.client("kinesis")
    kinesis.create_stream(StreamName="shop-dev-Clicks-1", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="shop-dev-Clicks-1", WaiterConfig={"Delay": 1})
    for number in range(5):
        put = kinesis.put_record(StreamName="shop-dev-Clicks-1", Data=b"\xff%d" % number, PartitionKey="one")
    arn = kinesis.describe_stream(StreamName="shop-dev-Clicks-1")["StreamDescription"]["StreamARN"]
    begin = kinesis.get_shard_iterator(
        StreamName="shop-dev-Clicks-1", ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    records = kinesis.get_records(ShardIterator=begin["ShardIterator"])["Records"]
    return Written("kinesis", arn, put["ShardId"], [each["SequenceNumber"] for each in records])


def make_changes(account):
    dynamodb, streams = account.client("dynamodb"), account.client("dynamodbstreams")
    made = dynamodb.create_table(
        TableName="shop-dev-Orders-1",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    arn = made["TableDescription"]["LatestStreamArn"]
    for number in range(5):
        item = {"id": {"N": str(number)}, "key": {"M": {"raw": {"B": b"\xff"}, "all": {"BS": [b"\xfe"]}}}}
        dynamodb.put_item(TableName="shop-dev-Orders-1", Item=item)
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    begin = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=begin["ShardIterator"])["Records"]
    return Written("dynamodb", arn, shard, [each["dynamodb"]["SequenceNumber"] for each in records])


@pytest.fixture
def stage(account, make_settings, monkeypatch, stream):
    """A stage whose function `resize` the stream calls."""
    monkeypatch.setattr(queue, "WAIT", 0)  # there is but one server here
    source = {stream.option: [{"stream": stream.arn}]}
    return stage_in(account, make_settings(overrides={"functions": {"resize": {**HANDLER, **source}}}))


@pytest.fixture
def give_up(failed, arn, stream):
    """Puts a batch into the failed queue, as Lambda does it; the id of its message."""

    def give_up(place, function="function:shop-dev:resize"):
        record = of_lambda(**{INFO[stream.option]: place})
        record["requestContext"] = {**record["requestContext"], "functionArn": arn("lambda", function)}
        return failed(record)

    return give_up


def values(event):
    """What tells the records of an event apart."""
    return [
        base64.b64decode(each["kinesis"]["data"])[1:].decode()
        if "kinesis" in each
        else each["dynamodb"]["NewImage"]["id"]["N"]
        for each in event["Records"]
    ]


def batches(lambdas):
    """The batches that functions were called with; schedules of other stages may call them besides."""
    return [event for _, event in lambdas.calls if "Records" in event]


def kept(stage):
    return [each.id for each in queue.look(stage, most=10).failures]


def test_its_function_gets_the_very_records_and_it_is_no_failure_any_more(
    stage, stream, give_up, deployed, lambdas
):
    given = give_up(stream.place(1, 3))
    sent, refused = resending.retry(stage, deployed, ())
    assert ([each.id for each in sent], refused, kept(stage)) == ([given], {}, [])
    (event,) = batches(lambdas)
    assert values(event) == ["1", "2", "3"]


def test_an_event_is_as_lambda_writes_it(stage, stream, give_up, deployed, lambdas):
    give_up(stream.place(0, 0))
    resending.retry(stage, deployed, ())
    (event,) = batches(lambdas)
    (record,) = event["Records"]
    assert (record["eventSourceARN"], record["awsRegion"]) == (stream.arn, "eu-central-1")
    assert record["eventVersion"]
    if stream.option == "kinesis":
        came = record["kinesis"].pop("approximateArrivalTimestamp")
        assert record["kinesis"] == {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "one",
            "sequenceNumber": stream.numbers[0],
            "data": base64.b64encode(b"\xff0").decode(),
        }
        assert (record["eventSource"], record["eventName"]) == ("aws:kinesis", "aws:kinesis:record")
        assert record["eventID"] == f"{stream.shard}:{stream.numbers[0]}"
    else:
        change = record["dynamodb"]
        came = change["ApproximateCreationDateTime"]
        assert change["SequenceNumber"] == stream.numbers[0]
        assert change["NewImage"]["key"] == {"M": {"raw": {"B": "/w=="}, "all": {"BS": ["/g=="]}}}
        assert (record["eventSource"], record["eventName"]) == ("aws:dynamodb", "INSERT")
    assert abs(came - datetime.now(UTC).timestamp()) < 600


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"startSequenceNumber": "0" * 20 + "1", "batchSize": 6}, "gone: the stream keeps them no longer."),
        ({"shardId": "shardId-" + "9" * 20}, "its records are gone: the stream keeps them no longer."),
        ({"batchSize": 2}, "the stream has 5 records there, of which the function had 2"),
        ({"batchSize": 7}, "2 of its 7 records are gone: the stream keeps them no longer."),
        ({"startSequenceNumber": None}, "nothing tells which records they were."),
        ({"batchSize": "many"}, "nothing tells which records they were."),
        ({"shardId": "?"}, "nothing tells which records they were."),
        ({"streamArn": "arn"}, "nothing tells which records they were."),
    ],
)
def test_what_cannot_be_read_again_stays_and_says_why(stage, stream, give_up, deployed, lambdas, place, why):
    given = give_up(stream.place(**place))
    sent, refused = resending.retry(stage, deployed, ())
    assert (sent, list(refused), kept(stage)) == ((), [given], [given])
    assert why in refused[given]
    assert refused[given].startswith(f"{given[:8]}, resize: ")
    assert batches(lambdas) == []


def test_a_stream_that_was_deleted_has_nothing_and_that_of_a_table_is_there_for_a_day(
    stage, stream, give_up, deployed, account, lambdas
):
    if stream.option == "kinesis":
        account.client("kinesis").delete_stream(StreamName="shop-dev-Clicks-1")
    else:
        account.client("dynamodb").delete_table(TableName="shop-dev-Orders-1")
    given = give_up(stream.place())
    sent, refused = resending.retry(stage, deployed, ())
    if stream.option == "kinesis":
        assert "its records are gone" in refused[given]
    else:
        assert [each.id for each in sent] == [given]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, "it failed again, at 1 of 5 records."),
        (1 / 2, ""),
        ({"batchItemFailures": []}, ""),
        (None, ""),
    ],
)
def test_one_that_fails_again_stays(stage, stream, give_up, deployed, lambdas, answer, why):
    lambdas.answer = lambda _, __: answer
    given = give_up(stream.place())
    sent, refused = resending.retry(stage, deployed, ())
    assert bool(sent) == (not why)
    assert (refused[given] if refused else "").endswith(why)
    assert kept(stage) == ([given] if why else [])


def test_one_that_raises_again_stays_and_says_what_was_raised(stage, stream, give_up, deployed, lambdas):
    def divide(_, __):
        raise ZeroDivisionError({"errorType": "KeyError", "errorMessage": "'total'"})

    lambdas.answer = divide
    given = give_up(stream.place())
    sent, refused = resending.retry(stage, deployed, ())
    assert (sent, kept(stage)) == ((), [given])
    assert "it failed again: " in refused[given]


def test_no_other_stream_is_read_whatever_a_message_says(
    stage, stream, give_up, deployed, lambdas, account, make_settings
):
    """The app may write to the queue, and whoever retries may read more than the app."""
    function = {"functions": {"resize": {**HANDLER, stream.option: [{"stream": stream.arn + "-other"}]}}}
    for each in (function, {"functions": {"resize": HANDLER}}, {}):
        other = stage_in(account, make_settings(overrides=each))
        given = give_up(stream.place())
        sent, refused = resending.retry(other, deployed, ())
        assert sent == ()
        assert f"{stream.arn} is no stream that calls resize." in refused[given]
    assert batches(lambdas) == []


@pytest.mark.parametrize(
    ("stack", "taken"), [("shop-dev", True), ("shop-devel", False), ("other-dev", False)]
)
def test_a_stream_of_the_projects_own_has_the_name_that_cloudformation_makes_up(
    stubbed, make_settings, stack, taken
):
    resources = {
        "Clicks": {"Type": "AWS::Kinesis::Stream"},
        "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {}}},
    }
    sources = {"kinesis": [{"stream": "Clicks"}], "dynamodb": [{"stream": "Orders"}]}
    overrides = {"functions": {"resize": {**HANDLER, **sources}}, "resources": resources}
    stage = stage_in(stubbed.account, make_settings(overrides=overrides))
    here = f"eu-central-1:{stage.account.account_id}"
    for arn in (
        f"arn:aws:kinesis:{here}:stream/{stack}-Clicks-0a1b",
        f"arn:aws:dynamodb:{here}:table/{stack}-Orders-0a1b/stream/2026",
    ):
        for written, known in (
            (arn, taken),
            (arn.replace(here, "eu-central-1:999999999999"), False),
            (arn.replace("eu-central-1", "us-east-1"), False),
        ):
            assert stream_records._is_source(written, arn.split(":")[2], "resize", stage) == known


def test_a_long_call_hides_it_from_others_meanwhile(stage, stream, give_up, deployed, lambdas):
    """Its function may take longer than a received message is hidden."""
    hidden = []
    for _ in range(2):
        give_up(stream.place())
    sqs = stage.client("sqs")

    def look(_, __):
        names = ["ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=queue.find_url(stage), AttributeNames=names)
        hidden.append(found["Attributes"][names[0]])

    lambdas.answer = look
    asked = []
    sqs.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibilityBatch",
        lambda params, **_: asked.append(max(each["VisibilityTimeout"] for each in params["Entries"])),
    )
    resending.retry(stage, deployed, ())
    assert hidden == ["2", "1"]
    assert asked[0] == 60 + queue.HIDDEN
