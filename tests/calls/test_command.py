"""A command in the Lambda for commands: sent once, shown as it comes, ended as it ended."""

import base64
import json
from dataclasses import replace

import pytest
from stages import stage_in
from streams import REQUEST_ID, answered, ended

from lambdify.adapter.commands import frames
from lambdify.cli.calls import command
from lambdify.cli.calls.command import Command, End
from lambdify.cli.errors import AwsError, CommandNotRun, NotDeployed

MIGRATE = Command(words=("python", "manage.py", "migrate"), environment={"KEY": "for this run"}, log=False)


@pytest.fixture
def client(boto_session):
    return boto_session.client("lambda")


@pytest.fixture
def stage(stubbed, client, make_settings):
    """A stage whose Lambda is the test's, and whose stack is stubbed."""
    account = stubbed.account
    own = replace(account, client=lambda name: client if name == "lambda" else account.client(name))
    return stage_in(own, make_settings())


@pytest.fixture
def run(stage, client):
    """`run(parts)`: run `MIGRATE`, which answers so; how it ended, and what was shown."""

    def run(parts, tell=lambda _: None, shown=None):
        shown, asked = [] if shown is None else shown, []

        def answer(function, qualifier, event):
            asked.append((function, qualifier, event))
            return parts

        with answered(client, answer):
            end = command.run(
                MIGRATE, "shop-dev-commands", stage, lambda *data: shown.append(data), tell=tell
            )
        return end, shown, asked

    return run


def test_what_a_command_writes_is_shown_where_it_wrote_it_and_it_ends_as_it_ended(run):
    told = []
    end, shown, asked = run(ended(7, out=b"out\n", err=b"err\n"), told.append)
    assert end == End(7, "")
    assert shown == [(b"out\n", False), (b"err\n", True)]
    assert told == [REQUEST_ID]
    words = ["python", "manage.py", "migrate"]
    event = {"words": words, "environment": {"KEY": "for this run"}, "log": False}
    assert asked == [("shop-dev-commands", "commands", event)]


def test_frames_are_put_together_however_they_are_cut(run):
    whole = (
        frames.write(frames.STDOUT, b"x" * 1000)
        + frames.write(frames.NOTHING)
        + b"".join(part for part in ended(3) if isinstance(part, bytes))
    )
    end, shown, _ = run([*(whole[at : at + 7] for at in range(0, len(whole), 7)), {}])
    assert end == End(3, "")
    assert b"".join(data for data, _ in shown) == b"x" * 1000


def test_output_comes_before_the_command_has_ended(run):
    shown = []

    def parts():
        yield frames.write(frames.STDOUT, b"begun")
        yield frames.write(frames.NOTHING)
        assert shown == [(b"begun", False)]
        yield from ended(0)

    assert run(parts(), shown=shown)[0] == End(0, "")


ERROR = {"errorType": "SecretMissing", "errorMessage": "SSM Parameter Store has no /shop/key in this region"}
LOG = base64.b64encode(b"[ERROR] SecretMissing").decode()


@pytest.mark.parametrize(
    "parts",
    [
        [json.dumps(ERROR).encode(), {"ErrorCode": "Unhandled", "LogResult": LOG}],
        [{"ErrorCode": "Unhandled", "ErrorDetails": json.dumps(ERROR), "LogResult": LOG}],
        [frames.write(frames.STDOUT, b"x"), {"ErrorCode": "Unhandled", "ErrorDetails": json.dumps(ERROR)}],
    ],
    ids=["as the payload", "in the end", "after output"],
)
def test_a_function_that_fails_says_why(run, parts):
    with pytest.raises(CommandNotRun, match="SSM Parameter Store has no /shop/key in this region") as caught:
        run(parts)
    assert caught.value.exit_code == 125
    assert caught.value.during == "running `python manage.py migrate`"


def test_a_function_that_fails_in_words_of_no_form_says_those(run):
    with pytest.raises(CommandNotRun, match="Unhandled: out of luck"):
        run([b"[1]", {"ErrorCode": "Unhandled", "ErrorDetails": "out of luck"}])


def test_a_connection_that_ends_before_the_command_is_no_end(run):
    with pytest.raises(CommandNotRun, match="The connection ended before the command did") as caught:
        run([frames.write(frames.STDOUT, b"x")])
    assert "`lambdify logs dev`" in caught.value.hint


def test_a_connection_that_breaks_says_that_the_command_goes_on(run, stage):
    def parts():
        from urllib3.exceptions import ProtocolError

        yield frames.write(frames.STDOUT, b"x")
        raise ProtocolError("Connection broken")

    with pytest.raises(CommandNotRun, match="Connection broken") as caught:
        run(parts())
    assert f"`lambdify logs dev --request {REQUEST_ID}`" in caught.value.hint


def test_a_refused_call_is_an_error_of_aws(stubbed, make_settings):
    stubbed.refuses("lambda.invoke_with_response_stream", "ServiceException", "no", 500)
    with pytest.raises(AwsError, match="no"):
        command.run(MIGRATE, "f", stage_in(stubbed.account, make_settings()), lambda *_: None)


def test_a_detached_command_gives_the_id_of_its_invocation(stubbed, make_settings):
    event = {**MIGRATE.event, "detached": True}
    stubbed.answers(
        "lambda.invoke",
        {"StatusCode": 202, "ResponseMetadata": {"RequestId": REQUEST_ID}},
        FunctionName="shop-dev-commands",
        Qualifier="commands",
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    stage = stage_in(stubbed.account, make_settings())
    assert command.start(MIGRATE, "shop-dev-commands", stage) == REQUEST_ID


def test_a_stage_with_a_lambda_for_commands_names_it(stubbed, stage):
    stubbed.finds_stage({"AliasCommands": "the alias"})
    assert command.find_lambda(stage) == "shop-dev-commands"


def test_a_stage_without_one_says_the_line_to_write(stubbed, stage):
    stubbed.finds_stage()
    with pytest.raises(CommandNotRun) as caught:
        command.find_lambda(stage)
    assert caught.value.message == "shop-dev has no Lambda for commands."
    assert caught.value.hint == (
        "Write timeout = 900 below [commands] in lambdify.toml, then type `lambdify deploy dev`."
    )


def test_a_stage_that_is_not_deployed_has_no_commands(stubbed, stage):
    message = "Stack with id shop-dev does not exist"
    stubbed.refuses("cloudformation.describe_stacks", "ValidationError", message)
    with pytest.raises(NotDeployed):
        command.find_lambda(stage)
