"""What has failed, explained with the project's frames, from what AWS's client reports of it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.failures import explanation, places, project, reported
from lambdify.cli.failures.explanation import Explanation
from lambdify.cli.serve import worker
from lambdify.cli.serve.place import Place
from lambdify.cli.settings import Settings

_REQUEST = re.compile(r"\ARequestId: \S+ Error: ")
_FILE = re.compile(r'(?P<before>\bFile ")(?P<path>[^"]+)')


def explain(payload: bytes, log: str, place: Place, settings: Settings) -> Explanation | None:
    """Return what is told of the error in a payload, with what the log adds; None if it reports none."""
    value = _read(payload)
    trace = [translate(each, place) for each in value.get("stackTrace") or () if isinstance(each, str)]
    raised = reported.read({**value, "stackTrace": trace}, translate(log, place), places.files_of(place.root))
    return explanation.explain(raised, project.look_at(settings)) if raised else None


def summarize(payload: bytes) -> str:
    """Return type and message of the error in a payload, in a line."""
    value = _read(payload)
    first = _REQUEST.sub("", str(value.get("errorMessage", "")).partition("\n")[0])
    return f"{value.get('errorType', 'The function has failed')}: {first}"


def translate(text: str, place: Place) -> str:
    """Return a traceback's text with its files named as on Lambda."""
    folders = (
        (f"{place.root}/", "/var/task/"),
        (f"{place.beside}/", "/var/task/"),
        (f"{place.layers}/", "/opt/"),
        (f"{place.runtime}/", "/var/runtime/"),
        (f"{Path(worker.__file__).parent}/", "/var/runtime/"),  # what runs the app is left out of tracebacks
    )

    def name(found: "re.Match[str]") -> str:
        for here, there in folders:
            if found["path"].startswith(here):
                return found["before"] + there + found["path"].removeprefix(here)
        return found[0]

    return _FILE.sub(name, text)


def _read(payload: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
