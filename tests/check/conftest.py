"""Small projects, and what the check finds in them."""

from collections.abc import Callable, Mapping

import pytest

from lambdify.cli import settings
from lambdify.cli.check import examination
from lambdify.cli.console import Console
from lambdify.cli.detection import choice


@pytest.fixture
def examined(project) -> Callable[..., examination.Examination]:
    """`examined({"app.py": ...})`: the examination of a project of these files."""

    def examined(files: Mapping[str, str], overrides: Mapping[str, object] | None = None):
        root = project(files)
        chosen = settings.load(root, overrides={"name": "shop", **(overrides or {})})
        return examination.examine(chosen, choice.choose_app(chosen, Console(quiet=True)))

    return examined


@pytest.fixture
def found(examined) -> Callable[..., list[str]]:
    """`found(files)`: the findings as "level rule file:line"."""

    def found(files: Mapping[str, str], overrides: Mapping[str, object] | None = None) -> list[str]:
        return [f"{each.level} {each.rule} {each.place}" for each in examined(files, overrides).findings]

    return found
