"""Variables that an app misses are asked for at a terminal, and written where they belong."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from stages import stage_in

from lambdify.cli import settings as settings_room
from lambdify.cli.command_line import missing_variables
from lambdify.cli.errors import AppCannotStart, Declined

LAMBDIFY = Path(sys.executable).with_name("lambdify")
TOML = """\
name = "shop"   # ours
region = "eu-central-1"

[environment]
# What is logged.
LOG_LEVEL = "info"

[tags]
team = "web"
"""


@pytest.fixture
def chosen(project):
    """The settings of a project with an environment file."""
    root = project({"lambdify.toml": TOML, ".env": "API_KEY=hush\nSHOP_REGION='eu'\n"})
    return settings_room.load(root)


def error_of(*names):
    error = AppCannotStart("The app cannot start: some are not set.")
    error.variables = names
    return error


def test_values_are_taken_from_a_file_or_typed_and_written_where_they_belong(chosen, stubbed, talk_to):
    stubbed.answers(
        "ssm.put_parameter",
        {"Version": 1, "Tier": "Standard"},
        Name="/shop/dev/API_KEY",
        Value="hush",
        Type="SecureString",
        Overwrite=True,
    )
    talk = talk_to("y\ny\ny\n 8000 \n")
    stage = stage_in(stubbed.account, chosen)
    assert missing_variables.offer(error_of("API_KEY", "SHOP_REGION", "PORT"), stage, talk.console)
    text = (chosen.root / "lambdify.toml").read_text()
    assert (
        text
        == TOML.replace('LOG_LEVEL = "info"\n', 'LOG_LEVEL = "info"\nSHOP_REGION = "eu"\nPORT = "8000"\n')
        + '\n[secrets]\nAPI_KEY = "ssm:/shop/{stage}/API_KEY"\n'
    )
    assert "Set API_KEY, SHOP_REGION and PORT now, and go on?" in talk.said
    assert "Take the value of API_KEY from .env?" in talk.said
    assert "API_KEY is stored as /shop/dev/API_KEY." in talk.said
    assert 'PORT = "8000"' in talk.said
    assert "hush" not in talk.said


def test_pyproject_toml_gets_the_line_where_it_has_the_settings(project, stubbed, talk_to):
    root = project(
        {"pyproject.toml": '[project]\nname = "shop"\n\n[tool.lambdify]\nstage = "dev"\n\n[tool.ruff]\n'}
    )
    stage = stage_in(stubbed.account, settings_room.load(root))
    assert missing_variables.offer(error_of("LOG_LEVEL"), stage, talk_to("y\ninfo\n").console)
    assert settings_room.load(root).environment == {"LOG_LEVEL": "info"}
    assert (root / "pyproject.toml").read_text().count("\n") == 10


@pytest.mark.parametrize("replies", ["n\n", "\n", "y\n\n"])
def test_without_a_yes_and_a_value_nothing_is_written(replies, chosen, stubbed, talk_to):
    stage = stage_in(stubbed.account, chosen)
    assert not missing_variables.offer(error_of("PORT"), stage, talk_to(replies).console)
    assert (chosen.root / "lambdify.toml").read_text() == TOML


def test_a_closed_terminal_declines(chosen, stubbed, talk_to):
    with pytest.raises(Declined):
        missing_variables.offer(error_of("PORT"), stage_in(stubbed.account, chosen), talk_to("y\n").console)


def test_without_a_terminal_nothing_is_offered(chosen, stubbed, talk):
    assert not missing_variables.offer(error_of("PORT"), stage_in(stubbed.account, chosen), talk.console)
    assert talk.said == ""


def test_another_error_offers_nothing(chosen, stubbed, talk_to):
    talk = talk_to("")
    assert not missing_variables.offer(error_of(), stage_in(stubbed.account, chosen), talk.console)


# -------------------------------------------------------------------- at a real terminal

APP = """
import os
KEY, LEVEL = os.environ["API_KEY"], os.environ["LOG_LEVEL"]
def app(environ, start_response):
    start_response("200 OK", [])
    return [f"{KEY} {LEVEL}".encode()]
"""


@pytest.mark.slow
@pytest.mark.cloud
@pytest.mark.index
def test_a_deployment_goes_on_with_what_was_typed(tmp_path, project):
    root = project({"app.py": APP, "lambdify.toml": 'app = "app:app"\n', ".env": "API_KEY=hush\n"})
    environ = {**os.environ, "LAMBDIFY_HOME": str(tmp_path / "home"), "TERM": "dumb", "CI": ""}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(root)
        os.execve(LAMBDIFY, ["lambdify", "deploy", "--local"], environ)
    try:
        shown = answer(terminal, {"now, and go on?": "y", "from .env?": "y", "Value of LOG_LEVEL": "info"})
        (url,) = re.findall(r"(?m)^(http://127\.0\.0\.1:\d+)", shown)
        assert httpx.get(url).text == "hush info"
    finally:
        os.waitpid(pid, 0)
        subprocess.run([LAMBDIFY, "local", "stop"], env=environ, capture_output=True, timeout=60, check=True)
    assert "hush" not in shown
    assert 'LOG_LEVEL = "info"' in (root / "lambdify.toml").read_text()
    assert shown.index("go on?") < shown.index("Uploading")


def answer(terminal, replies):
    """What a terminal shows until the process has ended, with replies typed where their questions come."""
    shown, waiting = "", dict(replies)
    try:
        while select.select([terminal], [], [], 120)[0]:
            shown += os.read(terminal, 4096).decode()
            for question, reply in list(waiting.items()):
                if question in shown:
                    os.write(terminal, f"{reply}\n".encode())
                    del waiting[question]
    except OSError:  # EIO: the process has ended
        pass
    assert waiting == {}, shown
    return shown.replace("\r", "")
