"""The event in environ and scope: an app reads it, and nobody prints it by accident.

Error reporters walk environ and print what they find. A server's environ holds no body, and they know to hide
the cookie under `HTTP_COOKIE`; the event has both again, under names that nobody looks for.
"""

import copy
import json
import logging
import pickle
import pprint
import reprlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdify.adapter import Adapter, asgi, wsgi
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request, hide

COOKIE, PASSWORD, TOKEN = "s3ss10n-c00k1e", "hunter2-passw0rd", "b34r3r-t0k3n"
SECRETS = (COOKIE, PASSWORD, TOKEN)
LOGIN = Request(
    "POST",
    "/login",
    headers=(
        ("host", "shop.example"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", f"sessionid={COOKIE}"),
        ("authorization", f"Bearer {TOKEN}"),
    ),
    body=f"user=ada&password={PASSWORD}".encode(),
)
EVENT = http_api.write_event(LOGIN)

MAKERS = {
    "environ": lambda: wsgi.build_environ(LOGIN, EVENT, None)["aws.event"],
    "scope": lambda: asgi.build_scope(LOGIN, EVENT, None, {})["aws.event"],
}


@pytest.fixture(params=MAKERS)
def event(request: pytest.FixtureRequest) -> Any:
    return MAKERS[request.param]()


def walk(found: Any, depth: int = 8) -> list[str]:
    """All that an object shows to those who look for maps, sequences, attributes and slots in it."""
    texts = [repr(found), str(found), f"{found}", reprlib.repr(found), pprint.pformat(found)]
    if depth:
        parts: list[Any] = [getattr(found, name) for name in dir(found) if not name.startswith("__")]
        parts += getattr(found, "__dict__", {}).values()
        slots = [name for kind in type(found).__mro__ for name in getattr(kind, "__slots__", ())]
        parts += [getattr(found, name, None) for name in slots]
        if isinstance(found, dict):
            parts = [*found.keys(), *found.values()]
        elif isinstance(found, list | tuple | set | frozenset):
            parts = list(found)
        elif isinstance(found, str | bytes | int) or callable(found):
            parts = []
        texts += [text for part in parts for text in walk(part, depth - 1)]
    return texts


def show(name: str, found: Any) -> str:
    return {
        "walk": lambda: "\n".join(walk(found)),
        "pprint": lambda: pprint.pformat({"aws.event": found}, width=20),
        "json": lambda: json.dumps({"aws.event": found}, default=str),
        "percent": lambda: "%s %r" % (found, found),  # noqa: UP031 (the other way to print)
        "pickle": lambda: repr(pickle.dumps({"aws.event": found})),
        "pickle 0": lambda: repr(pickle.dumps(found, 0)),
        "copy": lambda: repr([copy.copy(found), copy.deepcopy(found), copy.deepcopy({"aws.event": found})]),
        "reduce": lambda: repr([found.__reduce__(), found.__reduce_ex__(4)]),
        "logging": lambda: logging.LogRecord("x", 20, "x", 1, "%s", (found,), None).getMessage(),
    }[name]()


@pytest.mark.parametrize(
    "way", ["walk", "pprint", "json", "percent", "pickle", "pickle 0", "copy", "reduce", "logging"]
)
def test_nothing_that_prints_the_event_shows_what_is_in_it(event, way):
    shown = show(way, event)
    assert [secret for secret in SECRETS if secret in shown] == []


def test_it_tells_its_source(event):
    assert repr(event) == "<event of http_api>"
    assert repr(hide({"source": "aws.events"})) == "<event>"


def test_an_app_reads_it_as_it_reads_a_dict(event):
    assert event["requestContext"]["http"]["sourceIp"] == ""
    assert event["headers"]["authorization"] == f"Bearer {TOKEN}"
    assert event.get("rawPath") == "/login"
    assert event.get("nothing") is None
    assert event.get("nothing", "else") == "else"
    assert "rawPath" in event
    assert "nothing" not in event
    assert len(event) == len(EVENT)
    assert list(event) == list(event.keys()) == list(EVENT)
    assert list(event.values()) == list(EVENT.values())
    assert dict(event.items()) == dict(event) == {**event} == EVENT
    assert event == EVENT
    assert [event] == [EVENT]
    assert event == MAKERS["environ"]()
    assert event != {}
    assert event != "an event"
    with pytest.raises(KeyError, match="nothing"):
        event["nothing"]


def test_it_is_none_of_what_serialisers_walk(event):
    from collections.abc import Mapping, Sequence

    assert not isinstance(event, dict | Mapping | Sequence)
    with pytest.raises(TypeError):
        vars(event)
    with pytest.raises(TypeError):
        json.dumps(event)


def test_a_deep_copy_of_it_is_an_event_of_its_own(event):
    copied = copy.deepcopy(event)
    assert copied == event
    assert copied["headers"] is not event["headers"]
    assert copy.copy(event) == event


def test_sentry_shows_nothing_of_it(event):
    from sentry_sdk.serializer import serialize

    for options in ({}, {"is_vars": True}, {"max_request_body_size": "always"}):
        shown = json.dumps(serialize({"extra": {"environ": {"aws.event": event}}}, **options))
        assert "event of http_api" in shown
        assert [secret for secret in SECRETS if secret in shown] == []


def test_the_debugger_of_werkzeug_shows_nothing_of_it(event):
    from werkzeug.debug.repr import DebugReprGenerator

    generator = DebugReprGenerator()
    shown = generator.repr({"aws.event": event}) + generator.dump_object(event)
    assert "event of http_api" in shown
    assert [secret for secret in SECRETS if secret in shown] == []


def test_what_an_app_raises_is_logged_without_the_variables_of_the_adapter(caplog, context):
    # Reporters that listen to the log print the local variables of each frame of a traceback.
    def app(environ, start_response):
        raise LookupError("broken")

    async def asgi_app(scope, receive, send):
        raise LookupError("broken")

    adapters = [Adapter(app), Adapter(asgi_app)]
    for adapter in adapters:
        assert adapter(EVENT, context)["statusCode"] == 500
        adapter.close()
    failures = [record for record in caplog.records if "failed" in record.getMessage()]
    assert len(failures) == 2
    for record in failures:
        assert record.exc_info[2] is record.exc_info[1].__traceback__
        frames, step = [], record.exc_info[2]
        while step:
            frames.append(step.tb_frame)
            step = step.tb_next
        assert frames[-1].f_code.co_name in ("app", "asgi_app")
        ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("lambdify")]
        shown = repr([dict(frame.f_locals) for frame in ours])
        assert PASSWORD not in shown


