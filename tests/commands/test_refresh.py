"""A rotated secret, and `deploy --refresh`, in a local cloud: the value that requests are answered with."""

import urllib.request

import pytest
from commands import own_cloud

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
import os

def app(environ, start_response):
    start_response("200 OK", [])
    return [os.environ["TOKEN"].encode()]
"""
SETTINGS = """
name = "rotated"
[warm]
every = "off"
[function]
python = "3.11"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run("deploy", ...)` is a command in the project's folder."""
    root = tmp_path_factory.mktemp("rotated")
    (root / "app.py").write_text(APP)
    (root / "lambdify.toml").write_text(SETTINGS)
    with own_cloud.opened(root, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def test_a_rotated_secret_is_read_by_every_environment_after_a_refresh(run):
    run("secrets", "set", "TOKEN", "--local", stdin="first")
    deployed = run("deploy", "--local")
    assert deployed.returncode == 0, deployed.stderr
    url = deployed.stdout.strip()
    assert ask(url) == "first"

    told = run("secrets", "set", "TOKEN", "--local", stdin="second").stderr
    assert "`lambdify deploy dev --refresh --local` has all of them start anew." in told
    unchanged = run("deploy", "--local")
    assert "Nothing has changed" in unchanged.stderr
    assert ask(url) == "first", "an environment keeps what it has read"

    shown = run("deploy", "--local", "--refresh", "--dry-run")
    assert "Environment.Variables.LAMBDIFY_REFRESHED" in shown.stdout
    refreshed = run("deploy", "--local", "--refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    assert refreshed.stdout.strip() == url
    assert ask(url) == "second"
    assert "LAMBDIFY_REFRESHED" not in run("env", "--local").stdout
    assert "Nothing has changed" in run("deploy", "--local").stderr
