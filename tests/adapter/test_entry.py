"""The deployed entry point, as Lambda runs it: in a process of its own, on a task root that was packed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

from .aws_service import AwsService

ADAPTER = Path(__file__).parents[2] / "adapter"

TOKEN = "what only a deployment knows"
RELEASE_COMMAND = {"lambdify": "release-command", "token": TOKEN}

INVOKE = """
import json, sys
from lambdify.adapter import entry
from types import SimpleNamespace
context = SimpleNamespace(invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:7")
for event in json.load(sys.stdin):
    print(json.dumps(entry.handler(event, context)))
"""

FLASK = """
import sys
from flask import Flask
app = Flask(__name__)
print("imported", file=sys.stderr)

@app.get("/")
def home():
    print("called", file=sys.stderr)
    return "home"

def create_app():
    return app
"""

FASTAPI = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    if not BROKEN: yield
    else: raise RuntimeError("no database")

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def home():
    return "home"
"""

MANGUM_ON_NEW_PYTHONS = "ignore:There is no current event loop:DeprecationWarning"
"""From Python 3.12 on, making a Mangum asks for a loop in a way that warns."""

TERMINATE = """
import os, signal, sys
from lambdify.adapter import entry
os.kill(os.getpid(), signal.SIGTERM)
"""

LIFESPAN = """
import os, signal
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("stopped")
        await send({"type": "lifespan.shutdown.STOPPED", "message": "Traceback: the pool is on fire"})
    else:
        print("asked")
        os.kill(os.getpid(), signal.SIGTERM)
"""

UVLOOP = """
import asyncio, uvloop, warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # policies are deprecated from Python 3.14 on
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

async def app(scope, receive, send):
    loop = asyncio.get_running_loop()
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["loop"] = loop
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await asyncio.sleep(0.001)
        assert loop is scope["state"]["loop"]
        body = await asyncio.to_thread(lambda: type(loop).__module__.encode())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""

KEEP_WARM = {"lambdify": "keep-warm"}
HOME = http_api.write_event(Request("GET", "/"))

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def invoke(tmp_path: Path) -> Invoke:
    """Pack a project, start its handler in a new process and send it events."""

    def run(
        code: str, *events: Any, app: str | None = "main:app", script: str = INVOKE, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        root = tmp_path / "task"
        copytree(ADAPTER, root / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
        (root / "main.py").write_text(code)
        (root / ".lambdify").mkdir()
        if app:
            (root / ".lambdify" / "bundle.json").write_text(json.dumps({"app": app, **settings}))
        return subprocess.run(
            [sys.executable, "-W", "error", "-W", MANGUM_ON_NEW_PYTHONS, "-c", script],
            input=json.dumps(events),
            env={
                **os.environ,
                "LAMBDA_TASK_ROOT": str(root),
                "PYTHONPATH": str(root),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAMBDIFY_RELEASE_COMMAND": hashlib.sha256(TOKEN.encode()).hexdigest(),
            },
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def payloads(done: subprocess.CompletedProcess[str]) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_garbage_collector_leaves_what_init_made_alone_and_is_then_as_it_was(invoke: Invoke) -> None:
    asked = f"import gc\nprint(gc.get_threshold())\n{INVOKE}print(gc.get_threshold(), gc.get_freeze_count())"
    shown = invoke(FLASK, script=asked).stdout.splitlines()
    before, after = shown
    assert after.startswith(before)
    assert int(after.removeprefix(before)) > 10_000


def test_a_garbage_collector_that_the_app_set_up_stays_as_the_app_wants_it(invoke: Invoke) -> None:
    app = f"import gc\ngc.set_threshold(5000, 7, 10)\ngc.disable()\n{FLASK}"
    shown = invoke(app, script=f"{INVOKE}import gc\nprint(gc.get_threshold()[:2], gc.isenabled())")
    assert shown.stdout == "(5000, 7) False\n"


def test_the_app_is_loaded_once_and_answers(invoke):
    done = invoke(FLASK, HOME, HOME)
    assert [payload["body"] for payload in payloads(done)] == ["home", "home"]
    assert done.stderr.splitlines() == ["imported", "called", "called"]


def test_an_app_in_a_source_folder_is_imported_from_there_before_any_other(invoke):
    code = f"import pathlib\npathlib.Path('src').mkdir()\npathlib.Path('src/shop.py').write_text({FLASK!r})\n"
    done = invoke("", HOME, app="shop:app", script=code + INVOKE, path="src")
    assert payloads(done)[0]["body"] == "home"


@pytest.mark.parametrize(
    ("given", "found"),
    [(":UTC", "UTC"), ("UTC", "UTC"), ("Europe/Berlin", "Europe/Berlin"), (":x", ":x"), ("", "")],
)
def test_the_time_zone_of_lambda_is_one_that_django_knows(invoke, monkeypatch, given, found):
    monkeypatch.setenv("TZ", given)
    code = "import os, time\nzone = f\"{os.environ['TZ']} {time.timezone}\"\n" + FLASK.replace(
        '"home"', "zone"
    )
    name, seconds = payloads(invoke(code, HOME))[0]["body"].rsplit(" ", 1)
    assert name == found
    assert given == "Europe/Berlin" or seconds == "0"


def test_without_a_time_zone_there_is_none(invoke, monkeypatch):
    monkeypatch.delenv("TZ", raising=False)
    code = "import os\nzone = str('TZ' in os.environ)\n" + FLASK.replace('"home"', "zone")
    assert payloads(invoke(code, HOME))[0]["body"] == "False"


def test_a_django_site_whose_time_zone_is_tz_starts(invoke, monkeypatch):
    monkeypatch.setenv("TZ", ":UTC")
    code = """
import os
from django.conf import settings
settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, TIME_ZONE=os.getenv("TZ"))
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse(settings.TIME_ZONE))]
app = get_wsgi_application()
"""
    assert payloads(invoke(code, HOME))[0]["body"] == "UTC"


def test_the_user_of_an_authorizer_is_the_apps_where_the_bundle_says_so(invoke):
    event = json.loads(json.dumps(HOME))
    event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": "ada"}}}
    code = FLASK.replace("import Flask", "import Flask, request").replace(
        '"home"', "str(request.remote_user)"
    )
    assert payloads(invoke(code, event, remote_user=True))[0]["body"] == "ada"


def test_a_factory_makes_the_app(invoke):
    assert payloads(invoke(FLASK, HOME, app="main:create_app()"))[0]["body"] == "home"


def test_secrets_are_in_the_environment_when_the_app_is_imported(invoke, monkeypatch):
    store = AwsService([(200, {"Parameters": [{"Name": "/shop/greeting", "Value": "good morning"}]})])
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-the-role")
    code = "import os\ngreeting = os.environ['GREETING']\n" + FLASK.replace('"home"', "greeting")
    done = invoke(code, HOME, secrets={"GREETING": "ssm:/shop/greeting"})
    store.close()
    assert payloads(done)[0]["body"] == "good morning"


def test_a_secret_that_is_missing_fails_the_init_and_says_which(invoke, monkeypatch):
    store = AwsService([(200, {"Parameters": [], "InvalidParameters": ["/shop/greeting"]})])
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-the-role")
    done = invoke(FLASK, HOME, secrets={"GREETING": "ssm:/shop/greeting"})
    store.close()
    assert done.returncode == 1
    assert done.stderr.endswith("SecretMissing: SSM Parameter Store has no /shop/greeting in this region\n")
    assert "imported" not in done.stderr


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


def test_an_asgi_app_with_its_lifespan(invoke):
    assert payloads(invoke(FASTAPI.replace("BROKEN", "False"), HOME))[0]["body"] == '"home"'


def test_an_app_that_sets_the_policy_of_uvloop_runs_on_it(invoke):
    pytest.importorskip("uvloop")
    assert [payload["body"] for payload in payloads(invoke(UVLOOP, HOME, HOME))] == ["uvloop", "uvloop"]


def test_a_failed_startup_fails_the_init_with_its_traceback(invoke):
    done = invoke(FASTAPI.replace("BROKEN", "True"), HOME)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "StartupFailed" in done.stderr
    assert "RuntimeError: no database" in done.stderr


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param("from mangum import Mangum\nhandler = Mangum(app, lifespan='off')\n", id="Mangum"),
        pytest.param("from lambdify.adapter import Adapter\nhandler = Adapter(app)\n", id="Adapter"),
        pytest.param("def handler(event, context):\n    return {'body': '\"home\"'}\n", id="function"),
    ],
)
def test_an_app_that_is_a_handler_already_is_deployed_as_it_is(invoke, handler):
    asgi = FASTAPI.replace("BROKEN", "False").replace("lifespan=lifespan", "")
    done = invoke(asgi + handler, HOME, KEEP_WARM, app="main:handler")
    first, second = payloads(done)
    assert first["body"] == '"home"'
    assert second == {"lambdify": "warm"}


def test_an_import_that_fails_in_the_app_is_logged_with_its_traceback(invoke):
    done = invoke("import nowhere_to_be_found", HOME)
    assert done.returncode == 1
    assert "while importing 'main:app', this was raised" in done.stderr
    assert 'main.py", line 1, in <module>' in done.stderr


def test_an_app_that_is_not_there(invoke):
    assert (
        "AppNotLoaded: 'main' has no attribute 'application'"
        in invoke("", HOME, app="main:application").stderr
    )


def test_a_task_root_that_was_not_packed(invoke):
    assert "bundle.json is missing" in invoke(FLASK, HOME, app=None).stderr


QUEUE = {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}
JOBS = """
def work(event, context):
    return {"did": event["Records"][0]["eventSource"]}