DJANGO = """
import json, sys
from django.conf import settings
debug = sys.argv[1] == "debug"
settings.configure(
    DEBUG=debug, SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    ADMINS=[("Ada", "ada@shop.example")],
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend", DEFAULT_CHARSET="utf-8",
    LOGGING={
        "version": 1, "disable_existing_loggers": False,
        "handlers": {"mail": {"class": "django.utils.log.AdminEmailHandler", "include_html": True}},
        "loggers": {"django.request": {"handlers": ["mail"], "level": "ERROR", "propagate": False}},
    },
)
import django
django.setup()
from django.core import mail
from django.urls import path
from django.views.decorators.debug import sensitive_post_parameters
from lambdify.adapter import Adapter

@sensitive_post_parameters("password")
def login(request):
    request.POST
    raise LookupError("the view raises")

urlpatterns = [path("login", login)]
if sys.argv[2] == "wsgi":
    from django.core.wsgi import get_wsgi_application as make
else:
    from django.core.asgi import get_asgi_application as make
adapter = Adapter(make())
answer = adapter(json.load(sys.stdin), None)
adapter.close()
mail.outbox = getattr(mail, "outbox", [])
sent = [[m.body, *(part for part, _ in m.alternatives)] for m in mail.outbox]
print(json.dumps([answer["statusCode"], answer["body"], sent]))
"""


def run(code: str, tmp_path: Path, *arguments: str) -> Any:
    script = tmp_path / "site_.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, *arguments],
        input=json.dumps(EVENT),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_the_error_mail_of_django_holds_neither_the_cookie_nor_the_password(tmp_path, interface):
    status, _, sent = run(DJANGO, tmp_path, "production", interface)
    assert status == 500
    ((text, page),) = sent
    for shown in (text, page):
        assert "the view raises" in shown
        assert "/login" in shown
        assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_the_debug_page_of_django_shows_nothing_of_the_event(tmp_path, interface):
    status, page, _ = run(DJANGO, tmp_path, "debug", interface)
    assert status == 500
    assert "the view raises" in page
    # It is for the developer, and shows what was posted; the session and the token are hidden there too.
    assert [secret for secret in (COOKIE, TOKEN) if secret in page] == []
    assert page.count(PASSWORD) <= 4  # where Django itself shows it: request.POST, and the body that it kept
    assert "rawPath" not in page


FLASK = """
import json, sys
from flask import Flask, request
from lambdify.adapter import Adapter

app = Flask(__name__)

@app.post("/login")
def login():
    environ = request.environ
    raise LookupError("the view raises")

from werkzeug.debug import DebuggedApplication
app.debug = True
adapter = Adapter(DebuggedApplication(app, evalex=True, pin_security=False))
answer = adapter(json.load(sys.stdin), None)
typed = [frame.eval("dump()") for frame in adapter.app.frames.values() if "environ" in frame.local_ns]
print(json.dumps([answer["statusCode"], answer["body"], typed]))
"""


def test_the_page_of_werkzeugs_debugger_shows_nothing_of_the_event(tmp_path):
    status, page, typed = run(FLASK, tmp_path)
    assert status == 500
    assert "the view raises" in page
    assert [secret for secret in SECRETS if secret in page] == []
    assert typed
    for variables in typed:  # of a frame, as its console shows them: headers are in environ on any server
        assert "event of http_api" in variables
        assert PASSWORD not in variables
        assert "rawPath" not in variables
