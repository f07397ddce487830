"""The local cloud runs a function on a Python that this machine has, where the project leaves the choice."""

from pathlib import Path

import pytest
from samples.command import Project

from lambdify.cli import settings
from lambdify.cli.errors import PythonNotFound
from lambdify.cli.packing.target import runtimes
from lambdify.cli.programs.pythons import RUNNING
from lambdify.cli.runtime import choice
from lambdify.cli.runtime.choice import Choice

OTHER = next(minor for minor in reversed(runtimes()) if minor != RUNNING)
APP = "from flask import Flask\n\napp = Flask(__name__)\n"


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A machine with the Python that runs lambdify, and no other."""
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")


@pytest.mark.usefixtures("alone")
def test_another_one_that_the_project_allows_is_taken_and_said(tmp_path, console, story):
    chosen = Choice(python=OTHER, reason="Lambda's newest but one", allowed=tuple(runtimes()), is_open=True)
    taken, found = choice.here(settings.load(tmp_path), chosen, console)
    choice.tell(found, console)
    assert taken.function.python == RUNNING
    expected = f"Python {RUNNING}, since this machine has no {OTHER}, which it would be on AWS"
    assert expected in story.getvalue()


@pytest.mark.usefixtures("alone")
def test_what_a_file_asks_for_is_exchanged_with_a_caution(tmp_path, console, story):
    chosen = Choice(python=OTHER, reason="as .python-version asks", allowed=tuple(runtimes()))
    taken, found = choice.here(settings.load(tmp_path), chosen, console)
    choice.tell(found, console)
    assert taken.function.python == RUNNING
    expected = (
        f"Python {OTHER}, as .python-version asks, is not on this machine: the local cloud runs the app"
    )
    assert f"{expected} with {RUNNING}, and AWS with {OTHER}." in " ".join(story.getvalue().split())


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "chosen",
    [
        Choice(python=OTHER, reason="", allowed=tuple(runtimes())),
        Choice(python=OTHER, reason="as pyproject.toml asks", allowed=(OTHER,), is_open=True),
    ],
)
def test_what_the_settings_name_or_alone_is_allowed_is_not_exchanged(tmp_path, console, chosen):
    with pytest.raises(PythonNotFound, match=f"no Python {OTHER}"):
        choice.here(settings.load(tmp_path), chosen, console)


@pytest.mark.slow
@pytest.mark.cloud
@pytest.mark.index
def test_the_python_of_a_stage_stays_until_the_project_asks_for_another(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "app.py").write_text(APP)
    (shop / "requirements.txt").write_text("flask==3.1.2\n")
    project = Project(folder=shop, home=tmp_path / "home")
    config: Path = shop / "lambdify.toml"
    config.write_text(f'[function]\npython = "{RUNNING}"\n')
    try:
        project.run("deploy", "--local")
        config.unlink()
        assert f"Python {RUNNING}, as the stage is deployed" in project.run("deploy", "--local").story
        assert f"Python {RUNNING}, as the stage is deployed" in project.run("diff", "--local").story
        (shop / ".python-version").write_text("2.7\n")
        assert ".python-version asks for Python 2.7" in project.run("deploy", "--local", code=17).story
        project.run("logs", "--local")
    finally:
        project.run("local", "stop")
