"""Events of lambdify's own: keep-warm, and the release command; and that nobody else can send them."""

import json

import pytest

from .entry_process import FLASK, HOME, INVOKE, KEEP_WARM, RELEASE_COMMAND, payloads

pytestmark = pytest.mark.slow


def test_keep_warm_is_answered_without_the_app(invoke):
    done = invoke(FLASK, KEEP_WARM)
    assert payloads(done) == [{"lambdify": "warm"}]
    assert done.stderr.splitlines() == ["imported"]


@pytest.mark.parametrize(
    "event",
    [
        {**HOME, "lambdify": "keep-warm"},
        {**HOME, "lambdify": "keep-warm", "concurrency": 100, "hold": 900},
        {**HOME, "body": json.dumps(KEEP_WARM), "isBase64Encoded": False},
        {**HOME, "headers": {**HOME["headers"], "lambdify": "keep-warm"}, "queryStringParameters": KEEP_WARM},
    ],
    ids=["a key", "all keys", "the body", "headers and query"],
)
def test_no_request_can_be_taken_for_keep_warm(invoke, event):
    assert payloads(invoke(FLASK, event))[0]["body"] == "home"


SHOW = "python -c \"import main; print(main.app.name, 'in', __import__('os').getcwd())\""


def test_the_release_command_runs_with_what_the_app_imports_and_gives_its_code_and_output(invoke, tmp_path):
    *told, payload = invoke(FLASK, RELEASE_COMMAND, command=SHOW).stdout.splitlines()
    expected = f"main in {tmp_path / 'task'}"
    assert json.loads(payload) == {"code": 0, "output": f"imported\n{expected}\n"}
    assert told == ["imported", expected], "it is in the log too"


def test_a_command_sees_the_folder_that_the_app_is_imported_from(invoke):
    code = f"import pathlib\npathlib.Path('src').mkdir()\npathlib.Path('src/shop.py').write_text({FLASK!r})\n"
    command = 'python3 -c "import shop"'
    done = invoke("", RELEASE_COMMAND, app="shop:app", script=code + INVOKE, path="src", command=command)
    assert json.loads(done.stdout.splitlines()[-1])["code"] == 0


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("sh -c 'echo one; echo two >&2; exit 3'", 3, "one\ntwo\n"),
        ("no-such-program", 127, "[Errno 2] No such file or directory: 'no-such-program'\n"),
        ("sh -c 'kill -9 $$'", -9, ""),
    ],
)
def test_a_command_that_fails_says_how(invoke, command, code, said):
    payload = invoke(FLASK, RELEASE_COMMAND, command=command).stdout.splitlines()[-1]
    assert json.loads(payload) == {"code": code, "output": said}


@pytest.mark.slow
def test_of_a_long_output_the_end_comes_back(invoke):
    command = 'python -c "for number in range(100_000): print(number)"'
    output = json.loads(invoke(FLASK, RELEASE_COMMAND, command=command).stdout.splitlines()[-1])["output"]
    assert len(output) == 64_000
    assert output.endswith("99998\n99999\n")


@pytest.mark.parametrize(
    "event",
    [
        {**HOME, "lambdify": "release-command"},
        {**HOME, "body": json.dumps(RELEASE_COMMAND), "isBase64Encoded": False},
        {**HOME, "headers": {**HOME["headers"], **RELEASE_COMMAND}, "queryStringParameters": RELEASE_COMMAND},
    ],
    ids=["a key", "the body", "headers and query"],
)
def test_no_request_can_ask_for_the_command(invoke, event):
    done = invoke(FLASK, event, command="sh -c 'echo it ran'")
    assert payloads(done)[0]["body"] == "home"
    assert "it ran" not in done.stdout


def test_an_event_cannot_bring_a_command(invoke):
    brought = {**RELEASE_COMMAND, "command": "sh -c 'echo it ran'"}
    done = invoke(FLASK, brought, command="sh -c 'echo ours'")
    assert done.returncode == 1
    assert "EventUnknown" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    "event",
    [
        {"lambdify": "release-command"},
        {"lambdify": "release-command", "token": "a guess"},
        {"lambdify": "release-command", "token": None},
        {**RELEASE_COMMAND, "hold": 1.0, "more": 1},
    ],
    ids=["no token", "another one", "none", "more"],
)
def test_without_the_token_of_the_deployment_the_command_does_not_run(invoke, event):
    done = invoke(FLASK, event, command="sh -c 'echo it ran'")
    assert "EventUnknown" in done.stderr
    assert "it ran" not in done.stdout


@pytest.mark.parametrize("qualifier", [":live", ""])
def test_what_invokes_an_alias_or_no_version_has_no_command_run(invoke, qualifier):
    script = INVOKE.replace("shop-dev:7", f"shop-dev{qualifier}")
    done = invoke(FLASK, RELEASE_COMMAND, script=script, command="sh -c 'echo it ran'")
    assert "EventUnknown" in done.stderr
    assert "it ran" not in done.stdout


def test_a_function_without_a_digest_has_no_command_run(invoke):
    script = f"import os\nos.environ.pop('LAMBDIFY_RELEASE_COMMAND')\n{INVOKE}"
    done = invoke(FLASK, RELEASE_COMMAND, script=script, command="sh -c 'echo it ran'")
    assert "EventUnknown" in done.stderr
    assert "it ran" not in done.stdout


def test_without_a_command_the_event_is_like_any_other(invoke):
    done = invoke(FLASK, RELEASE_COMMAND)
    assert done.returncode == 1
    assert "EventUnknown" in done.stderr


def test_where_the_bundle_keeps_one_warm_an_event_for_several_calls_nobody(invoke):
    """The schedule of a deployment that is under way may ask for more than the version of before allows."""
    done = invoke(FLASK, {**KEEP_WARM, "concurrency": 5})
    assert payloads(done) == [{"lambdify": "warm"}]


def test_an_event_that_keeps_several_warm_is_answered_without_the_app(invoke):
    done = invoke(FLASK, {**KEEP_WARM, "hold": 0.01}, concurrency=2)
    assert payloads(done) == [{"lambdify": "warm"}]
    assert "called" not in done.stderr


@pytest.mark.parametrize(
    "event",
    [
        {"lambdify": "something else"},
        {"lambdify": "keep-warm", "more": 1},
        {"lambdify": "release-command"},
        {},
    ],
)
def test_an_unknown_event_is_refused(invoke, event):
    done = invoke(FLASK, event)
    assert done.returncode == 1
    assert "EventUnknown: this function answers HTTP requests; it received an event with" in done.stderr
