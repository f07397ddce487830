"""An app in its folder runs as Lambda would run it, and ends with the command."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
from serve.conftest import PYTHON, Serve
from waiting import eventually, listens

from lambdify.cli.local import watchdog

pytestmark = pytest.mark.slow
HELLO = 'PAGES = {"/": lambda: "hello", "/boom": lambda: 1 / 0}\n'
SHOWN = """
import json, os, sys
PAGES = {"/": lambda: json.dumps({
    "folder": os.getcwd(), "file": __file__, "handler": os.environ["_HANDLER"],
    "colour": os.environ["COLOUR"],
    "version": sys.version_info[:2], "home": os.environ["HOME"], "own": os.environ.get("OF_THE_SHELL"),
    "table": os.path.isfile(os.environ["LAMBDA_TASK_ROOT"] + "/data/table.csv"),
    "root": sys.path[0],
})}
"""


def test_the_app_runs_in_its_folder_in_the_environment_of_a_function(serve: Serve):
    toml = '[environment]\nCOLOUR = "red"'
    serving = serve({"data/table.csv": "a,b"}, pages=SHOWN, toml=toml, env={"OF_THE_SHELL": "1"})
    shown = serving.get().json()
    assert shown["folder"] == shown["root"] == str(serving.root)
    assert shown["file"] == str(serving.root / "app.py")
    assert shown["handler"] == "lambdify.adapter.entry.handler"
    assert (shown["colour"], shown["own"], shown["table"]) == ("red", None, True)
    assert ".".join(map(str, shown["version"])) == PYTHON
    assert shown["home"].startswith("/tmp/")


def test_each_request_has_a_line_and_each_error_the_projects_frames(serve: Serve):
    serving = serve(pages=HELLO)
    assert serving.get().text == "hello"
    story = serving.story("GET /")
    line = next(line for line in story.splitlines() if "GET / " in line)
    assert line.split()[:3] == ["GET", "/", "200"]
    assert line.endswith(" ms")
    assert "http-api · 512 MB · 30 s" in story
    assert "RequestId" not in story
    assert httpx.get(serving.url, headers={"host": "evil.example"}).status_code == 403
    answer = serving.get("/boom")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.text
    story = serving.story("GET /boom   ")
    assert "    app.py:1 in <lambda>\n" in story
    assert story.index("ZeroDivisionError: division by zero") < story.index("GET /boom   ")


def test_sigterm_ends_everything(serve: Serve):
    serving = serve(pages=HELLO)
    serving.get()
    assert len(serving.processes()) >= 2
    started = serving.processes()
    assert serving.end(signal.SIGTERM) == 0
    assert not started & watchdog.processes().keys()
    assert not listens(serving.url.removeprefix("http://"))


def test_a_killed_serve_leaves_nothing_running(serve: Serve):
    pages = """
    import subprocess
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    PAGES = {"/": lambda: child.pid}
    """
    serving = serve(pages=pages)
    assert serving.get().text.isdecimal()
    started = serving.processes()
    assert int(serving.get().text) in started
    (left,) = Path("/tmp").glob(f"lambdify-serve-*-{serving.process.pid}")
    serving.end(signal.SIGKILL)
    assert eventually(lambda: not started & watchdog.processes().keys())
    serve(pages=HELLO)
    assert not left.exists(), "the next one clears it away, whosever that is"


def test_the_port_of_another_program_is_told(serve: Serve):
    serving = serve(pages=HELLO)
    port = serving.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"Port {port} of 127.0.0.1 is taken"):
        serve(None, "--port", port, pages=HELLO)


def test_secrets_are_variables_of_the_shell_or_placeholders(serve: Serve):
    pages = """
    import os
    PAGES = {"/": lambda: os.environ["SECRET_KEY"] + " " + os.environ["API_KEY"]}
    """
    toml = '[secrets]\nSECRET_KEY = "ssm:/shop/key"\nAPI_KEY = "ssm:/shop/api"'
    serving = serve(pages=pages, toml=toml, env={"API_KEY": "mine-42"})
    assert serving.get().text == "placeholder mine-42"
    story = serving.story("SECRET_KEY: placeholder")
    assert "mine-42" not in story


def test_responses_are_streamed_where_they_are_on_lambda(serve: Serve):
    app = """
    def app(environ, start_response):
        start_response("200 OK", [("content-type", "text/plain")])
        yield b"one "
        yield b"two"
    """
    toml = '[http]\nendpoint = "function-url"\nstreaming = true'
    serving = serve({"app.py": dedent(app)}, toml=toml)
    answer = serving.get()
    assert answer.text == "one two"
    assert answer.headers["transfer-encoding"] == "chunked"


def test_ctrl_c_ends_what_is_at_work(serve: Serve):
    pages = """
    import subprocess, threading
    PAGES = {"/": lambda: "up", "/slow": lambda: subprocess.run(["sleep", "600"]) and "never"}
    """
    serving = serve(pages=pages)
    serving.get()
    before = serving.processes()
    with ThreadPoolExecutor(1) as aside:
        answer = aside.submit(serving.get, "/slow")
        assert eventually(lambda: len(serving.processes() - before) >= 1)
        started = serving.processes()
        assert serving.end(signal.SIGINT, whole_group=True) == 0
        assert answer.exception() or answer.result().status_code == 500
    assert eventually(lambda: not started & watchdog.processes().keys())
    assert not list(Path("/tmp").glob(f"lambdify-serve-*-{serving.process.pid}"))


def test_tasks_run_at_once(serve: Serve):
    pages = """
    from lambdify.adapter.tasks import task
    DONE = []

    @task
    def send(title):
        DONE.append(title)

    PAGES = {"/": lambda: send.enqueue("Dune").status + " " + " ".join(DONE)}
    """
    serving = serve(pages=pages, toml="[tasks]\nworkers = 2\n")
    assert serving.get().text == "SUCCESSFUL Dune"
