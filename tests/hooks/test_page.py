"""What docs/hooks.md shows, run."""

import re
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.hooks.commands import this_machine
from lambdify.cli.hooks.template import amend

PAGE = (Path(__file__).parents[2] / "docs/hooks.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def test_its_settings_are_settings(tmp_path):
    (tmp_path / "lambdify.toml").write_text(block("toml"))
    hooks = settings.load(tmp_path).hooks
    assert (len(hooks.before_package), len(hooks.after_deploy), hooks.template) == (2, 1, "infra.py:template")


@pytest.mark.slow
def test_its_function_makes_a_template(make_settings, write, talk, complaints):
    named = {"hooks.template": "infra.py:template"}
    chosen = make_settings("production", named)
    (chosen.root / "infra.py").write_text(block("python"))
    made = amend(write(named, stage="production"), chosen, talk.console, this_machine())
    assert "Dashboard" in made.body["Resources"]
    assert complaints(made, "eu-central-1") == []
