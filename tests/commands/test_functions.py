"""A project of a few functions, from the first line of code to the last command, in a local cloud of its own.

It has no web app at first: a handler that says hello, and one that uses a package. Both are called by name,
and every ten minutes; then one of them is behind a URL.
"""

import json
import urllib.request

import boto3
import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

HELLO = """
def handler(event, context):
    print("hello to", event.get("name", "everybody"))
    return {"message": "hi there"}
"""
AGENT = """
import requests

def handler(event, context):
    if "raise" in event:
        raise KeyError(event["raise"])
    return {"agent": requests.utils.default_user_agent()}
"""
SETTINGS = """
name = "greetings"
[http]
endpoint = "none"
[warm]
every = "off"
[function]
python = "3.11"
[functions.hello]
handler = "hello:handler"
schedule = [{ every = "10 minutes" }]
[functions.agent]
handler = "agent:handler"
timeout = 60
retries = 0
schedule = [{ every = "10 minutes" }]
"""
BEHIND_A_URL = SETTINGS.replace('[http]\nendpoint = "none"', 'app = "hello:handler"')


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("greetings")
    for name, text in (("hello.py", HELLO), ("agent.py", AGENT), ("lambdify.toml", SETTINGS)):
        (root / name).write_text(text)
    (root / "requirements.txt").write_text("requests\n")
    return root


