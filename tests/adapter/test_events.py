"""Events in the exact form that AWS sends them, each with the Request it must become.

The files in events/ are named for their oddity and say where the rule was learnt. Without them, the laws of
test_laws.py would only prove that our readers and our writers agree with each other.
"""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from lambdify.adapter import event_sources
from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice
from lambdify.adapter.messages import Request

SOURCES = {"rest": rest, "http_api": http_api, "alb": alb, "vpc_lattice": vpc_lattice, "edge": edge}
FILES = sorted((Path(__file__).parent / "events").glob("*.json"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def example(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text())


def expected(fields: dict[str, Any]) -> Request:
    body = fields["body"]
    raw = body.encode() if isinstance(body, str) else b64decode(body["base64"])
    headers = tuple((name, value) for name, value in fields["headers"])
    return Request(**{**fields, "body": raw, "headers": headers})


def test_the_event_becomes_the_request_its_client_sent(example):
    assert SOURCES[example["source"]].read_event(example["event"]) == expected(example["request"])


def test_the_event_is_recognised(example):
    assert event_sources.find(example["event"]) is SOURCES[example["source"]]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, id="schedule"),
        pytest.param({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, id="queue"),
        pytest.param(
            {
                "requestContext": {
                    "routeKey": "$connect",
                    "eventType": "CONNECT",
                    "connectionId": "L0SM9cOFvHcCIhw=",
                }
            },
            id="web socket",
        ),
        pytest.param(
            {
                "type": "REQUEST",
                "methodArn": "arn:aws:x",
                "httpMethod": "GET",
                "path": "/",
                "requestContext": {},
            },
            id="REST authorizer",
        ),
        pytest.param(
            {
                "version": "2.0",
                "type": "REQUEST",
                "routeArn": "arn:aws:x",
                "rawPath": "/",
                "requestContext": {},
            },
            id="HTTP authorizer",
        ),
        pytest.param(
            {
                "messageVersion": "1.0",
                "agent": {"name": "shop", "id": "A1", "alias": "live", "version": "1"},
                "sessionId": "1",
                "actionGroup": "orders",
                "apiPath": "/orders",
                "httpMethod": "GET",
                "parameters": [],
            },
            id="action of a Bedrock agent",
        ),
        pytest.param({"method": "PUT", "path": "/"}, id="a method alone"),
        pytest.param({"Records": []}, id="no records"),
        pytest.param({"Records": [{"cf": {"request": {}, "response": {}}}]}, id="a response at CloudFront"),
        pytest.param({"Records": [{"cf": {"request": {}}}] * 2}, id="two records"),
        pytest.param({"Records": ["cf"]}, id="a record of text"),
        pytest.param({}, id="nothing"),
        pytest.param(None, id="null"),
        pytest.param(["httpMethod"], id="list"),
        pytest.param({"requestContext": None}, id="null context"),
    ],
)
def test_no_source_recognises(event):
    assert event_sources.find(event) is None


def test_a_rest_event_that_names_no_host_has_one_all_the_same():
    # PEP 3333: SERVER_NAME can never be an empty string.
    context = {"path": "/live/", "identity": {"sourceIp": "203.0.113.7"}}
    event = {"httpMethod": "GET", "path": "/", "headers": None, "requestContext": context}
    assert rest.read_event(event).host == "localhost"
