"""The installed `lambdify`, run as a user runs it, in folders that a test can look into afterwards."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "PYTHONPATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_PASSED_ON_BY_PREFIX = ("DOCKER_", "LAMBDIFY_", "COVERAGE_")


@dataclass(frozen=True)
class Lambdify:
    """Runs the command with a home, a cache and a folder for temporary files of its own."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def start(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        """Start it, behind the words `before`, and come back while it runs."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_BY_PREFIX)
        }
        home = Path.home()
        own = {
            "HOME": str(self.folder),
            "LAMBDIFY_HOME": str(self.folder / "home"),
            "LAMBDIFY_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
            # What is not lambdify's is shared: interpreters, and what uv has downloaded.
            "PYENV_ROOT": os.environ.get("PYENV_ROOT") or str(home / ".pyenv"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(home / ".cache" / "uv"),
        }
        return subprocess.Popen(
            [*before, str(Path(sys.executable).with_name("lambdify")), *arguments],
            cwd=cwd,
            env=kept | own | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    def __call__(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        with self.start(*arguments, cwd=cwd, env=env, before=before) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@pytest.fixture
def lambdify(tmp_path: Path) -> Lambdify:
    return Lambdify(tmp_path / "lambdify")
