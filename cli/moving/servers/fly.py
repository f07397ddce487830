"""fly.toml, of Fly.io. https://fly.io/docs/reference/configuration/"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lambdify.cli.moving.reading import documents, readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
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

NAME = "fly.toml"
UNITS: Mapping[str, int] = {"": 1, "m": 1, "mb": 1, "g": 1024, "gb": 1024}
NEEDLESS: Mapping[str, str] = {
    "app": "as name",
    "build": "lambdify packs the project",
    "experimental": "it is about Fly's machines",
    "kill_signal": "Lambda ends environments by itself",
    "kill_timeout": "Lambda ends environments by itself",
    "restart": "Lambda starts environments by itself",
    "metrics": "`lambdify status` reads what CloudWatch counts",
    "services": "the endpoint is made",
    "swap_size_mb": "Lambda has no swap",
    "console_command": "`lambdify shell` and `lambdify manage` are there",
    "host_dedication_id": "it is about Fly's machines",
    "auto_rollback": "a version that fails gets no traffic",
}
BY_HAND: Mapping[str, str] = {
    "primary_region": "write the AWS region into region",
    "mounts": "a Lambda has no volume: [efs], or S3",
    "statics": "[static.folders] serves folders of the project",
    "files": "put the file into the project, or its text into a secret",
}


def find(root: Path) -> Path | None:
    """Return fly.toml of the project; None if there is none."""
    return root / NAME if (root / NAME).is_file() else None


def read(path: Path, code: Code) -> Moved:
    """Return what fly.toml says. Raises SettingsError."""
    content = documents.read(path)
    name = content.get("app")
    return Moved(
        tool="Fly.io",
        file=NAME,
        stages={"": tuple(read_each(content, partial(_setting, code=code)))},
        name=name if isinstance(name, str) else "",
        removal=(f"fly apps destroy {name}",) if isinstance(name, str) else (),
    )


def _setting(key: str, value: Any, code: Code) -> Iterator[Setting]:
    if key == "env":
        yield from readings.variables(key, as_table(value))
    elif key == "deploy":
        yield from _deploy(as_table(value))
    elif key in {"http_service", "checks"}:
        yield from _checks(key, as_table(value))
    elif key == "processes":
        for name, command in as_table(value).items():
            at, text = f"processes.{name}", as_text(command)
            is_web = processes.serves(text)
            yield from processes.web(at, text, code) if is_web else [processes.other(at, text)]
    elif key == "vm":
        yield from _machine(value)
    elif key in NEEDLESS:
        yield needless(key, NEEDLESS[key])
    else:
        yield by_hand(key, BY_HAND.get(key, "see docs/settings.md for what there is"))


def _deploy(options: Mapping[str, Any]) -> Iterator[Setting]:
    for name, value in options.items():
        if name == "release_command":
            yield processes.release(f"deploy.{name}", as_text(value))
        else:
            yield needless(f"deploy.{name}", "the traffic moves at once, or by [release] shift")


def _checks(key: str, said: Mapping[str, Any]) -> Iterator[Setting]:
    checks = as_list(said.get("checks")) if key == "http_service" else list(said.values())
    path = next((each["path"] for each in checks if isinstance(each, dict) and each.get("path")), "")
    if path:
        yield readings.one(f"{key}.path", path, ("release", "smoke"), why="it has to answer with 200")
    if key == "http_service":
        yield needless(key, "the endpoint is made, speaks HTTPS only, and nothing runs between requests")


def _machine(value: Any) -> Iterator[Setting]:
    machines = [each for each in as_list(value) if isinstance(each, dict)]
    written = next(
        (
            each.get("memory", each.get("memory_mb"))
            for each in machines
            if "memory" in each or "memory_mb" in each
        ),
        "",
    )
    found = re.fullmatch(r"(\d+)\s*([a-z]*)", str(written).lower())
    if found and found[2] in UNITS:
        yield carry(
            "vm.memory",
            {("function", "memory"): int(found[1]) * UNITS[found[2]]},
            "a Lambda serves one request at a time: less may do",
        )
    else:
        yield by_hand("vm", "write [function] memory, of which a Lambda's CPU is a share")
