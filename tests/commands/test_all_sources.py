"""A stage whose settings name every source, with one deployment: each of them calls its function.

Its app may take half an hour, and its commands five seconds.
"""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

APP = """
import os, pathlib, uuid

FOLDER = pathlib.Path({folder!r})

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"here"]

def keep(event, context):
    name = context.invoked_function_arn.rpartition(":")[2]
    if (FOLDER / "broken").exists():
        raise LookupError("no such table")
    path = FOLDER / f"{{name}}-{{uuid.uuid4()}}"
    path.write_text(__import__("json").dumps(event))
    path.rename(path.with_suffix(".json"))
"""
SETTINGS = """
name = "sources"
app = "main:app"
[function]
python = "3.11"
timeout = 1800
[warm]
every = "off"
[commands]
timeout = 5
[functions]
at.handler = "main:keep"
at.schedule = [{ at = "%(at)s", input = { kind = "once" } }]
sqs = { handler = "main:keep", timeout = 20, sqs = [{ queue = "Orders" }] }
sns = { handler = "main:keep", sns = [{ topic = "Paid" }] }
s3 = { handler = "main:keep", s3 = [{ bucket = "Uploads", key = "in/*" }] }
events = { handler = "main:keep", events = [{ bus = "Bus", pattern = { source = ["shop"] } }] }
dynamodb = { handler = "main:keep", dynamodb = [{ stream = "Table", %(stream)s }] }
kinesis = { handler = "main:keep", kinesis = [{ stream = "Clicks", %(stream)s }] }

[resources.Orders]
Type = "AWS::SQS::Queue"
Properties = { QueueName = "sources-orders", VisibilityTimeout = 120 }
[resources.Paid]
Type = "AWS::SNS::Topic"
Properties = { TopicName = "sources-paid" }
[resources.Uploads]
Type = "AWS::S3::Bucket"
[resources.Uploads.Properties]
BucketName = "sources-uploads"
NotificationConfiguration = { EventBridgeConfiguration = { EventBridgeEnabled = true } }
[resources.Bus]
Type = "AWS::Events::EventBus"
Properties = { Name = "sources-bus" }
[resources.Table]
Type = "AWS::DynamoDB::Table"
[resources.Table.Properties]
TableName = "sources-table"
BillingMode = "PAY_PER_REQUEST"
AttributeDefinitions = [{ AttributeName = "id", AttributeType = "S" }]
KeySchema = [{ AttributeName = "id", KeyType = "HASH" }]
StreamSpecification = { StreamViewType = "NEW_AND_OLD_IMAGES" }
[resources.Clicks]
Type = "AWS::Kinesis::Stream"
Properties = { Name = "sources-clicks", ShardCount = 1 }
"""
ONCE = 'start = "oldest", retries = 0, bisect = false'
ACCOUNT = "us-east-1:000000000000"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of what each function was called with."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def project(tmp_path_factory, kept):
    root = tmp_path_factory.mktemp("sources")
    soon = datetime.now(UTC) + timedelta(seconds=25)
    (root / "main.py").write_text(APP.format(folder=str(kept)))
    (root / "lambdify.toml").write_text(SETTINGS % {"at": f"{soon:%Y-%m-%dT%H:%M:%S}", "stream": ONCE})
    return root


