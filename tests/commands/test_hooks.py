"""[hooks] as whoever deploys meets them: when they run, what they know, exit codes, and what stands."""

import json
import os
from pathlib import Path

import pytest
from commands import own_cloud

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [open("page.html", "rb").read()]
"""
SETTINGS = """
name = "hooked"
[warm]
every = "off"
[function]
python = "3.11"
[hooks]
before_package = "{before}"
inputs = ["src.md"]
after_deploy = "{after}"
after_undeploy = "env > gone.txt; exit 4"
template = "infra.py:template"
"""
INFRA = """
def template(body):
    body["Resources"]["Function"]["Properties"]["MemorySize"] = 256
    return body
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("hooked")
    (root / "app.py").write_text(APP)
    (root / "infra.py").write_text(INFRA)
    (root / "src.md").write_text("hello")
    return root


@pytest.fixture(scope="module")
def run(project, tmp_path_factory):
    """`run("deploy", ...)` is a command in the project's folder."""
    with own_cloud.opened(project, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


def write(root: Path, before: str, after: str) -> None:
    (root / "lambdify.toml").write_text(SETTINGS.format(before=before, after=after))


def variables(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def test_the_life_of_a_stage_with_hooks(project, run):
    write(project, "cp src.md page.html; exit 3", "true")
    failed = run("deploy", "--local")
    assert failed.returncode == 19
    assert "[hooks] before_package: `cp src.md page.html; exit 3` ended with 3." in failed.stderr
    assert "Nothing was packed, and nothing uploaded." in failed.stderr
    assert run("releases", "--local").stdout == "No release is recorded.\n"

    write(project, "cp src.md page.html", f"env > {project.parent}/seen.txt")
    deployed = run("deploy", "--local")
    assert deployed.returncode == 0, deployed.stderr
    seen = variables(project.parent / "seen.txt")
    told = {name: value for name, value in seen.items() if name.startswith("LAMBDIFY_") and name not in KEPT}
    assert told == {
        "LAMBDIFY_HOOK": "after_deploy",
        "LAMBDIFY_NAME": "hooked",
        "LAMBDIFY_STAGE": "dev",
        "LAMBDIFY_REGION": "us-east-1",
        "LAMBDIFY_LOCAL": "1",
        "LAMBDIFY_ENDPOINT": deployed.stdout.strip(),
        "LAMBDIFY_RELEASE": "1",
        "LAMBDIFY_VERSION": "1",
        "LAMBDIFY_CHANGED": "1",
    }
    assert seen["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert seen["AWS_ACCESS_KEY_ID"].startswith("LAMBDIFY")

    write(project, "cp src.md page.html", "echo no; exit 9")
    again = run("deploy", "--local", "--json")
    assert again.returncode == 55
    assert json.loads(again.stdout)["changed"] is False, "the answer is there all the same"
    assert "hooked-dev is deployed, and stays so. But [hooks] after_deploy failed" in again.stderr
    assert "before_package does not run: its inputs are those of" in again.stderr
    assert "`lambdify deploy dev --local` runs it again" in again.stderr

    gone = run("undeploy", "--local")
    assert gone.returncode == 55
    assert "hooked-dev is gone." in gone.stdout
    assert "after_undeploy failed" in gone.stderr
    assert variables(project / "gone.txt")["LAMBDIFY_HOOK"] == "after_undeploy"


KEPT = {"LAMBDIFY_HOME", *(name for name in os.environ if name.startswith("LAMBDIFY_"))}
"""Variables of lambdify's own process that tests may set."""
