"""lambdify doctor as it is called: exit code, JSON, one finding for region and credentials, no secret."""

import json
import subprocess

import pytest
from fixtures.command_line import LAMBDIFY

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY",
}
NOBODY = "http://127.0.0.1:9"

pytestmark = pytest.mark.slow


def ask(lambdify, root, *options, **environ):
    done = lambdify(
        "doctor", "--json", *options, cwd=root, env={"DOCKER_HOST": "tcp://127.0.0.1:1", **environ}
    )
    answer = json.loads(done.stdout)
    found = {each["name"]: each for each in answer["findings"]}
    assert answer["ok"] == (done.returncode == 0) == all(each["state"] != "failed" for each in found.values())
    assert all(each["way_out"] for each in found.values() if each["state"] != "ok")
    return found, done


def test_neither_region_nor_credentials_are_told_in_one_finding(lambdify, project):
    found, done = ask(lambdify, project({}))
    assert done.returncode == 1
    assert found["AWS"]["state"] == "failed"
    assert "there are no credentials, and no region is set" in found["AWS"]["said"]
    assert "aws configure" in found["AWS"]["way_out"]
    assert "AWS_REGION=" in found["AWS"]["way_out"]


def test_without_aws_it_is_not_missed(lambdify, project):
    found, done = ask(lambdify, project({}), "--local")
    assert "AWS" not in found
    assert found["local cloud"]["said"] == "not running; `lambdify deploy --local` starts it"
    assert found["uv"]["state"] == found["disk"]["state"] == found["settings"]["state"] == "ok"
    assert done.stderr.startswith("Looking at this machine")


def test_keys_are_never_shown_and_who_is_not_reached_is_said(lambdify, project):
    environ = {**KEYS, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": NOBODY, "AWS_MAX_ATTEMPTS": "1"}
    found, done = ask(lambdify, project({}), **environ)
    assert "cannot be reached" in found["AWS"]["said"]
    for key in KEYS.values():
        assert key not in done.stdout + done.stderr


def test_broken_settings_are_a_finding_among_the_others(lambdify, project):
    found, done = ask(lambdify, project({"lambdify.toml": "[function]\nmemmory = 1\n"}))
    assert found["settings"]["said"].startswith("lambdify.toml, line 2: there is no option")
    assert "memory" in found["settings"]["way_out"]
    assert found["uv"]["state"] == "ok"
    assert done.returncode == 1


def test_at_a_pipe_the_table_is_plain_text(lambdify, project):
    done = lambdify("doctor", cwd=project({}), env={"DOCKER_HOST": "tcp://127.0.0.1:1"})
    assert "✓ uv " in done.stdout
    assert "✗ AWS " in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("In the way of a deployment: ")
    assert done.returncode == 1


def test_a_state_of_a_cloud_that_nobody_can_read_is_told(lambdify, project, tmp_path):
    home = tmp_path / "lambdify-home"
    home.mkdir()
    (home / "cloud.json").write_text('{"version": "0.0.1"}')
    found, _ = ask(lambdify, project({}), "--local")
    assert found["local cloud"]["state"] == "warning"
    assert "lambdify local stop" in found["local cloud"]["way_out"]


def test_a_folder_that_is_gone_is_said_to_be(lambdify, tmp_path):
    script = f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir ../gone && exec {LAMBDIFY} doctor --local"
    failed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (failed.returncode, "The current folder is no longer there." in failed.stderr) == (2, True)
