"""A stage with a failed queue, and Lambdas of its functions."""

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from lambdify.cli.stacks.stack import Stack


@pytest.fixture
def arn(account):
    """`arn("lambda", "function:shop-dev:report")` in this account."""
    return lambda service, what: f"arn:aws:{service}:eu-central-1:{account.account_id}:{what}"


@pytest.fixture
def make_queue(account):
    """`make_queue("orders")`: its URL."""
    return lambda name, **attributes: account.client("sqs").create_queue(
        QueueName=name, Attributes=attributes
    )["QueueUrl"]


@pytest.fixture
def failed(account, make_queue):
    """Puts a message into the failed queue; its id."""
    url = make_queue("shop-dev-failed")

    def put(body, **attributes):
        own = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        text = body if isinstance(body, str) else json.dumps(body)
        sent = account.client("sqs").send_message(QueueUrl=url, MessageBody=text, MessageAttributes=own)
        return sent["MessageId"]

    return put


@pytest.fixture
def deployed(account, arn):
    """The stack of a stage with a function in the app's Lambda, and one in a Lambda of its own."""
    return Stack(
        name="shop-dev",
        id="shop-dev/1",
        state="UPDATE_COMPLETE",
        reason="",
        outputs={
            "Version": "1",
            "Published": "1",
            "Function": "shop-dev",
            "AliasResize": arn("lambda", "function:shop-dev:resize"),
            "VersionResize": "1",
            "AliasReport": arn("lambda", "function:shop-dev-x:report"),
            "VersionReport": "1",
            "PublishedReport": "1",
        },
        parameters={"Live": "", "LiveResize": "", "LiveReport": ""},
        tags={},
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def lambdas(account, functions):
    """The Lambdas of that stack."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("app.py", "")
    client = account.client("lambda")
    for function, alias in (("shop-dev", "resize"), ("shop-dev-x", "report")):
        client.create_function(
            FunctionName=function,
            Runtime="python3.13",
            Role="arn:aws:iam::123456789012:role/any",
            Handler="app.handler",
            Code={"ZipFile": zipped.getvalue()},
            Publish=True,
        )
        client.create_alias(FunctionName=function, Name=alias, FunctionVersion="1")
    return functions
