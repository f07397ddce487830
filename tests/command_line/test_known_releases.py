"""What is kept of releases has our seal, as all that a project's `.lambdify/` holds."""

import json

import pytest

from lambdify.cli.command_line import known_releases
from lambdify.cli.storage import seal


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("local", [True, False])
def test_the_next_deployment_takes_it_for_ours(tmp_path, local):
    known_releases.remember(tmp_path, "dev", {1: "live"}, local=local)
    assert seal.remove_unsealed(tmp_path) == ()
    assert known_releases.recall(tmp_path, "dev", local=local) == {1: "live"}


def test_what_a_repository_brings_is_not_shown(tmp_path):
    path = tmp_path / ".lambdify/releases/dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"7": "rm -rf ~"}))
    assert known_releases.recall(tmp_path, "dev", local=False) == {}
    known_releases.remember(tmp_path, "dev", {1: ""}, local=False)
    stolen = path.with_name("production.json")
    path.rename(stolen)
    assert known_releases.recall(tmp_path, "production", local=False) == {}
