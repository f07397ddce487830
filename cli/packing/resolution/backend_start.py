"""A program: how an interpreter begins that is to run a build backend; see `backends`.

It lies as sitecustomize.py on PYTHONPATH, so it runs before anything else. It puts another environment in
place of the one it was given, for good: the process begins again, and not even /proc shows what there was.
An interpreter for which that fails does not go on.
"""

import json
import os
import sys

ENVIRONMENT = "LAMBDIFY_BACKENDS"
"""The variable that holds the environment, as JSON; null where no backend may run."""
REFUSAL = "no code of a package runs on this machine"
_SET_BY_UV = ("PATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED")
"""What uv sets itself: where the requirements of a backend are, and that it waits for each line of output."""


def main() -> None:
    """Begin again, in the environment that is meant."""
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
        # `site` tells of other errors, and goes on.
        raise SystemExit(f"the build backend could not be kept apart: {error}") from error


if __name__ == "sitecustomize":
    main()
