"""Projects made of a few lines, and the installed `lambdify` run on them as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
LAMBDIFY = Path(sys.executable).with_name("lambdify")


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Make a project of files and their texts in a folder called "shop"; the value is the folder."""

    def make(files: Mapping[str, str]) -> Path:
        root = tmp_path / "shop"
        root.mkdir()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return root

    return make


@pytest.fixture
def lambdify(tmp_path: Path) -> Run:
    """Run the installed command in a folder, far from the AWS settings of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {"PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE"}
    clean = {name: value for name, value in os.environ.items() if name in kept} | {
        "HOME": str(home),
        "LAMBDIFY_HOME": str(tmp_path / "lambdify-home"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(
        *arguments: str, cwd: Path = home, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAMBDIFY, *arguments],
            cwd=cwd,
            env=clean | dict(env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
