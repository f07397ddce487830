"""The deployed entry point, as Lambda runs it: in a process of its own, on a task root that was packed."""

import json
import signal

import pytest

from .aws_service import AwsService
from .entry_process import (
    FASTAPI,
    FLASK,
    HOME,
    INVOKE,
    KEEP_WARM,
    LIFESPAN,
    TERMINATE,
    UVLOOP,
    Invoke,
    payloads,
)

pytestmark = pytest.mark.slow


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


def test_setuptools_brings_the_distutils_that_python_has_no_more(invoke):
    # Where setuptools is installed, a .pth file of it does so. Lambda reads none of those in a bundle.
    shim = "sys.modules['distutils'] = type(sys)('distutils')"
    code = (
        "import pathlib, sys\nsys.modules.pop('_distutils_hack', None)  # the tests' own\n"
        "pathlib.Path('distutils-precedence.pth').touch()\n"
        f"pathlib.Path('_distutils_hack.py').write_text('import sys\\ndef add_shim():\\n    ' + {shim!r})\n"
    )
    app = "import distutils\nfound = str(not hasattr(distutils, '__file__'))\n" + FLASK.replace(
        '"home"', "found"
    )
    code += f"pathlib.Path('shop.py').write_text({app!r})\n"
    assert payloads(invoke("", HOME, app="shop:app", script=code + INVOKE))[0]["body"] == "True"


def test_where_there_is_no_setuptools_its_distutils_are_not_looked_for(invoke):
    app = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [found.encode()]\n"
    app = "import sys\nfound = str('_distutils_hack' in sys.modules)\n" + app
    without = (
        "import sys\nsys.modules.pop('_distutils_hack', None)\nkept = sys.path[:]\n"
        "sys.path[:] = [each for each in kept if 'site-packages' not in each]\n"
        "from lambdify.adapter import entry\nsys.path[:] = kept\n"
    )
    assert payloads(invoke(app, HOME, script=without + INVOKE))[0]["body"] == "False"


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
