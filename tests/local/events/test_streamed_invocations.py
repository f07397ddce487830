"""InvokeWithResponseStream in the local cloud: what comes, when it comes, and how it ends."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local.stacks import Deployed

from lambdify.cli.local.daemon import cloud as room

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

HANDLER = """
import http.client, os, pathlib, time
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

answered, post = set(), LambdaRuntimeClient.post_invocation_result

def post_unless_answered(self, invoke_id, *result, **named):
    return None if invoke_id in answered else post(self, invoke_id, *result, **named)

LambdaRuntimeClient.post_invocation_result = post_unless_answered

def handler(event, context):
    print("called", context.invoked_function_arn.rpartition(":")[2])
    if "pieces" not in event:
        if event.get("raise"):
            raise LookupError("asked to")
        return {"whole": event}
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}
    answered.add(context.aws_request_id)
    api.request("POST", path, write(event), headers, encode_chunked=True)
    api.getresponse().read()

def write(event):
    for number in range(event["pieces"]):
        yield bytes([number % 256]) * event["size"]
        while event.get("wait") and number == 0 and not os.path.exists(event["wait"]):
            time.sleep(0.01)
    if event.get("break"):
        os._exit(3)
"""
"""Streams by AWS's protocol, or returns or raises."""


@pytest.fixture(scope="module")
def stage(cloud: room.Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    deployed = Deployed(cloud, tmp_path_factory.mktemp("streamed"), HANDLER)
    yield deployed
    deployed.remove()


@pytest.fixture
def call(stage: Deployed) -> Callable[..., Iterator[dict[str, Any]]]:
    """The events of the answer to an event."""

    def start(event: object, qualifier: str = "live", **more: Any) -> Iterator[dict[str, Any]]:
        answer = stage.account.client("lambda").invoke_with_response_stream(
            FunctionName=stage.name, Qualifier=qualifier, Payload=json.dumps(event), **more
        )
        return iter(answer["EventStream"])

    return start


def test_pieces_come_while_the_function_goes_on(call: Callable[..., Any], tmp_path: Path) -> None:
    wait = tmp_path / "seen"
    events = call({"pieces": 2, "size": 3, "wait": str(wait)})
    assert next(events) == {"PayloadChunk": {"Payload": b"\0\0\0"}}
    wait.touch()  # only now does it go on
    assert next(events) == {"PayloadChunk": {"Payload": b"\1\1\1"}}
    (end,) = events
    assert "ErrorCode" not in end["InvokeComplete"]
    assert "called live" in base64.b64decode(end["InvokeComplete"]["LogResult"]).decode()


def test_a_large_response_comes_whole(call: Callable[..., Any]) -> None:
    *pieces, end = call({"pieces": 200, "size": 150_001})
    found = hashlib.sha256(b"".join(each["PayloadChunk"]["Payload"] for each in pieces))
    sent = hashlib.sha256(b"".join(bytes([number]) * 150_001 for number in range(200)))
    assert found.digest() == sent.digest()
    assert "ErrorCode" not in end["InvokeComplete"]


def test_what_is_returned_comes_as_one_piece_and_what_is_raised_as_an_error(call: Callable[..., Any]) -> None:
    piece, end = call({"a": 1})
    assert json.loads(piece["PayloadChunk"]["Payload"]) == {"whole": {"a": 1}}
    assert "ErrorCode" not in end["InvokeComplete"]
    piece, end = call({"raise": True})
    assert json.loads(piece["PayloadChunk"]["Payload"])["errorType"] == "LookupError"
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "asked to"


def test_a_process_that_dies_after_its_first_piece_ends_in_an_error(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    events = call({"pieces": 1, "size": 1, "wait": str(tmp_path / "seen"), "break": True})
    assert next(events) == {"PayloadChunk": {"Payload": b"\0"}}
    (tmp_path / "seen").touch()
    (end,) = events
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert "exit status 3" in json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"]


def test_what_is_not_there_or_too_large_is_refused_before_the_stream(call: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call({}, qualifier="gone")
    with pytest.raises(ClientError, match=r"RequestEntityTooLargeException.*limit 6291456 bytes"):
        call("x" * 6_300_000)
