"""A stage with secrets and several warm environments in the local cloud, from the first missing secret on."""

from pathlib import Path

import httpx
import pytest

from lambdify.cli import aws, settings
from lambdify.cli.local.daemon import cloud

from .command import Project

pytestmark = [pytest.mark.cloud, pytest.mark.index, pytest.mark.slow]

APP = """
import os
from flask import Flask
app = Flask(__name__)
greeting = os.environ["GREETING"]
@app.get("/")
def home():
    return greeting + os.environ["TOKEN"]
"""
SETTINGS = """
name = "secretive"
[secrets]
TOKEN = "secretsmanager:secretive#token"
[warm]
concurrency = 3
every = "60 minutes"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "secretive"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("flask==3.1.*\n")
    (folder / "lambdify.toml").write_text(SETTINGS)
    project = Project(folder=folder, home=tmp_path / "home")
    monkeypatch.setenv("LAMBDIFY_HOME", str(project.home))
    yield project
    project.run("local", "stop")


def store(project: Project) -> None:
    """Put the secrets where the settings say, as somebody does who may."""
    running = cloud.find()
    chosen = cloud.prepare(settings.load(project.folder), running)
    account = aws.connect(chosen, endpoint_url=running.endpoint_url, credentials=running.credentials)
    secret = '{"token": "morning"}'
    account.client("secretsmanager").create_secret(Name="secretive", SecretString=secret)


def environments(project: Project) -> int:
    (stage,) = project.run("local", "status", "--json").value
    return stage["environments"]


def test_secrets_reach_the_app_and_nothing_else_and_three_environments_stay_warm(project):
    # It starts the local cloud, since without its secrets the app cannot be deployed there.
    done = project.run("secrets", "set", "GREETING", "--local", typed="good \n")
    assert 'lambdify.toml, line 5: GREETING = "ssm:/secretive/{stage}/GREETING"' in done.story
    project.run("secrets", "set", "GREETING", "--local", code=2, typed="")
    failed = project.run("deploy", "--local", code=34)
    assert "there is no value of TOKEN (secretsmanager:secretive#token)" in failed.story

    store(project)
    deployed = project.run("deploy", "--local")
    assert environments(project) >= 3, "they are started before anybody comes"
    assert "did not start" not in deployed.story
    site = deployed.answer
    assert httpx.get(site).text == "good morning"

    commands = (
        ["env", "--show", "--local"],
        ["logs", "--local"],
        ["releases", "--json", "--local"],
        ["template"],
        ["secrets", "list", "--local", "--json"],
    )
    shown = [project.run(*words) for words in commands]
    assert not any("morning" in each.answer + each.story for each in shown)

    project.run("invoke", "--local", '{"lambdify": "keep-warm", "concurrency": 3}')
    assert environments(project) >= 3

    asked = project.run("secrets", "unset", "GREETING", "--local", code=2)
    assert "The live release of secretive-dev reads GREETING whenever it starts" in asked.story
    project.run("secrets", "unset", "GREETING", "--local", "--yes")
    assert "GREETING" not in (project.folder / "lambdify.toml").read_text()
