"""What the tests of the bundle share: writing a project, and a console that can be read."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli.console import Console

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Writes files, given as {path: text or bytes}, into a project's folder, and gives the folder."""

    def write(files: dict[str, str | bytes], folder: str = "project") -> Path:
        root = tmp_path / folder
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture
def story() -> io.StringIO:
    """What the console says."""
    return io.StringIO()


@pytest.fixture
def console(story: io.StringIO) -> Console:
    return Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=story, environ={})


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
