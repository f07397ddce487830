"""uv as a subprocess, with the settings that resolving for another machine needs.

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
"""Which interpreter builds metadata. Left to itself uv tries every one on PATH for the function's version,
and UV_PYTHON does not keep it from that: two seconds under pyenv."""

NO_BUILD = "--no-build"
"""Has uv start no build backend."""

# What belongs to the developer's own environments and would bend a run that is not for them.
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


# What changes how uv goes about its work, not what comes of it.
_IRRELEVANT_VARIABLES = frozenset(
    {"UV_CACHE_DIR", "UV_NO_PROGRESS", "UV_RUN_RECURSION_DEPTH", "UV_PYTHON_DOWNLOADS"}
)

_FIND_LOCK = Lock()


def settings_in_environment() -> tuple[tuple[str, str], ...]:
    """Return the variables that have a say in a resolution, without credentials; by name."""
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
) -> Outcome:
    """Run uv and return how it went.

    `extra` are variables for uv itself, `build` for the build backends that it starts, which see `indexes`
    and little else. Without `builds`, uv fails where one would have to run.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED_VARIABLES}
    environment |= {
        # uv would fetch the function's Python before it resolves for it: seven seconds of retries where there
        # is no way out, and never needed, since nothing of the function's is run here.
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    environment |= extra or {}
    if NO_BUILD in arguments:
        return run([find_uv(), *arguments], cwd=cwd, environment=environment)
    with backends.isolated(indexes or Indexes(), build or {}, allowed=builds) as apart:
        return run([find_uv(), *arguments], cwd=cwd, environment={**environment, **apart})


def find_uv() -> str:
    """Return the path of uv's program."""
    # Imported here: the package is a dependency, and finding its binary touches the disk.
    from uv import find_uv_bin

    # It asks sysconfig, which gives no answer to who asks for the first time in another thread
    with _FIND_LOCK:
        return find_uv_bin()
