"""Calling the deployed function: what it returns, what it raises, and what it wrote meanwhile."""

import base64
import io
import json

import pytest
from botocore.response import StreamingBody
from stages import stage_in

from lambdify.cli.calls.invocation import invoke
from lambdify.cli.errors import FunctionFailed, NotDeployed, UsageError


@pytest.fixture
def deployed(stubbed):
    stubbed.finds_stage()
    return stubbed


def answer(payload, **more):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {"Payload": StreamingBody(io.BytesIO(body), len(body)), "ExecutedVersion": "7", **more}


def tail(*lines):
    return base64.b64encode("\n".join(lines).encode()).decode()


def test_the_alias_is_invoked_with_the_payload_and_its_answer_comes_back(deployed, make_settings, talk):
    deployed.answers(
        "lambda.invoke",
        answer({"total": 42}),
        FunctionName="shop-dev",
        Qualifier="live",
        LogType="Tail",
        Payload=b'{"order": "\xc3\xa9"}',
    )
    invocation = invoke(stage_in(deployed.account, make_settings()), '{"order": "é"}', talk.console)
    assert (invocation.payload, invocation.version) == ({"total": 42}, "7")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"hello \xc3\xa9", {"body": "hello é"}),
        (b"hello \xff", {"body": "aGVsbG8g/w==", "isBase64Encoded": True}),
    ],
)
def test_a_streamed_response_is_shown_as_the_payload_that_it_would_be(
    deployed, make_settings, talk, body, shown
):
    deployed.answers("lambda.invoke", answer(b'{"statusCode": 200}' + bytes(8) + body))
    payload = invoke(stage_in(deployed.account, make_settings()), "{}", talk.console).payload
    assert payload == {"statusCode": 200, **shown}


@pytest.mark.parametrize("body", [b"null", b""])
def test_a_function_that_returns_nothing_gives_none(deployed, make_settings, talk, body):
    deployed.answers("lambda.invoke", answer(body))
    assert invoke(stage_in(deployed.account, make_settings()), "", talk.console).payload is None


def test_no_payload_is_an_empty_event(deployed, make_settings, talk):
    parameters = {"FunctionName": "shop-dev", "Qualifier": "live", "LogType": "Tail"}
    deployed.answers("lambda.invoke", answer("ok"), **parameters, Payload=b"{}")
    invoke(stage_in(deployed.account, make_settings()), "  ", talk.console)


def test_where_it_is_asked_for_the_end_of_the_log_is_part_of_the_story(deployed, make_settings, talk):
    log = tail("START RequestId: 1", "hello from the shop", "END RequestId: 1")
    deployed.answers("lambda.invoke", answer("ok", LogResult=log))
    invoke(stage_in(deployed.account, make_settings()), "{}", talk.console, tail=True)
    assert talk.said == "  START RequestId: 1\n  hello from the shop\n  END RequestId: 1\n"


def test_a_function_that_raised_fails_the_command_with_its_error_and_trace(deployed, make_settings, talk):
    error = {
        "errorType": "KeyError",
        "errorMessage": "'order'",
        "requestId": "1",
        "stackTrace": ['  File "/var/task/shop.py", line 3, in handler\n    return event["order"]\n'],
    }
    log = tail("START", "[ERROR] KeyError: 'order'", "Traceback (most recent call last):")
    deployed.answers("lambda.invoke", answer(error, FunctionError="Unhandled", LogResult=log))
    with pytest.raises(FunctionFailed, match=r"^KeyError: 'order'$") as caught:
        invoke(stage_in(deployed.account, make_settings()), "{}", talk.console)
    assert caught.value.exit_code == 45
    assert "`lambdify logs dev`" in caught.value.hint
    assert talk.said == "  START\n  ERROR  KeyError: 'order'\n  Traceback (most recent call last):\n"


def test_without_a_log_the_trace_is_told(deployed, make_settings, talk):
    trace = ['  File "/var/task/shop.py", line 3, in handler\n    return event["order"]\n']
    error = {"errorType": "KeyError", "errorMessage": "'order'", "stackTrace": trace}
    deployed.answers("lambda.invoke", answer(error, FunctionError="Unhandled"))
    with pytest.raises(FunctionFailed):
        invoke(stage_in(deployed.account, make_settings()), "{}", talk.console)
    assert talk.said == '    shop.py:3 in handler\n      return event["order"]\n'


def test_a_function_that_ran_out_of_time_says_so(deployed, make_settings, talk):
    error = {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: 1 Error: Task timed out after 3.00 s",
    }
    deployed.answers("lambda.invoke", answer(error, FunctionError="Unhandled"))
    with pytest.raises(FunctionFailed, match="Task timed out after"):
        invoke(stage_in(deployed.account, make_settings()), "{}", talk.console)


def test_text_that_is_not_json_is_refused_before_anything_is_called(stubbed, make_settings, talk):
    with pytest.raises(UsageError, match="The payload is not JSON") as caught:
        invoke(stage_in(stubbed.account, make_settings()), "{order: 1}", talk.console)
    assert caught.value.exit_code == 2
    assert "a stage --stage NAME" in caught.value.hint  # `lambdify invoke prod` reads like the other commands


def test_what_is_not_deployed_cannot_be_invoked(stubbed, make_settings, talk):
    message = "Stack with id shop-dev does not exist"
    stubbed.refuses("cloudformation.describe_stacks", "ValidationError", message)
    with pytest.raises(NotDeployed):
        invoke(stage_in(stubbed.account, make_settings()), "{}", talk.console)
