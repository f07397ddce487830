"""app.yaml, of Google App Engine. https://cloud.google.com/appengine/docs/standard/reference/app-yaml"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lambdify.cli.moving.reading import documents, readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Moved,
    Setting,
    as_list,
    as_table,
    as_text,
    by_hand,
    carry,
    needless,
    read_each,
)
from lambdify.cli.moving.servers import processes

NAME = "app.yaml"
MEMORY: Mapping[str, int] = {
    "F1": 384, "F2": 768, "F4": 1536, "F4_1G": 3072, "B1": 384, "B2": 768, "B4": 1536, "B4_1G": 3072,
    "B8": 3072,
}  # fmt: skip
"""MB of App Engine's classes. https://cloud.google.com/appengine/docs/standard#instance_classes"""
NEEDLESS: Mapping[str, str] = {
    "service": "as name",
    "env": "every app runs in the same way",
    "threadsafe": "a Lambda serves one request at a time",
    "api_version": "there is one",
    "automatic_scaling": "Lambda scales by itself; [function] reserved_concurrency is its limit",
    "basic_scaling": "Lambda scales by itself; [function] reserved_concurrency is its limit",
    "liveness_check": "a version is tried before it gets traffic",
    "readiness_check": "a version is tried before it gets traffic",
    "skip_files": "junk is left out anyway: [build] exclude",
    "version": "every release is a version",
    "app_engine_apis": "AWS has none of them",
    "default_expiration": "browsers ask whether a file has changed: [static] immutable",
}
BY_HAND: Mapping[str, str] = {
    "manual_scaling": "Lambda scales by itself; [function] reserved_concurrency is its limit",
    "vpc_access_connector": "write [vpc] subnets and security_groups",
    "network": "write [vpc] subnets and security_groups",
    "beta_settings": "a database is reached by its address: `lambdify secrets set DATABASE_URL`",
    "inbound_services": "lambdify has no such services",
    "error_handlers": "have the app answer",
    "includes": "write what the other file says",
    "service_account": "[role] says what the function may do",
    "resources": "write [function] memory",
    "runtime_config": "the function's Python is [function] python",
    "flexible_runtime_settings": "the function's Python is [function] python",
    "build_env_variables": "lambdify builds without them",
}


def find(root: Path) -> Path | None:
    """Return app.yaml of the project; None if there is none of App Engine's: others have one, too."""
    path = root / NAME
    return path if path.is_file() and re.search(rb"(?m)^runtime\s*:", path.read_bytes()) else None


def read(path: Path, code: Code) -> Moved:
    """Return what app.yaml says. Raises SettingsError."""
    content = documents.read(path)
    service = content.get("service")
    own = isinstance(service, str) and service != "default"
    return Moved(
        tool="App Engine",
        file=NAME,
        stages={"": tuple(read_each(content, partial(_setting, code=code)))},
        name=str(service) if own else "",
    )


def _setting(key: str, value: Any, code: Code) -> Iterator[Setting]:
    if key == "runtime":
        # "python313" is App Engine's python3.13.
        yield readings.python(key, re.sub(r"^python3(?=\d)", "python3.", as_text(value)))
    elif key == "env_variables":
        yield from readings.variables(key, as_table(value))
    elif key == "entrypoint":
        yield from processes.web(key, as_text(value), code)
    elif key == "instance_class" and value in MEMORY:
        yield carry(
            key, {("function", "memory"): MEMORY[value]}, "a Lambda serves one request at a time: less may do"
        )
    elif key == "handlers":
        yield from _handlers(value)
    elif key in NEEDLESS:
        yield needless(key, NEEDLESS[key])
    else:
        yield by_hand(key, BY_HAND.get(key, "see docs/settings.md for what there is"))


def _handlers(value: Any) -> Iterator[Setting]:
    for each in as_list(value):
        handler = as_table(each)
        url = str(handler.get("url", ""))
        key = f"handlers: {url}"
        if folder := handler.get("static_dir"):
            values: dict[Keys, Any] = {("static", "folders", url.rstrip("/") or "/"): str(folder)}
            yield carry(key, values)
        elif handler.get("static_files"):
            yield by_hand(key, "[static.folders] serves folders: write the path and the folder there")
        elif handler.get("login") in {"required", "admin"}:
            yield by_hand(
                key, f"App Engine let signed-in users in only; {readings.UNTIL_THEN}", readings.CLOSED
            )
        else:
            yield needless(key, "every path goes to the app")