@pytest.fixture(scope="module")
def lambdify(project, tmp_path_factory):
    with own_cloud.opened(project, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


@pytest.fixture(scope="module")
def deployed(lambdify):
    done = lambdify("deploy", "--local", "--yes")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def client(deployed, lambdify):
    """`client("sqs")`: boto3's, as `lambdify local env` says it is to be."""
    lines = lambdify("local", "env").stdout.splitlines()
    said = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    found = {name: value.strip("'\"") for name, value in said.items()}
    session = boto3.Session(
        found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )

    def client(service):
        return session.client(service, endpoint_url=found["AWS_ENDPOINT_URL"])

    return client


@pytest.fixture
def came(kept):
    """`came("sqs")`: what that function was called with."""

    def came(name):
        return [json.loads(each.read_text()) for each in sorted(kept.glob(f"{name}-*.json"))]

    return came


def test_an_app_may_take_half_an_hour_and_what_a_region_may_say_to_it_is_told(deployed, client):
    assert (
        "[function] timeout = 1800: Lambda takes more than 900 seconds only since November 2026."
        in deployed.stderr
    )
    found = client("lambda").get_function_configuration(FunctionName="sources-dev", Qualifier="live")
    assert found["Timeout"] == 1800


def test_a_command_past_its_time_is_told_to_end_and_then_made_to(deployed, lambdify):
    """Of its time, a tenth is left when it is told, and a twentieth when it is made to."""
    asked = "trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.1; done"
    began = time.monotonic()
    done = lambdify("run", "dev", "--local", "--", "sh", "-c", asked)
    assert time.monotonic() - began > 4
    assert (done.returncode, done.stdout) == (124, "begun\ntold\n")
    assert "had to end, since its time was over. [commands] timeout is the limit" in done.stderr

    deaf = "trap '' TERM; echo begun; while :; do sleep 0.1; done"
    done = lambdify("run", "dev", "--local", "--", "sh", "-c", deaf)
    assert (done.returncode, done.stdout) == (124, "begun\n")
    asks_again = "trap 'exit 75' TERM; while :; do sleep 0.1; done"
    assert lambdify("run", "dev", "--local", "--", "sh", "-c", asks_again).returncode == 75
    log = ("logs", "dev", "--local", "--function", "commands")
    assert eventually(lambda: re.search(r"ended with 124", lambdify(*log).stdout))


def test_every_source_that_the_settings_name_calls_its_function(client, came):
    queue = client("sqs").get_queue_url(QueueName="sources-orders")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="an order")
    client("sns").publish(TopicArn=f"arn:aws:sns:{ACCOUNT}:sources-paid", Message="paid")
    for key in ("in/a b.jpg", "out/b.jpg"):
        client("s3").put_object(Bucket="sources-uploads", Key=key, Body=b"picture")
    for source in ("shop", "elsewhere"):
        entry = {"EventBusName": "sources-bus", "Source": source, "DetailType": "sold", "Detail": "{}"}
        client("events").put_events(Entries=[entry])
    client("dynamodb").put_item(TableName="sources-table", Item={"id": {"S": "7"}})
    client("kinesis").put_record(StreamName="sources-clicks", Data=b"click", PartitionKey="one")

    assert eventually(lambda: all(map(came, ("sqs", "sns", "s3", "events", "dynamodb", "kinesis", "at"))))
    assert [each["Records"][0]["body"] for each in came("sqs")] == ["an order"]
    assert [each["Records"][0]["Sns"]["Message"] for each in came("sns")] == ["paid"]
    assert [each["detail"]["object"]["key"] for each in came("s3")] == ["in/a b.jpg"]
    assert [each["source"] for each in came("events")] == ["shop"]
    (change,) = came("dynamodb")
    assert change["Records"][0]["dynamodb"]["NewImage"] == {"id": {"S": "7"}}
    (clicks,) = came("kinesis")
    assert clicks["Records"][0]["kinesis"]["data"] == "Y2xpY2s="
    assert [each["detail"] for each in came("at")] == [{"kind": "once"}]


def test_batches_that_were_given_up_are_read_from_their_streams_again(client, came, kept, lambdify):
    def failures():
        return json.loads(lambdify("failures", "list", "--local", "--json").stdout)

    before = len(came("dynamodb")) + len(came("kinesis"))
    (kept / "broken").touch()
    client("dynamodb").put_item(TableName="sources-table", Item={"id": {"S": "lost"}})
    client("kinesis").put_record(StreamName="sources-clicks", Data=b"lost", PartitionKey="one")
    assert eventually(lambda: len(failures()) == 2)
    assert {each["what"] for each in failures()} == {"dynamodb", "kinesis"}

    still = lambdify("failures", "retry", "--local")
    assert (still.returncode, still.stdout) == (0, "0 sent again.\n")
    assert still.stderr.count("it failed again: LookupError: no such table") == 2

    (kept / "broken").unlink()
    assert lambdify("failures", "retry", "--local").stdout == "2 sent again.\n"
    assert failures() == []
    new = (came("dynamodb") + came("kinesis"))[:]
    assert len(new) == before + 2
    text = json.dumps(new)
    assert '{"S": "lost"}' in text
    assert "bG9zdA==" in text
