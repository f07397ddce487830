"""What the tests of static files share: a project that is packed really, and what its table serves."""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle as bundles
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.rehearsal import question
from lambdify.cli.static.answer import Ask

APP = "def app(environ, start_response):\n    start_response('404 Not Found', [])\n    return []\n"
CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A bundle, and what is in its app's zip."""

    bundle: Bundle
    said: str
    asked: int
    """How often the app was asked."""

    @property
    def names(self) -> list[str]:
        with zipfile.ZipFile(self.bundle.app.path) as packed:
            return packed.namelist()

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.bundle.app.path) as packed:
            return packed.read(name)

    @property
    def table(self) -> dict[str, Any]:
        if ".lambdify/files.json" not in self.names:
            return {"files": {}}
        assert json.loads(self.read(".lambdify/bundle.json"))["files"] == ".lambdify/files.json"
        found: dict[str, Any] = json.loads(self.read(".lambdify/files.json"))
        return found

    @property
    def served(self) -> dict[str, list[str]]:
        """The rows of the table, by path."""
        rows: dict[str, list[str]] = self.table["files"]
        return rows


Pack = Callable[..., Packed]


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console, story: Any) -> Pack:
    """`pack(files, toml, **candidate)`: write these files into the project, and pack it as `package` does."""
    return packer(tmp_path, monkeypatch, console, story)


def packer(folder: Path, monkeypatch: pytest.MonkeyPatch, console: Console, story: Any) -> Pack:
    """Return what the fixture `pack` is, for a project in that folder."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(folder / "home"))
    root = folder / "shop"

    def run(files: Mapping[str, str | bytes] | None = None, toml: str = "", **of: Any) -> Packed:
        for name, content in {"app.py": APP, "lambdify.toml": toml, **(files or {})}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        loaded = settings_room.load(root)
        asked: list[object] = []

        def ask(subject: Any) -> Any:
            asked.append(subject)
            return partial(question.ask, loaded)(subject)

        before = len(story.getvalue())
        real: Ask = ask
        bundle = bundles.find(loaded, folder / "out", console) or bundles.pack(
            loaded, replace(CANDIDATE, **of), folder / "out", console, ask=real
        )
        return Packed(bundle=bundle, said=story.getvalue()[before:], asked=len(asked))

    return run