limit = 5
"""


def test_events_that_are_not_http_reach_the_function_that_the_project_names(invoke):
    done = invoke(FLASK + JOBS, QUEUE, HOME, KEEP_WARM, on_event="main:work")
    queue, http, warm = payloads(done)
    assert queue == {"did": "aws:sqs"}
    assert http["body"] == "home"
    assert warm == {"lambdify": "warm"}


@pytest.mark.parametrize(
    ("on_event", "complaint"),
    [
        ("main:wrok", "on_event = 'main:wrok' cannot be loaded: 'main' has no attribute 'wrok'"),
        ("jobs:work", "on_event = 'jobs:work' cannot be loaded: there is no module 'jobs'"),
        ("main:limit", "on_event = 'main:limit' is not a function of event and context"),
    ],
)
def test_a_function_for_events_that_cannot_be_one_fails_the_init(invoke, on_event, complaint):
    done = invoke(FLASK + JOBS, HOME, on_event=on_event)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_handler_gets_every_event_itself(invoke):
    code = "def handler(event, context): ..." + JOBS
    done = invoke(code, HOME, app="main:handler", on_event="main:work")
    assert "AppNotLoaded: 'main:handler' is a Lambda handler, which gets every event itself" in done.stderr


def test_errors_are_shown_where_the_project_says_so(invoke):
    code = FLASK.replace('return "home"', "raise LookupError('empty')") + "app.testing = True\n"
    (shown,) = payloads(invoke(code, HOME, show_errors=True))
    assert shown["statusCode"] == 500
    assert shown["body"].endswith("LookupError: empty\n")


def test_sigterm_runs_the_shutdown_of_an_asgi_app(invoke):
    done = invoke(LIFESPAN.replace("STOPPED", "complete"), script=TERMINATE)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "stopped\n")


def test_a_shutdown_that_fails_is_logged_with_its_reason(invoke):
    done = invoke(LIFESPAN.replace("STOPPED", "failed"), script=TERMINATE)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "stopped\n")
    assert "the app's shutdown failed" in done.stderr
    assert "Traceback: the pool is on fire" in done.stderr


def test_sigterm_in_the_middle_of_a_request_ends_the_process_without_a_shutdown(invoke):
    done = invoke(LIFESPAN.replace("STOPPED", "complete"), HOME)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "asked\n")


def test_an_app_that_answers_sigterm_itself_keeps_its_answer(invoke):
    own = "import signal\nsignal.signal(signal.SIGTERM, lambda number, frame: print('mine'))\n"
    done = invoke(own + LIFESPAN.replace("STOPPED", "complete"), script=TERMINATE)
    assert (done.returncode, done.stdout) == (0, "mine\nstopped\n")  # its process ends, and with it the app


def test_a_wsgi_app_leaves_sigterm_alone(invoke):
    assert invoke(FLASK, script=TERMINATE).returncode == -signal.SIGTERM
