"""uv as a subprocess, with settings for another machine as the target.

https://docs.astral.sh/uv/reference/environment/
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from lambdify.cli.packing.requirements.credentials import is_secret
from lambdify.cli.packing.requirements.indexes import PIP_VARIABLES, Indexes
from lambdify.cli.packing.resolution import backends
from lambdify.cli.programs import Outcome, run
from lambdify.cli.redaction import redact

PYTHON = ("--python", sys.executable)
"""The option for the interpreter that builds metadata. Without it, uv tries every interpreter on PATH to find
the function's version, even with UV_PYTHON, which takes two seconds under pyenv."""

NO_BUILD = "--no-build"
"""The option that forbids uv to start a build backend."""

# These variables configure the developer's own environments, and would change a run for the function.
_DROPPED_VARIABLES = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PROJECT",
    "UV_WORKING_DIRECTORY",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_NO_DEV",
    "UV_CONSTRAINT",
    "UV_REQUIRE_HASHES",
)


# These variables do not change the result of uv.
_IRRELEVANT_VARIABLES = frozenset(
    {"UV_CACHE_DIR", "UV_NO_PROGRESS", "UV_RUN_RECURSION_DEPTH", "UV_PYTHON_DOWNLOADS"}
)

_FIND_LOCK = Lock()


def settings_in_environment() -> tuple[tuple[str, str], ...]:
    """Return the variables that influence a resolution, without credentials, sorted by name."""
    ignored = _IRRELEVANT_VARIABLES.union(_DROPPED_VARIABLES)
    return tuple(
        (name, redact(value))
        for name, value in sorted(os.environ.items())
        if (name.startswith("UV_") and name not in ignored and not is_secret(name)) or name in PIP_VARIABLES
    )


def run_uv(
    arguments: Sequence[str],
    *,
    cwd: Path,
    extra: Mapping[str, str] | None = None,
    indexes: Indexes | None = None,
    build: Mapping[str, str] | None = None,
    builds: bool = True,
    limit: float | None = None,
) -> Outcome:
    """Run uv, and return its outcome.

    `extra` are variables for uv itself, `build` for its build backends, which otherwise get only `indexes`
    and a few listed variables. Without `builds`, uv fails if a build backend would have to run.
    It is stopped after `limit` seconds.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED_VARIABLES}
    environment |= {
        # uv would download the function's Python first, with seven seconds of retries if there is no network.
        # It is not needed, since no code of the function runs here.
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    environment |= extra or {}
    if NO_BUILD in arguments:
        return run([find_uv(), *arguments], cwd=cwd, environment=environment, limit=limit)
    with backends.isolated(indexes or Indexes(), build or {}, allowed=builds) as apart:
        return run([find_uv(), *arguments], cwd=cwd, environment={**environment, **apart}, limit=limit)


def find_uv() -> str:
    """Return the path of uv's program."""
    # The import searches the disk for uv's program, so it happens only when needed.
    from uv import find_uv_bin

    # The search uses sysconfig, whose first initialization is not safe in several threads.
    with _FIND_LOCK:
        return find_uv_bin()
