"""The entry point of a bundle with functions: in a process of its own, as Lambda runs it."""

import json
import subprocess
from typing import Any

import pytest

from .entry_process import FLASK, HOME, INVOKE, KEEP_WARM

pytestmark = pytest.mark.slow

BY_ALIAS = """
import json, sys
from lambdify.adapter import entry
from types import SimpleNamespace
for alias, event in json.load(sys.stdin):
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:{alias}"
    context = SimpleNamespace(invoked_function_arn=arn, aws_request_id="42")
    print("ANSWER", json.dumps(entry.handler(event, context)))
"""
"""Each event is a pair: an alias, and the event itself."""


def answers(done: subprocess.CompletedProcess[str]) -> list[Any]:
    """What came of the events; what the functions write to the log is left out."""
    assert done.returncode == 0, done.stderr
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    return [json.loads(said) for word, _, said in lines if word == "ANSWER"]


REPORT = {"report": {"handler": "jobs:report", "sources": []}}
JOBS = "def report(event, context): return {'reported': event}"
WRITE = f"import pathlib\npathlib.Path('jobs.py').write_text({JOBS!r})\n"


def test_requests_are_the_apps_and_the_alias_is_the_functions(invoke):
    events = [("live", HOME), ("report", HOME), ("7", HOME), ("report", KEEP_WARM), ("live", KEEP_WARM)]
    done = invoke(FLASK, *events, script=WRITE + BY_ALIAS, functions=REPORT)
    live, report, version, reported, warm = answers(done)
    assert (live["body"], version["body"]) == ("home", "home")
    assert (report, reported) == ({"reported": HOME}, {"reported": KEEP_WARM})
    assert warm == {"lambdify": "warm"}
    assert done.stderr.splitlines() == ["imported", "called", "called"], "its module came with the first call"


def test_a_bundle_without_functions_imports_nothing_of_them(invoke):
    shown = "print([name for name in sys.modules if name.startswith('lambdify.adapter.')])\n"
    loaded = invoke(FLASK, script=INVOKE + shown).stdout
    assert "lambdify.adapter.entry" in loaded
    assert not {"functions", "records", "tasks", "after_reply"} & {
        name.strip("[]'\n ").rpartition(".")[2] for name in loaded.split(",")
    }


def test_a_bundle_may_have_functions_alone(invoke):
    done = invoke("", ("report", {}), app="x", script=WRITE + _without_app() + BY_ALIAS, functions=REPORT)
    assert answers(done) == [{"reported": {}}]


@pytest.mark.parametrize("event", [HOME, {"some": "event"}])
def test_without_an_app_what_comes_by_live_is_refused(invoke, event):
    done = invoke("", ("live", event), app="x", script=WRITE + _without_app() + BY_ALIAS, functions=REPORT)
    assert done.returncode == 1
    assert "EventUnknown: there is no web app here, only functions; it received an event with" in done.stderr


def _without_app() -> str:
    return (
        "import json, pathlib\nnote = pathlib.Path('.lambdify/bundle.json')\n"
        "held = json.loads(note.read_text())\ndel held['app']\nnote.write_text(json.dumps(held))\n"
    )


DJANGO = """
import django.db, sqlite3, threading
from django.conf import settings
settings.configure(
    SECRET_KEY="x", ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db", "CONN_MAX_AGE": 0}},
)
from django.core.wsgi import get_wsgi_application
from django.db import connection
urlpatterns = []
app = get_wsgi_application()

def ask():
    with connection.cursor() as cursor:
        rounds.append(cursor.execute("select 1").fetchone()[0])
    held.append(connection.connection)

rounds, held = [], []
close = django.db.close_old_connections

def close_and_note():
    close()
    rounds.append("main" if threading.current_thread() is threading.main_thread() else "other")

django.db.close_old_connections = close_and_note

def work(event, context):
    ask()

async def work_later(event, context):
    from asgiref.sync import sync_to_async
    await sync_to_async(ask)()

def look(event, context):
    try:
        held[0].execute("select 1")
    except sqlite3.ProgrammingError as error:
        return [rounds, str(error)]

async def look_later(event, context):
    from asgiref.sync import sync_to_async
    return await sync_to_async(look)(event, context)
"""


@pytest.mark.parametrize(
    ("work", "rounds"),
    [("work", ["main", 1, "main"]), ("work_later", ["main", "other", 1, "other", "main"])],
)
def test_djangos_connections_are_closed_when_they_are_too_old(invoke, work, rounds):
    functions = {
        "work": {"handler": f"main:{work}"},
        "look": {"handler": f"main:{work.replace('work', 'look')}"},
    }
    done = invoke(DJANGO, ("work", {}), ("look", {}), script=BY_ALIAS, functions=functions)
    nothing, (seen, error) = answers(done)
    assert nothing is None
    assert seen[: len(rounds)] == rounds
    assert error == "Cannot operate on a closed database."


def test_a_function_that_is_no_error_of_the_app_is_not_answered_as_one(invoke):
    broken = WRITE.replace("return {'reported': event}", "raise LookupError(event)")
    done = invoke(FLASK, ("report", 7), script=broken + BY_ALIAS, functions=REPORT)
    assert done.returncode == 1
    assert done.stderr.endswith("LookupError: 7\n")
    assert "ANSWER" not in done.stdout