@pytest.fixture(scope="module")
def lambdify(project, tmp_path_factory):
    with own_cloud.opened(project, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


@pytest.fixture(scope="module")
def deployed(lambdify):
    done = lambdify("deploy", "--local")
    assert done.returncode == 0, done.stderr
    return done


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_functions_alone_are_deployed_and_called_by_their_names(deployed, lambdify):
    begin = "arn:aws:lambda:us-east-1:000000000000:function:greetings-dev"
    assert deployed.stdout.split() == [f"{begin}:hello", f"{begin}-agent:agent"]
    assert "A Lambda of its own: greetings-dev-agent (Timeout 60)" in deployed.stderr
    assert "`lambdify invoke --function hello --stage dev --local` calls a function" in deployed.stderr
    assert answer(lambdify("invoke", "--local", "--function", "hello")) == {"message": "hi there"}
    called = lambdify("invoke", "--local", "--function", "agent")
    assert answer(called)["agent"].startswith("python-requests/")


def test_they_can_be_checked_without_an_app(deployed, lambdify):
    assert "of the functions read" in lambdify("check").stdout


def test_both_are_called_every_ten_minutes(deployed, lambdify):
    found = json.loads(lambdify("template", "--json").stdout)
    body = found.get("template", found)
    rates = {
        name: each["Properties"]["ScheduleExpression"]
        for name, each in body["Resources"].items()
        if each["Type"] == "AWS::Scheduler::Schedule"
    }
    assert rates == dict.fromkeys(["Schedule1Agent", "Schedule1Hello"], "rate(10 minutes)")


def test_a_call_without_a_name_or_with_a_wrong_one_says_which_there_are(deployed, lambdify):
    nobody = lambdify("invoke", "--local")
    assert nobody.returncode == 2
    assert "greetings-dev has no web app, but 2 functions: hello, agent." in nobody.stderr
    assert "`lambdify invoke --function hello --stage dev --local`" in nobody.stderr
    wrong = lambdify("invoke", "--local", "--function", "helo")
    assert (wrong.returncode, 'Did you mean "hello"?' in wrong.stderr) == (2, True)


def test_the_log_of_each_is_its_own(deployed, lambdify):
    lambdify("invoke", "--local", "--function", "hello", '{"name": "Ann"}')
    lambdify("invoke", "--local", "--function", "agent")

    def log(name):
        return lambdify("logs", "--local", "--function", name).stdout

    assert eventually(lambda: "hello to Ann" in log("hello") and "done: " in log("hello"))
    assert eventually(lambda: "done: " in log("agent"))
    assert "hello to" not in log("agent")
    assert "cold start" in log("agent")
    assert lambdify("logs", "--local", "--function", "hello", "--filter", "Ann").stdout.count("\n") == 1


@pytest.fixture
def send(lambdify):
    """Hands the agent an event, as a schedule or a topic does."""
    lines = lambdify("local", "env").stdout.splitlines()
    set_ = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    found = {name: value.strip("'\"") for name, value in set_.items()}
    client = boto3.client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=found["AWS_ENDPOINT_URL"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
    )

    def send(event):
        client.invoke(
            FunctionName="greetings-dev-agent",
            Qualifier="agent",
            InvocationType="Event",
            Payload=json.dumps(event),
        )

    return send


def failures(lambdify):
    return json.loads(lambdify("failures", "list", "--local", "--json").stdout)


def test_what_was_given_up_is_shown_sent_again_and_dropped(deployed, lambdify, send):
    assert lambdify("failures", "--local").stdout == "Nothing has failed for good.\n"
    send({"raise": "total"})
    assert eventually(lambda: failures(lambdify), seconds=30)
    (found,) = failures(lambdify)
    assert (found["what"], found["error"], found["payload"]) == (
        "agent",
        "KeyError: 'total'",
        {"raise": "total"},
    )
    table = lambdify("failures", "dev", "--local")
    assert f"{found['id'][:8]}  " in table.stdout
    assert "agent" in table.stdout
    assert "KeyError: 'total'" in table.stdout
    shown = lambdify("failures", "show", found["id"][:8], "--local").stdout
    assert '"raise": "total"' in shown
    assert "agent.py:6 in handler" in shown
    assert "failed       1 given up" in lambdify("status", "--local", "--no-check").stdout
    # The cause is still there: it fails anew, and is a failure of its own.
    assert lambdify("failures", "retry", "--local").stdout == "1 sent again.\n"
    assert eventually(lambda: [each["id"] for each in failures(lambdify)] not in ([], [found["id"]]))
    assert lambdify("failures", "drop", "--local").stdout == "1 deleted.\n"
    assert failures(lambdify) == []
    unknown = lambdify("failures", "show", "1a2b3c4d", "--local")
    assert (unknown.returncode, "has the id 1a2b3c4d" in unknown.stderr) == (2, True)


def test_the_status_says_what_calls_them_and_when(deployed, lambdify):
    shown = lambdify("status", "--local").stdout
    assert "functions    hello: hello:handler, version 1" in shown
    assert "agent: agent:handler, in greetings-dev-agent, version 1" in shown
    assert shown.count('schedule every = "10 minutes"; next at ') == 2
    assert "failed       0 given up" in shown


def test_one_of_them_is_behind_a_url(deployed, lambdify, project):
    (project / "lambdify.toml").write_text(BEHIND_A_URL)
    url = lambdify("deploy", "--local").stdout.strip()
    with urllib.request.urlopen(url, timeout=60) as response:
        assert json.load(response) == {"message": "hi there"}
    assert answer(lambdify("invoke", "--local", "--function", "hello")) == {"message": "hi there"}


def test_a_function_that_does_not_load_leaves_the_release_before(deployed, lambdify, project):
    """Its module is imported at the first call: the trial has it imported before that."""
    (project / "agent.py").write_text('import os\nTOKEN = os.environ["NO_SUCH_TOKEN"]\n' + AGENT)
    failed = lambdify("deploy", "--local")
    (project / "agent.py").write_text(AGENT)
    assert failed.returncode == 13, failed.stderr
    assert "error: [functions.agent] cannot be loaded where it is deployed: " in failed.stderr
    assert "NO_SUCH_TOKEN" in failed.stderr
    assert "gets none." in failed.stderr
    assert answer(lambdify("invoke", "--local", "--function", "agent"))["agent"]


def test_what_is_removed_is_gone(deployed, lambdify):
    gone = lambdify("undeploy", "--local", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert lambdify("invoke", "--local", "--function", "hello").returncode == 44
