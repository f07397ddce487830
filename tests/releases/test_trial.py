"""What a version has to show before it gets traffic."""

import base64
import io
import json
from dataclasses import replace

import pytest
from botocore.response import StreamingBody
from releases.shipping import DEPLOYED
from stages import stage_in
from streams import answered, ended

from lambdify.cli.errors import AppBroken, ReleaseFailed
from lambdify.cli.releases import trial

CALL = {"FunctionName": "shop-dev", "Qualifier": "7", "LogType": "Tail"}
KEEP_WARM = b'{"lambdify": "keep-warm"}'


def answer(payload, **more):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {"Payload": StreamingBody(io.BytesIO(body), len(body)), "ExecutedVersion": "7", **more}


def log(*lines):
    return base64.b64encode("\n".join(lines).encode()).decode()


@pytest.fixture
def run(stubbed, make_settings, talk):
    """`run({"release.smoke": "/health"})`: try version 7 with these settings."""

    def run(overrides=None):
        trial.run(
            "7",
            DEPLOYED,
            stage_in(stubbed.account, make_settings(overrides=overrides)),
            talk.console,
            url=DEPLOYED.outputs["Endpoint"],
        )

    return run


class Lambda:
    """Lambda as the test has it: `asked` has the names of what was called, with the function and version."""

    def __init__(self, client, answers):
        self._client, self._answers = client, list(answers)
        self.asked = []

    def invoke(self, FunctionName, Qualifier, **_):  # noqa: N803 - AWS's names
        self.asked.append(("invoke", FunctionName, Qualifier))
        return self._answers.pop(0)

    def get_function_configuration(self, FunctionName, Qualifier):  # noqa: N803
        self.asked.append(("wait", FunctionName, Qualifier))
        return {"State": "Active"}

    def invoke_with_response_stream(self, **given):
        words = json.loads(given["Payload"])["words"]
        self.asked.append(("command", given["FunctionName"], given["Qualifier"], words))
        return self._client.invoke_with_response_stream(**given)


@pytest.fixture
def run_with_command(stubbed, boto_session, make_settings, talk):
    """`run_with_command(parts, ...)`: the same where the command answers so; what was asked of Lambda."""
    client = boto_session.client("lambda")

    def run(parts, overrides, answers=()):
        calls = Lambda(client, answers)
        account = replace(stubbed.account, client=lambda _: calls)
        stage = stage_in(account, make_settings(overrides=overrides))
        try:
            with answered(client, lambda *_: parts):
                trial.run("7", DEPLOYED, stage, talk.console, url=DEPLOYED.outputs["Endpoint"])
        finally:
            run.asked = calls.asked
        return calls.asked

    return run


def test_without_settings_the_version_itself_is_called_as_the_schedule_does(stubbed, run, talk):
    stubbed.answers("lambda.invoke", answer({"lambdify": "warm"}), **CALL, Payload=KEEP_WARM)
    run({"release.smoke": "off"})
    assert "Starting the app in version 7" in talk.said


def test_an_app_that_does_not_start_is_broken_and_shows_its_log(stubbed, run, talk):
    error = {"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named 'shopping'"}
    wrote = log("[ERROR] Runtime.ImportModuleError: No module named 'shopping'")
    stubbed.answers("lambda.invoke", answer(error, FunctionError="Unhandled", LogResult=wrote))
    with pytest.raises(AppBroken, match="deployed: shopping is imported, and nothing") as caught:
        run()
    assert "ERROR  Runtime.ImportModuleError" in talk.said
    assert caught.value.during == "trying version 7 of shop-dev"


def test_the_smoke_request_is_a_request_to_the_endpoint(stubbed, run, account_of_calls):
    stubbed.answers("lambda.invoke", answer({"statusCode": 200, "body": "fine"}))
    run({"release.smoke": "/health?deep=1"})
    (event,) = account_of_calls
    assert event["rawPath"] == "/health"
    assert event["rawQueryString"] == "deep=1"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["headers"]["host"] == "abc.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture
def account_of_calls(stubbed):
    """The events of the invocations that are made."""
    events = []
    client = stubbed.stub("lambda").client
    client.meta.events.register_first(
        "provide-client-params.lambda.Invoke",
        lambda params, **_: events.append(json.loads(params["Payload"])),
        unique_id="events",
    )
    yield events
    client.meta.events.unregister("provide-client-params.lambda.Invoke", unique_id="events")


def test_a_smoke_request_that_gets_another_status_fails_the_release_and_shows_both(stubbed, run, talk):
    stubbed.answers(
        "lambda.invoke", answer({"statusCode": 500, "body": "no database"}, LogResult=log("no database!"))
    )
    with pytest.raises(ReleaseFailed) as caught:
        run({"release.smoke": "/health"})
    assert caught.value.message == "Version 7 answered GET /health with 500 instead of 200: no database"
    assert caught.value.exit_code == 46
    assert "no database!" in talk.said


def test_the_status_to_get_is_a_setting(stubbed, run):
    stubbed.answers("lambda.invoke", answer({"statusCode": 401}))
    run({"release.smoke": "/", "release.status": 401})


