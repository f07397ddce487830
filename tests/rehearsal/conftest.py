"""What the tests of the rehearsal share: an app of a few lines, packed really and started really."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle as bundles
from lambdify.cli.rehearsal import start
from lambdify.cli.rehearsal.outcome import Outcome

Rehearse = Callable[..., Outcome]
APP = "def app(environ, start_response):\n    return []\n"
CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")


@pytest.fixture
def rehearse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console) -> Rehearse:
    """Pack a project whose app.py has these lines before its app, and start it."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))

    def run(
        code: str,
        files: dict[str, str] | None = None,
        toml: str = "",
        limit: float = 30.0,
        interface: Any = "wsgi",
        environ: Mapping[str, str] = os.environ,
    ) -> Outcome:
        root = tmp_path / "shop"
        given = {"app.py": f"{code}\n{APP}", "lambdify.toml": toml, **(files or {})}
        for name, text in given.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        settings = settings_room.load(root)
        candidate = replace(CANDIDATE, app=settings.app or CANDIDATE.app, interface=interface)
        bundle = bundles.pack(settings, candidate, tmp_path / "out", console)
        return start.rehearse(bundle, settings, limit=limit, environ=environ)

    return run
