"""What middleware wraps: the apps inside an app."""

from collections.abc import Iterator
from typing import Any

INNER_APPS = ("app", "application", "wsgi_app")
"""Attributes by which middleware holds the app that it wraps."""
DEPTH = 10


def walk(app: Any) -> Iterator[Any]:
    """Yield the app, and the apps inside it, from the outermost to the innermost."""
    for _ in range(DEPTH):
        if app is None:
            return
        yield app
        held = (getattr(app, name, None) for name in INNER_APPS)
        app = next((each for each in held if each is not None), None)
