"""Every command on a stage that is really deployed, in a local cloud of its own, and its two streams."""

import json
import os
import pty
import signal
import socket
import subprocess
import urllib.request

import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
import os

def app(environ, start_response):
    print("asked for", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"Hello from {os.environ.get('SITE', 'nowhere')}".encode()]
"""
SETTINGS = """
name = "hello"
[function]
python = "3.11"
[environment]
SITE = "the default"
[stages.live.environment]
SITE = "the live one"
"""
"""No dependencies: what is tested here is the command line."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("hello")
    (root / "app.py").write_text(APP)
    (root / "lambdify.toml").write_text(SETTINGS)
    return root


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    return own_cloud.make_environ(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def lambdify(project, environ):
    with own_cloud.opened(project, environ) as run:
        yield run


@pytest.fixture(scope="module")
def deployed(lambdify):
    done = lambdify("deploy", "--local")
    assert done.returncode == 0, done.stderr
    return done


def get(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read().decode()


def test_deploy_prints_the_endpoint_and_nothing_else(deployed):
    assert deployed.stdout.startswith("http://127.0.0.1:")
    assert deployed.stdout.count("\n") == 1
    assert get(deployed.stdout.strip()) == "Hello from the default"


def test_the_story_tells_what_was_found_and_what_changes(deployed):
    assert "Found WSGI app app:app: app.py:4  def app(environ, start_response)" in deployed.stderr
    assert "AWS::Lambda::Function" in deployed.stderr
    assert "GET / → 200" in deployed.stderr
    assert deployed.stderr.endswith(
        "\n  Next: `lambdify logs dev --follow --local` shows its log, "
        '`lambdify status dev --local` how it does; "lambdify deploy dev" puts it on AWS.\n'
    )


def test_deploying_again_changes_nothing_and_says_so(deployed, lambdify):
    again = lambdify("deploy", "--local", "--json")
    answer = json.loads(again.stdout)
    assert (answer["endpoint"], answer["changed"]) == (deployed.stdout.strip(), False)
    assert "Nothing has changed" in again.stderr


def test_another_stage_is_another_deployment(deployed, lambdify):
    live = lambdify("deploy", "live", "--local", "--quiet")
    assert (live.stderr, live.returncode) == ("", 0)
    assert get(live.stdout.strip()) == "Hello from the live one"
    assert get(deployed.stdout.strip()) == "Hello from the default"
    shown = json.loads(lambdify("local", "status", "--json").stdout)
    assert {stage["name"] for stage in shown} == {"hello-dev", "hello-live"}
    gone = lambdify("undeploy", "live", "--local")
    assert (gone.stdout, gone.returncode) == ("hello-live is gone.\n", 0)


def test_a_changed_stage_is_taken_back_and_brought_forward_again(deployed, lambdify, project):
    source = (project / "app.py").read_text()
    (project / "app.py").write_text(source.replace("Hello", "Goodbye"))
    site = lambdify("deploy", "--local").stdout.strip()
    assert get(site) == "Goodbye from the default"
    back = lambdify("rollback", "--local", "--json")
    assert json.loads(back.stdout) | {
        "left": 2,
        "release": 1,
        "version": "1",
        "endpoint": site,
    } == json.loads(back.stdout)
    assert get(site) == "Hello from the default"
    shown = json.loads(lambdify("releases", "--local", "--json").stdout)
    assert [(each["number"], each["state"]) for each in shown] == [(2, "rolled back"), (1, "live")]
    assert lambdify("rollback", "2", "--local").stdout == "hello-dev is at release 2, version 2.\n"
    refused = lambdify("rollback", "dev", "9", "--local")
    assert (refused.returncode, refused.stdout) == (47, "")
    (project / "app.py").write_text(source)
    assert get(lambdify("deploy", "--local").stdout.strip()) == "Hello from the default"


def test_status_shows_the_address_that_answers(deployed, lambdify):
    shown = [line.split(maxsplit=1) for line in lambdify("status", "--local").stdout.splitlines()]
    assert shown[0] == ["endpoint", deployed.stdout.strip()]
    assert shown[1][1].startswith("200 in ")
    assert json.loads(lambdify("status", "--local", "--json").stdout)["endpoint"] == deployed.stdout.strip()


def test_env_hides_the_values_until_they_are_asked_for(deployed, lambdify):
    hidden, shown = lambdify("env", "--local"), lambdify("env", "--local", "--show")
    assert [line.split()[0] for line in hidden.stdout.splitlines()] == ["Variable", "SITE"]
    assert "the default" not in hidden.stdout
    (site,) = [line for line in shown.stdout.splitlines() if line.startswith("SITE")]
    assert site.split(maxsplit=1)[1].split("  ") == ["as set", "'the default'"]


def test_open_prints_the_address_and_opens_a_browser_only_on_a_terminal(deployed, lambdify, project, environ):
    assert lambdify("open", "--local", "--path", "/admin").stdout == f"{deployed.stdout.strip()}/admin\n"
    seen = project / "seen"
    browser = project / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    ours, terminal = pty.openpty()
    opened = subprocess.run(
        [own_cloud.LAMBDIFY, "open", "--local"],
        cwd=project,
        env={**environ, "BROWSER": str(browser), "CI": ""},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        timeout=60,
    )
    os.close(terminal)
    os.close(ours)
    browser.unlink()
    assert opened.returncode == 0
    assert seen.read_text().strip() == deployed.stdout.strip()
    seen.unlink()


def test_invoke_shows_the_page_that_a_visitor_would_get(deployed, lambdify):
    shown = lambdify("invoke", "--http", "/some/page", "--tail", "--local")
    assert shown.stdout == "Hello from the default"
    assert "200 OK" in shown.stderr
    assert "asked for /some/page" in shown.stderr


def test_a_request_is_found_in_the_log_by_the_id_that_is_shown(deployed, lambdify):
    lambdify("invoke", "--http", "/to/be/found", "--local")
    found = eventually(lambda: lambdify("logs", "--local", "--filter", "/to/be/found").stdout)
    everything = lambdify("logs", "--local").stdout.splitlines()
    (line,) = [line for line in everything if "asked for /to/be/found" in line]
    # Columns are two spaces apart; soon after midnight, the first one is a day and a time.
    request = line.split("  ")[1]
    shown = lambdify("logs", "--local", "--request", request).stdout.splitlines()
    assert [text.split("  ")[2].split(":")[0] for text in shown if request in text] == [
        "asked for /to/be/found",
        "done",
    ]
    assert "asked for /to/be/found" in found


def test_invoke_prints_what_the_function_returns(deployed, lambdify):
    event = '{"lambdify": "keep-warm"}'
    assert json.loads(lambdify("invoke", event, "--local").stdout) == {"lambdify": "warm"}
    # As Notepad saves it.
    from_stdin = lambdify("invoke", "--file", "-", "--local", "--json", stdin=f"\ufeff{event}")
    live = json.loads(lambdify("status", "--local", "--json").stdout)["version"]
    assert json.loads(from_stdin.stdout) == {"payload": {"lambdify": "warm"}, "version": live}


def test_logs_print_what_the_app_wrote(deployed, lambdify):
    get(f"{deployed.stdout.strip()}/some/page")
    recent = ("logs", "--local", "--since", "5m")
    assert eventually(lambda: "asked for /some/page" in lambdify(*recent).stdout)
    lines = lambdify("logs", "--local", "--json").stdout.splitlines()
    assert any(json.loads(line)["message"] == "asked for /some/page" for line in lines)


def test_following_the_log_ends_with_ctrl_c(deployed, project, environ):
    follower = subprocess.Popen(
        [own_cloud.LAMBDIFY, "logs", "--local", "--follow"],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, story = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert "`lambdify local stop` ends it" in story


def test_a_port_that_is_taken_is_an_error_of_its_own(deployed, lambdify):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = lambdify("deploy", "--local", "--port", str(port))
    assert (failed.returncode, failed.stdout) == (50, "")
    assert str(port) in failed.stderr


def test_what_is_not_deployed_is_an_error_with_the_way_to_deploy_it(deployed, lambdify):
    failed = lambdify("status", "live", "--local")
    assert (failed.returncode, failed.stdout) == (44, "")
    assert 'error: Nothing is deployed as "hello-live"' in failed.stderr


@pytest.mark.parametrize("moment", ["Found WSGI app", "Uploading app-"])
def test_an_interrupted_deploy_leaves_nothing_half_made(deployed, lambdify, project, environ, moment):
    (project / "app.py").write_text(APP.replace("Hello", moment))
    started = subprocess.Popen(
        [own_cloud.LAMBDIFY, "deploy", "--local"],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    story = ""
    while moment not in story:
        story += os.read(started.stderr.fileno(), 4096).decode()
    started.send_signal(signal.SIGINT)
    answer, rest = started.communicate(timeout=60)
    assert (started.returncode, answer) == (130, b"")
    assert "error: Interrupted." in rest.decode()
    # Zips of before are left, and notes about them: all of them whole, or their names would begin with a dot.
    left = [path for path in (project / ".lambdify").rglob("*") if path.suffix not in (".zip", ".json")]
    assert [path.name for path in left if path.is_file()] == [".gitignore"]
    assert get(deployed.stdout.strip()) == "Hello from the default"
    # What was there is whole: the next deploy builds on it.
    assert lambdify("deploy", "--local").returncode == 0
    assert get(deployed.stdout.strip()) == f"{moment} from the default"
    (project / "app.py").write_text(APP)
    assert lambdify("deploy", "--local").returncode == 0


def test_an_update_tells_of_what_changes_and_verbose_of_the_rest(deployed, lambdify, project):
    path = project / "app.py"
    path.write_text(path.read_text() + "# one\n")
    brief = lambdify("deploy", "--local").stderr
    assert "Function  UPDATE_COMPLETE" in brief
    assert "Role  UPDATE_COMPLETE" not in brief
    path.write_text(path.read_text() + "# two\n")
    assert "Role  UPDATE_COMPLETE" in lambdify("deploy", "--local", "-v").stderr