def test_a_streamed_response_is_judged_by_its_prelude(stubbed, run):
    stubbed.answers("lambda.invoke", answer(b'{"statusCode": 404}' + bytes(8) + b"gone"))
    with pytest.raises(ReleaseFailed, match="with 404 instead of 200: gone"):
        run({"release.smoke": "/"})


def test_what_is_no_response_fails_the_release(stubbed, run):
    stubbed.answers("lambda.invoke", answer({"statusCode": "many"}))
    with pytest.raises(ReleaseFailed, match="no HTTP response"):
        run({"release.smoke": "/"})


def test_a_smoke_request_that_is_not_answered_in_time_fails_the_release(stubbed, run):
    error = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 30.00 seconds"}
    stubbed.answers("lambda.invoke", answer(error, FunctionError="Unhandled"))
    with pytest.raises(ReleaseFailed, match=r"GET /health was not answered in time: .*timed out after 30"):
        run({"release.smoke": "/health"})


MIGRATE = {"release.command": "python manage.py migrate"}


def test_the_command_runs_before_the_smoke_request_and_its_output_is_told(run_with_command, talk):
    parts = ended(0, out=b"Applying books.0002_isbn... OK\nend", err=b"a warning\n")
    asked = run_with_command(parts, MIGRATE | {"release.smoke": "/"}, [answer({"statusCode": 200})])
    assert asked == [
        ("command", "shop-dev-commands", "4", ["python", "manage.py", "migrate"]),
        ("invoke", "shop-dev", "7"),
    ]
    assert talk.said.index("Applying books.0002_isbn... OK\n") < talk.said.index("Asking version 7 for /")
    assert "Running `python manage.py migrate` in version 4 of shop-dev-commands" in talk.said
    assert "  enda warning\n" in talk.said


def test_after_a_command_the_home_page_is_asked_for_unless_that_is_off(run_with_command, talk):
    page = answer({"statusCode": 302, "headers": {"location": "/login"}})
    run_with_command(ended(0, out=b"no line break"), MIGRATE, [answer({"lambdify": "warm"}), page])
    assert "  no line break\n" in talk.said
    assert "GET / → 302 /login\n" in talk.said


def test_a_command_says_nothing_of_the_app_which_is_started_all_the_same(run_with_command, talk):
    run_with_command(ended(0), MIGRATE | {"release.smoke": "off"}, [answer({"lambdify": "warm"})])
    assert "Asking" not in talk.said
    assert "Starting the app in version 7" in talk.said


def test_a_command_that_fails_fails_the_release_with_its_code(run_with_command, talk):
    with pytest.raises(ReleaseFailed) as caught:
        run_with_command(ended(3, err=b"no such table\n"), MIGRATE | {"release.smoke": "/"})
    assert caught.value.message == (
        "`python manage.py migrate` ended with 3 in version 4 of shop-dev-commands."
    )
    assert caught.value.during == "trying version 4 of shop-dev-commands"
    assert "no such table" in talk.said


def test_a_command_that_takes_longer_than_it_may_says_so(run_with_command):
    with pytest.raises(ReleaseFailed, match="`make` did not end in time: it has 900 seconds") as caught:
        run_with_command(ended(124, reason="time"), {"release.command": "make"})
    assert "[commands] timeout" in caught.value.hint


def test_a_command_of_which_it_is_not_known_how_it_ended_fails_the_release(run_with_command):
    error = json.dumps({"errorType": "SecretMissing", "errorMessage": "there is no /shop/key"}).encode()
    with pytest.raises(ReleaseFailed, match=r"not known how `make` ended: .*there is no /shop/key"):
        run_with_command([error, {"ErrorCode": "Unhandled"}], {"release.command": "make"})


def test_in_express_mode_the_lambda_for_commands_is_waited_for(run_with_command):
    with pytest.raises(ReleaseFailed, match="ended with 1"):
        run_with_command(ended(1), {"release.command": "make", "release.express": True})
    assert run_with_command.asked == [
        ("wait", "shop-dev", "7"),
        ("wait", "shop-dev-commands", "4"),
        ("command", "shop-dev-commands", "4", ["make"]),
    ]


def test_a_version_of_a_function_that_is_stopped_cannot_be_tried_and_that_is_said(run, talk):
    run({"function.reserved_concurrency": 0, "release.smoke": "/health"})
    assert "warning: Version 7 is not tried: [function] reserved_concurrency = 0 stops" in talk.said


# -------------------------------------------------------------------- a version that is not ready yet


def test_a_version_is_waited_for_until_it_can_be_called(stubbed, make_settings, talk):
    pauses = []
    for state in ("Pending", "Pending", "Active"):
        stubbed.answers(
            "lambda.get_function_configuration",
            {"State": state},
            FunctionName="shop-dev",
            Qualifier="7",
        )
    trial.wait_until_ready("7", stage_in(stubbed.account, make_settings()), talk.console, sleep=pauses.append)
    assert pauses == [trial.PAUSE, trial.PAUSE]


def test_a_version_that_lambda_could_not_start_says_why(stubbed, make_settings, talk):
    stubbed.answers(
        "lambda.get_function_configuration", {"State": "Failed", "StateReason": "Unable to import module"}
    )
    with pytest.raises(AppBroken, match="could not start version 7: Unable to import module"):
        trial.wait_until_ready("7", stage_in(stubbed.account, make_settings()), talk.console)
