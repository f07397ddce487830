"""The commands of the pipeline as GitHub runs them, against the local cloud: two previews side by side."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands.own_cloud import LAMBDIFY, Run, make_environ, opened
from ruamel.yaml import YAML

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'%s']\n"
SETTINGS = 'name = "shop"\nregion = "eu-central-1"\n[stages.production]\n[stages."pr-*"]\n'
UVX = f"""#!/bin/sh
# As uvx would run the release of that version: this one, with the cloud of this machine for AWS.
case "$1" in lambdify-cli@*) shift ;; *) exit 64 ;; esac
case "$1" in check|package) exec {LAMBDIFY} "$@" ;; esac
exec {LAMBDIFY} "$@" --local
"""


class Workflow:
    """A checkout of the project, in which the jobs of the workflow run."""

    def __init__(self, folder: Path, environ: dict[str, str], run: Run) -> None:
        self.folder, self.environ, self.lambdify = folder, environ, run
        self.jobs: dict[str, Any] = {}

    def read(self) -> None:
        """Read the jobs of the file that `lambdify ci` has written."""
        text = (self.folder / ".github" / "workflows" / "lambdify.yml").read_text()
        self.jobs = YAML(typ="safe").load(text)["jobs"]

    def job(self, name: str, number: int = 0) -> dict[str, str]:
        """Run the commands of a job for a pull request; return the outputs. They have to succeed."""
        outputs = self.folder / "outputs"
        outputs.write_text("")
        for step in self.jobs[name]["steps"]:
            if "run" not in step:
                continue
            script = re.sub(r"\$\{\{ github\.event\.number \}\}", str(number), step["run"])
            assert "${{" not in script
            done = subprocess.run(
                ["bash", "-e", "-c", script],  # GitHub's default
                cwd=self.folder,
                env=self.environ | {"GITHUB_OUTPUT": str(outputs)},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in outputs.read_text().splitlines())


@pytest.fixture
def workflow(tmp_path: Path) -> Iterator[Workflow]:
    project, programs = tmp_path / "shop", tmp_path / "bin"
    project.mkdir()
    programs.mkdir()
    (project / ".git").mkdir()
    (project / "lambdify.toml").write_text(SETTINGS)
    (project / "requirements.txt").write_text("")
    (project / "app.py").write_text(APP % "production")
    (programs / "uvx").write_text(UVX)
    (programs / "uvx").chmod(0o755)
    environ = make_environ(tmp_path / "home")
    environ["PATH"] = os.pathsep.join([str(programs), str(Path(sys.executable).parent), environ["PATH"]])
    with opened(project, environ) as run:
        yield Workflow(project, environ, run)


def test_previews_live_side_by_side_and_leave_nothing(workflow: Workflow) -> None:
    written = workflow.lambdify("ci", "github", "production", "--previews")
    assert written.returncode == 0, written.stderr
    workflow.read()

    stages = {}
    for number in (7, 8):
        (workflow.folder / "app.py").write_text(APP % f"preview {number}")
        stages[number] = workflow.job("preview", number)["url"]
    assert [httpx.get(url).text for url in stages.values()] == ["preview 7", "preview 8"]
    listed = workflow.lambdify("previews", "--local")
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    shown = [(stage, url) for stage, *_, url in rows]
    assert shown == [("pr-8", stages[8]), ("pr-7", stages[7])], "with the addresses that answer"

    workflow.job("prune")
    assert "pr-7" in workflow.lambdify("previews", "--local").stdout, "three days have not passed"
    workflow.job("remove", 7)
    workflow.job("remove", 7)  # nothing is there any more, and that is no failure
    assert "pr-7" not in workflow.lambdify("previews", "--local").stdout

    pruned = workflow.lambdify("previews", "prune", "--older", "0s", "--local")
    assert pruned.stdout == "pr-8: gone.\n"
    assert workflow.lambdify("previews", "--local").stdout == "There are no previews.\n"
    assert workflow.lambdify("status", "pr-8", "--local").returncode == 44

    (workflow.folder / "app.py").write_text(APP % "production")
    assert httpx.get(workflow.job("deploy")["url"]).text == "production"
    pruned = workflow.lambdify("previews", "prune", "--older", "0s", "--local")
    assert pruned.stdout == "No preview is that old.\n", "a stage with a table of its own is no preview"


def test_a_pull_request_is_checked_where_there_are_no_previews(workflow: Workflow) -> None:
    assert workflow.lambdify("ci", "github", "production").returncode == 0
    workflow.read()
    workflow.job("check")
