"""What the bundle says of functions and tasks: where they are, and what the events of their sources name."""

import json
from fnmatch import fnmatchcase

import pytest

from lambdify.cli import settings
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import app
from lambdify.cli.settings import names

CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
FILES = {
    "app.py": "app = None\n",
    "shop/__init__.py": "",
    "shop/reports.py": "import requests\ndef nightly(event, context): ...\n",
    "shop/orders.py": "import boto3\nimport stripe\ndef work(event, context): ...\n",
}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
SENDS = "{ EventBridgeConfiguration = { EventBridgeEnabled = true } }"
SETTINGS = f"""
    name = "shop"
    [functions.report]
    handler = "shop.reports:nightly"
    schedule = [{{ every = "10 minutes" }}, {{ cron = "0 6 * * *" }}]
    [functions.orders]
    handler = "shop.orders:work"
    sqs = [{{ queue = "{QUEUE}" }}, {{ queue = "Orders" }}, {{ queue = "Named" }}]
    sns = [{{ topic = "arn:aws:sns:eu-west-1:123456789012:paid" }}]
    s3 = [{{ bucket = "shop-uploads" }}, {{ bucket = "Uploads" }}]
    events = [{{ pattern = {{ source = ["shop.orders", {{ prefix = "x" }}] }} }}]
    dynamodb = [{{ stream = "Table" }}]
    kinesis = [{{ stream = "Clicks" }}]
    invokers = [{{ service = "iot.amazonaws.com", arn = "arn:aws:iot:eu-west-1:123456789012:rule/wet" }}]
    [functions.alone]
    handler = "shop.orders:work"
    [resources]
    Orders = {{ Type = "AWS::SQS::Queue" }}
    Named = {{ Type = "AWS::SQS::Queue", Properties = {{ QueueName = "shop-named" }} }}
    Uploads = {{ Type = "AWS::S3::Bucket", Properties = {{ NotificationConfiguration = {SENDS} }} }}
    Table = {{ Type = "AWS::DynamoDB::Table", Properties = {{ StreamSpecification = {{}} }} }}
    Clicks = {{ Type = "AWS::Kinesis::Stream" }}
"""


def note(loaded):
    (member,) = [each for each in app.members(loaded, CANDIDATE, ()) if each.name == app.NOTE]
    return json.loads(member.content)


def test_an_app_alone_has_the_note_that_it_had(project):
    assert note(settings.load(project(FILES))) == {"app": "app:app", "concurrency": 7}


def test_every_function_is_named_with_what_its_events_come_from(project):
    loaded = settings.load(project({**FILES, "lambdify.toml": SETTINGS}))
    assert note(loaded) == {
        "app": "app:app",
        "concurrency": 7,
        "functions": {
            "report": {
                "handler": "shop.reports:nightly",
                "sources": [
                    "arn:*:scheduler:*:*:schedule/default/shop-dev.report.1",
                    "arn:*:scheduler:*:*:schedule/default/shop-dev.report.2",
                ],
            },
            "orders": {
                "handler": "shop.orders:work",
                "sources": [
                    QUEUE,
                    "arn:*:sqs:*:*:*-Orders-*",
                    "arn:*:sqs:*:*:shop-named",
                    "arn:aws:sns:eu-west-1:123456789012:paid",
                    "arn:*:s3:::shop-uploads",
                    "arn:*:s3:::*-uploads-*",
                    "shop.orders",
                    "arn:*:dynamodb:*:*:table/*-Table-*/stream/*",
                    "arn:*:kinesis:*:*:stream/*-Clicks-*",
                    "arn:aws:iot:eu-west-1:123456789012:rule/wet",
                ],
            },
            "alone": {"handler": "shop.orders:work", "sources": []},
        },
    }


@pytest.mark.parametrize(
    ("arn", "function"),
    [
        ("arn:aws-cn:scheduler:cn-north-1:123456789012:schedule/default/shop-dev.report.2", "report"),
        ("arn:aws:sqs:eu-west-1:123456789012:shop-dev-Orders-1A2B3C", "orders"),
        ("arn:aws:sqs:eu-west-1:123456789012:shop-dev-MoreOrders-1A2B3C", ""),
        ("arn:aws:s3:::shop-dev-uploads-1a2b3c", "orders"),
        ("arn:aws:dynamodb:us-east-1:1:table/shop-dev-Table-1A2B/stream/2026-11-28T00:00:00.000", "orders"),
        ("arn:aws:scheduler:eu-west-1:123456789012:schedule/default/shop-dev.report.12", ""),
    ],
)
def test_an_arn_is_of_one_function_or_of_none(project, arn, function):
    loaded = settings.load(project({**FILES, "lambdify.toml": SETTINGS}))
    found = [
        each.name
        for each in loaded.functions.values()
        if any(fnmatchcase(arn, origin) for origin in names.origins(loaded, each))
    ]
    assert found == [function] * bool(function)


def test_tasks_are_in_the_note_where_there_are_workers(project):
    loaded = settings.load(project(FILES), overrides={"tasks.workers": 2, "tasks.attempts": 3})
    assert note(loaded) == {"app": "app:app", "concurrency": 7, "tasks": {"attempts": 3}}


def test_what_functions_import_is_needed_too(project):
    loaded = settings.load(project({**FILES, "lambdify.toml": SETTINGS}))
    assert {each.module for each in app.find_needs(loaded, CANDIDATE).imports} >= {"requests", "stripe"}
