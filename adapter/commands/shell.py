"""What `lambdify shell` begins with: the app, loaded as the function loads it.

    python -i -c "from lambdify.adapter.commands.shell import load_app; app = load_app()"

A Flask app has its context, as in `flask shell`; a Django app has been set up. An app that does not load
leaves its traceback, and a prompt.
"""

import json
import os
import site
import sys
from typing import Any

from lambdify.adapter import loading


def load_app() -> Any:
    """Return the app; None if the bundle has none. Raises AppNotLoaded, and errors of the app's modules."""
    path = os.path.join(os.environ["LAMBDA_TASK_ROOT"], ".lambdify", "bundle.json")
    with open(path, encoding="utf-8") as file:
        reference = json.load(file).get("app", "")
    found: Any = loading.load(reference) if reference else None
    if hasattr(found, "app_context"):
        found.app_context().push()
    site.setquit()  # exit() and quit(), also in the local cloud, where `site` has not run
    if sys.flags.interactive:
        print(f"Python {sys.version.split()[0]}; app is {reference or None}; Ctrl-D ends.", file=sys.stderr)
    return found
