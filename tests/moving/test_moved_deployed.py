"""Projects of other tools, moved in by the command, checked, and deployed to the local cloud as they are."""

import json
import shlex
import shutil
import urllib.request
from pathlib import Path

import pytest
import terminal
from samples.command import Project, find_processes

from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

FLASK = """\
import os
from flask import Flask
app = Flask(__name__)
PASSWORD = os.environ["DB_PASSWORD"]

@app.get("/")
def home():
    return f"{os.environ['GREETING']} from {len(PASSWORD)} letters"
"""
FASTAPI = """\
import os
from fastapi import FastAPI
from mangum import Mangum
app = FastAPI()
handler = Mangum(app)

@app.get("/")
def home():
    return {"says": os.environ["GREETING"], "from": len(os.environ["DB_PASSWORD"])}
"""
JOBS = """\
def nightly(event, context):
    return {"rows": event["detail"]["rows"]}
"""
ZAPPA = {
    "dev": {
        "app_function": "app.app",
        "s3_bucket": "zappa-books",
        "project_name": "books",
        "runtime": f"python{pythons.RUNNING}",
        "timeout_seconds": 20,
        "environment_variables": {"GREETING": "hello", "DB_PASSWORD": "hunter5"},
        "events": [{"function": "jobs.nightly", "expression": "cron(0 6 * * ? *)", "kwargs": {"rows": 1}}],
        "domain": "books.example",
        "slim_handler": True,
    }
}
SERVERLESS = f"""\
service: books
provider:
  name: aws
  runtime: python{pythons.RUNNING}
  environment: {{GREETING: hello, DB_PASSWORD: "${{env:DB_PASSWORD}}"}}
functions:
  api:
    handler: HANDLER
    events: [{{httpApi: "*"}}]
  nightly:
    handler: jobs.nightly
    events: [{{schedule: rate(1 day)}}, {{sqs: {{arn: !GetAtt Work.Arn}}}}]
resources:
  Resources:
    Work: {{Type: "AWS::SQS::Queue", Properties: {{VisibilityTimeout: 600}}}}
"""
SAM = f"""\
Transform: AWS::Serverless-2016-10-31
Resources:
  Books:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.handler
      Runtime: python{pythons.RUNNING}
      MemorySize: 512
      Timeout: 20
      Environment: {{Variables: {{GREETING: hello, DB_PASSWORD: hunter5}}}}
      Events: {{All: {{Type: HttpApi}}}}
  Nightly:
    Type: AWS::Serverless::Function
    Properties:
      Handler: jobs.nightly
      Events: {{Daily: {{Type: Schedule, Properties: {{Schedule: rate(1 day)}}}}}}
"""
WSGI = SERVERLESS.replace("HANDLER", "wsgi_handler.handler") + "custom: {wsgi: {app: app.app}}\n"
PROJECTS = {
    "Zappa with Flask": ("zappa_settings.json", json.dumps(ZAPPA), FLASK, "hello from 7 letters"),
    "Serverless with its WSGI plugin": ("serverless.yml", WSGI, FLASK, "hello from 7 letters"),
    "Serverless with Mangum": (
        "serverless.yml",
        SERVERLESS.replace("HANDLER", "app.handler"),
        FASTAPI,
        '{"says":"hello","from":7}',
    ),
    "SAM with Mangum": ("template.yaml", SAM.replace("main.", "app."), FASTAPI, '{"says":"hello","from":7}'),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A local cloud of this module's own. At the end nothing of it may be left."""
    folder = tmp_path_factory.mktemp("cloud")
    yield folder
    Project(folder=folder, home=folder).run("local", "stop")
    assert find_processes(folder) == []
    shutil.rmtree(folder, ignore_errors=True)


def make(folder, home, file, text, app):
    """A project of another tool, called as its folder."""
    folder.mkdir()
    needed = "fastapi\nmangum\n" if app is FASTAPI else "flask\n"
    written = {
        file: text.replace("books", folder.name),
        "app.py": app,
        "jobs.py": JOBS,
        "requirements.txt": needed,
    }
    for name, content in written.items():
        (folder / name).write_text(content)
    return Project(folder=folder, home=home)


@pytest.mark.parametrize("kind", [each for each in PROJECTS if not each.startswith("Zappa")])
def test_what_init_writes_is_checked_and_deployed(tmp_path, home, kind):
    file, text, app, page = PROJECTS[kind]
    project = make(tmp_path / kind.lower().replace(" ", "-"), home, file, text, app)
    assert "by hand" in project.run("init").story
    checked = project.run("check", "--json").value
    assert [each["rule"] for each in checked["findings"] if each["level"] == "stops"] == []
    assert "DB_PASSWORD" in project.run("deploy", "--local", code=34).story
    project.run("secrets", "set", "DB_PASSWORD", "--local", typed="hunter7")
    done = project.run("deploy", "--local")
    assert read(done.answer) == page
    event = '{"detail": {"rows": 3}}'
    assert project.run("invoke", "--local", "--function", "nightly", event).value == {"rows": 3}


def read(address):
    with urllib.request.urlopen(address, timeout=60) as response:
        return response.read().decode()


# -------------------------------------------------------------------- the recorded terminal

PAGE = Path(__file__).parents[2] / "docs/moving-in.md"


def test_the_recorded_terminal_is_what_a_terminal_shows(tmp_path, home):
    file, text, app, page = PROJECTS["Zappa with Flask"]
    project = make(tmp_path / "books", home, file, text, app)
    shown, written_then = terminal.blocks(PAGE, "As a terminal shows it")
    for line, recorded in terminal.steps(shown):
        words, _, asks = line.removeprefix("lambdify ").partition("#")
        done = project.run(*shlex.split(words), code=None, typed="hunter7" if asks else None)
        said = [*done.story.splitlines(), *done.answer.splitlines()]
        assert terminal.holds(recorded, said), "\n".join([line, *said])
        if done.answer.startswith("http"):
            assert read(done.answer) == page
    written = (project.folder / "lambdify.toml").read_text()
    assert written == written_then.replace('python = "3.13"', f'python = "{pythons.RUNNING}"')
