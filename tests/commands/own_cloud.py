"""A project, and a local cloud that nobody else uses."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LAMBDIFY = Path(sys.executable).with_name("lambdify")
Run = Callable[..., subprocess.CompletedProcess[str]]


def make_environ(home: Path) -> dict[str, str]:
    """The variables for a cloud of one's own: a home of its own makes it; caches are shared."""
    return {**os.environ, "LAMBDIFY_HOME": str(home)}


@contextmanager
def opened(project: Path, environ: dict[str, str]) -> Iterator[Run]:
    """`run("deploy", ...)` is a command in the project's folder. At last the cloud ends."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAMBDIFY, *arguments],
            cwd=project,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    yield run
    assert run("local", "stop").returncode == 0
