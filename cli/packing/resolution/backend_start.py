"""The start of an interpreter that runs a build backend; see `backends`.

This program is copied to PYTHONPATH as sitecustomize.py, so it runs before all other code. It starts the
interpreter again with a clean environment, so that not even /proc shows the old one. If that fails, the
interpreter ends.
"""

import json
import os
import sys

ENVIRONMENT = "LAMBDIFY_BACKENDS"
"""The variable that holds the clean environment, as JSON; null if no backend may run."""
REFUSAL = "no code of a package runs on this machine"
_SET_BY_UV = ("PATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED")
"""Variables that uv sets: the environment with the backend's requirements, and unbuffered output."""


def main() -> None:
    """Start the interpreter again, in the clean environment."""
    given = os.environ.get(ENVIRONMENT)
    if given is None:
        return
    try:
        clean = json.loads(given)
        if clean is None:
            raise SystemExit(REFUSAL)
        clean.update((name, os.environ[name]) for name in _SET_BY_UV if name in os.environ)
        os.execve(sys.executable, sys.orig_argv, clean)  # noqa: S606 - the very program that is running
    except (OSError, ValueError) as error:
        # `site` would print another exception and go on.
        raise SystemExit(f"the build backend could not be kept apart: {error}") from error


if __name__ == "sitecustomize":
    main()
