"""Each new project goes to the local cloud as it is; and on the way, what doctor and a shell know then."""

import shutil
import urllib.request
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from samples.command import Project, find_processes

from lambdify.cli.main import commands
from lambdify.cli.new import project as room
from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

SHOWN = {"flask": "Middlemarch", "fastapi": '"/books"', "django": "Middlemarch", "worker": '"orders"'}
"""What stands on the first page."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A local cloud of this module's own. At the end nothing of it may be left."""
    folder = tmp_path_factory.mktemp("cloud")
    yield folder
    Project(folder=folder, home=folder).run("local", "stop")
    assert find_processes(folder) == []
    shutil.rmtree(folder, ignore_errors=True)


def new(template: str, folder: Path, home: Path) -> Project:
    made = room.create(folder / f"my-{template}", template)
    # On this Python nothing has to be installed.
    (made.folder / ".python-version").write_text(f"{pythons.RUNNING}\n")
    return Project(folder=made.folder, home=home)


def offered(*words):
    completed = BashComplete(commands, {}, "lambdify", "_LAMBDIFY_COMPLETE").get_completions(list(words), "")
    return {each.value for each in completed}


def look(project, name):
    found = project.run("doctor", "--local", "--json", code=None).value["findings"]
    return next(each for each in found if each["name"] == name)


@pytest.mark.parametrize("template", SHOWN)
def test_a_new_project_has_nothing_to_check_and_goes_up(template, tmp_path, home, monkeypatch):
    project = new(template, tmp_path, home)
    checked = project.run("check", "--json")
    assert (checked.value["findings"], checked.value["start"]["kind"]) == ([], "starts")
    done = project.run("deploy", "--local")
    assert "warning" not in checked.story + done.story
    with urllib.request.urlopen(done.answer, timeout=60) as response:
        assert (response.status, SHOWN[template] in response.read().decode()) == (200, True)
    if template == "worker":
        answer = project.run(
            "invoke", "--local", "--function", "report", '{"detail": {"kind": "full"}}'
        ).answer
        assert '"full"' in answer
    if template == "flask":
        cloud = look(project, "local cloud")
        assert (cloud["state"], "runs, with" in cloud["said"]) == ("ok", True)
        monkeypatch.chdir(project.folder)
        monkeypatch.setenv("LAMBDIFY_HOME", str(home))  # what is kept counts for who has kept it
        assert "1" in offered("rollback", "--local")
        project.run("releases", "--local")
        project.run("undeploy", "--local")
        assert "1" not in offered("rollback", "--local")
