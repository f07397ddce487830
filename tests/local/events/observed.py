"""A function that keeps what it is called with, and fails as the event says; and the sources that call it."""

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import WaiterError
from local.stacks import SOON, Deployed

ACCOUNT = "arn:aws:{service}:us-east-1:000000000000:{rest}"
ROLE = "arn:aws:iam::000000000000:role/any"
KEEPING = '''
import base64, json, os, pathlib, time, uuid

FOLDER = pathlib.Path({folder!r})

def handler(event, context):
    kept = {{"at": time.time(), "arn": context.invoked_function_arn, "id": context.aws_request_id}}
    path = FOLDER / f"{{time.time_ns()}}-{{uuid.uuid4()}}"
    path.with_suffix(".part").write_text(json.dumps({{**kept, "event": event}}))
    path.with_suffix(".part").rename(path.with_suffix(".json"))
    if event == "boom" or (isinstance(event, dict) and event.get("raise")):
        raise RuntimeError("asked to")
    failed = []
    for record in event.get("Records", ()) if isinstance(event, dict) else ():
        text, name = read(record)
        if "boom" in text:
            raise RuntimeError("asked to")
        if "odd" in text:
            return "ok"
        if "slow" in text:
            time.sleep(3)
        if "fail" in text:
            failed.append({{"itemIdentifier": name}})
    return {{"batchItemFailures": failed}}

def read(record):
    """The text of a record, and its identifier."""
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"]).decode(), record["kinesis"]["sequenceNumber"]
    if "dynamodb" in record:
        return json.dumps(record["dynamodb"].get("NewImage")), record["dynamodb"]["SequenceNumber"]
    return record.get("body") or str(record.get("Sns")), record.get("messageId")
'''


class StackFailed(Exception):
    """A stack was not made or changed, for the reasons in the message."""


class Seen(NamedTuple):
    """A call of the function."""

    at: float
    arn: str
    id: str
    event: Any

    @property
    def records(self) -> list[Any]:
        return self.event["Records"] if isinstance(self.event, dict) and "Records" in self.event else []

    @property
    def bodies(self) -> list[str]:
        return [each["body"] for each in self.records]


class Observed:
    """The deployed function, and what it was called with."""

    def __init__(self, deployed: Deployed, folder: Path) -> None:
        self.deployed, self._folder = deployed, folder
        self.name = deployed.name
        self.alias = ACCOUNT.format(service="lambda", rest=f"function:{self.name}:live")
        self._stacks: list[str] = []

    def client(self, service: str) -> Any:
        return self.deployed.account.client(service)

    def calls(self, mark: str) -> list[Seen]:
        """What the function was called with that has the mark in it, in this order."""
        found = [Seen(**json.loads(path.read_text())) for path in sorted(self._folder.glob("*.json"))]
        return [each for each in found if mark in json.dumps(each.event)]

    def make(self, mark: str, resources: dict[str, Any]) -> None:
        """Make a stack of these resources."""
        self._apply("create", mark, resources)
        self._stacks.append(mark)

    def change(self, mark: str, resources: dict[str, Any]) -> None:
        """Give the stack these resources."""
        self._apply("update", mark, resources)

    def clear(self) -> None:
        """Remove the stacks that were made."""
        while self._stacks:
            self.client("cloudformation").delete_stack(StackName=self._stacks.pop())

    def _apply(self, verb: str, mark: str, resources: dict[str, Any]) -> None:
        cloudformation = self.client("cloudformation")
        call = getattr(cloudformation, f"{verb}_stack")
        call(StackName=mark, TemplateBody=json.dumps({"Resources": resources}))
        waiter = cloudformation.get_waiter(f"stack_{verb}_complete")
        try:
            waiter.wait(StackName=mark, WaiterConfig=SOON)
        except WaiterError as error:
            events = cloudformation.describe_stack_events(StackName=mark)["StackEvents"]
            reasons = [each["ResourceStatusReason"] for each in events if "ResourceStatusReason" in each]
            raise StackFailed("; ".join(reasons)) from error

    def queue(self, mark: str, **attributes: str) -> str:
        """Make a queue; return its URL."""
        made = self.client("sqs").create_queue(QueueName=mark, Attributes=attributes)
        return str(made["QueueUrl"])

    def take(self, url: str) -> list[Any]:
        """The messages of a queue, which has them no longer."""
        sqs = self.client("sqs")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
        for each in found.get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return list(found.get("Messages", ()))

    def count(self, url: str) -> int:
        """The messages of a queue, hidden ones too."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(found[name]) for name in names)

    def mapping(self, source: str, **more: Any) -> dict[str, Any]:
        """The resource that calls the function with what comes from a source."""
        properties = {
            "EventSourceArn": source,
            "FunctionName": self.alias,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {**properties, **more}}

    def queue_mapping(self, mark: str, hidden: int = 30, **more: Any) -> str:
        """Make a queue that the function works off; return its URL."""
        url = self.queue(mark, VisibilityTimeout=str(hidden))
        self.make(mark, {"Source": self.mapping(arn_of("sqs", mark), **more)})
        return url

    def send(self, url: str, *bodies: str) -> None:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        for start in range(0, len(entries), 10):
            self.client("sqs").send_message_batch(QueueUrl=url, Entries=entries[start : start + 10])


def arn_of(service: str, rest: str) -> str:
    return ACCOUNT.format(service=service, rest=rest)


def new_mark() -> str:
    """A name that no other test has."""
    return f"m{uuid.uuid4().hex[:10]}"
