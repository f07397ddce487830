"""The variable that tells the function the interface of an app that hides it, beside the project's own."""

import json

import pytest

from lambdify.cli.errors import SettingsError
from lambdify.cli.rehearsal import gate
from lambdify.cli.storage import seal

FULL = 4096 - len('{"AB":""}')


@pytest.fixture
def told(make_settings, monkeypatch, tmp_path):
    """The settings after a rehearsal that has found an ASGI app; its environment has so many letters."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))

    def told(letters):
        settings = make_settings(overrides={"environment": {"AB": "x" * letters}})
        memory = {"kept": "", "app": "", "untold": "", "interface": "asgi"}
        seal.write(settings.root, gate._file_name(settings), json.dumps(memory))
        return gate.add_variable(settings)

    return told


def test_it_counts_among_the_variables_that_lambda_takes(told):
    ours = len(',"LAMBDIFY_INTERFACE":"asgi"')
    assert told(FULL - ours).environment["LAMBDIFY_INTERFACE"] == "asgi"
    with pytest.raises(SettingsError, match=r"holds 4097 bytes; Lambda takes 4096"):
        told(FULL - ours + 1)
