"""Projects of other tools, moved in as `lambdify init` does it."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lambdify.cli import init as room
from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.moving import draft, present
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Setting
from lambdify.cli.settings import Settings

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


class MovedIn(NamedTuple):
    """A project after `init`."""

    root: Path
    text: str
    story: str
    settings: Mapping[str, tuple[Setting, ...]]
    """By stage."""

    def load(self, stage: str | None = None) -> Settings:
        return settings.load(self.root, stage=stage)

    def fate(self, key: str, stage: str = "") -> tuple[str, str]:
        """What became of a setting, and why."""
        chosen = self.settings[stage or next(iter(self.settings))]
        found = [each for each in chosen if each.key == key]
        assert len(found) == 1, [each.key for each in chosen]
        return found[0].verdict.value, found[0].why


@pytest.fixture
def move(project: Callable[[Mapping[str, str]], Path]) -> Callable[..., MovedIn]:
    """`move({"zappa_settings.json": ...})`: the project with these files, and a Flask app, moved in."""

    def moved_in(files: Mapping[str, str], **asked: Any) -> MovedIn:
        root = project({"app.py": FLASK, "requirements.txt": "flask\n"} | dict(files))
        code = Code(root)
        written = room.compose(root, code, present.read(root, code, asked.get("only", "")))
        by_stage: dict[str, tuple[Setting, ...]] = {}
        for each in written.moved:
            for stage, found in each.stages.items():
                by_stage[stage] = (*by_stage.get(stage, ()), *found)
        story = io.StringIO()
        console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=story, environ={})
        text = room.init(root, console, **asked).read_text()
        for stage in by_stage:
            settings.load(root, stage=stage or draft.USUAL)
        return MovedIn(root, text, story.getvalue(), by_stage)

    return moved_in
