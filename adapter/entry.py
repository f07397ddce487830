"""What Lambda calls in a deployed function: `lambdify.adapter.entry.handler`.

The only module with effects at import: it loads the app, so that its imports and its lifespan happen while
Lambda initialises, not in the first request. What to load stands in the bundle, in `.lambdify/bundle.json`:
{"app": "package.module:attribute"}, and for an app that is imported from a folder of the project also
"path": "src".

A keep-warm event is answered here, without the app. It is one key and nothing else, and an HTTP event has
many: no request can be taken for one, whatever its body says.
"""

import json
import os
import sys
from typing import Any

from lambdify.adapter import Adapter, loading
from lambdify.adapter.errors import AppNotLoaded, report

KEEP_WARM = {"lambdify": "keep-warm"}
WARM = {"lambdify": "warm"}


def handler(event: Any, context: Any) -> Any:
    """The payload for an event."""
    if event == KEEP_WARM:
        return WARM
    return respond(event, context)


def _load() -> Any:
    """The app as a Lambda handler: an app that is one already stays what it is."""
    root = os.environ["LAMBDA_TASK_ROOT"]
    bundle = _read_bundle(root)
    reference = bundle["app"]
    if "path" in bundle:
        # In front, as where `flask run` or `manage.py` is started in that folder.
        sys.path.insert(0, os.path.join(root, bundle["path"]))
    try:
        app = loading.load(reference)
    except ImportError as error:
        # The runtime reports an ImportError without its traceback, and as if it were about this module.
        report(f"while importing {reference!r}, this was raised", error, None)
        raise
    return app if loading.find_interface(app) == "handler" else Adapter(app)


def _read_bundle(root: str) -> dict[str, str]:
    path = os.path.join(root, ".lambdify", "bundle.json")
    try:
        with open(path, encoding="utf-8") as file:
            bundle: dict[str, str] = json.load(file)
    except FileNotFoundError as error:
        raise AppNotLoaded(
            f"{path} is missing: this handler works in a bundle that lambdify packed"
        ) from error
    return bundle


respond = _load()
