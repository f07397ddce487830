"""Launches: how other files start the project, such as Procfile, Dockerfile and .flaskenv.

An app that the project runs with gunicorn or uvicorn already is most probably the one to deploy.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.detection import source


class Launch(NamedTuple):
    """An app that a file starts."""

    module: str
    attribute: str
    """"" if the file does not name it, such as `fastapi run main.py`."""
    file: str


FILES = (
    "Procfile", "Dockerfile", "Dockerfile.*", "docker-compose*.y*ml", "compose*.y*ml", ".flaskenv",
    "pyproject.toml", "zappa_settings.json", "render.yaml", "fly.toml", "app.yaml", "*.sh", "Makefile",
)  # fmt: skip
SERVERS = re.compile(r"\b(gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|mod_wsgi-express|uwsgi)\b")
TARGET = re.compile(r"(?<![\w./:-])([A-Za-z_][\w.]*):([A-Za-z_]\w*(?:\([^()]*\))?)(?![\w:/.(-])")
MODULE_ONLY = re.compile(r"(?<![\w./:=-])((?:[A-Za-z_]\w*\.)+(?:wsgi|asgi))(?![\w:/.])")
FASTAPI = re.compile(r"\bfastapi[\"', ]+(?:run|dev)[\"', ]+(?:\./)?([\w./]+)\.py\b")
FLASK = re.compile(r"(?:\bFLASK_APP\s*[= ]\s*|\bflask\s+--app[= ])[\"']?([\w./]+(?::\w+(?:\([^()]*\))?)?)")
ZAPPA = re.compile(r"\"app_function\"\s*:\s*\"([\w.]+)\.(\w+)\"")
ENTRYPOINT = re.compile(r"^\s*entrypoint\s*=\s*\"([\w.]+):(\w+)\"", re.MULTILINE)
"""[tool.fastapi] in pyproject.toml."""


def find(root: Path) -> tuple[Launch, ...]:
    """Return every app that a file in the project's root folder starts."""
    found: dict[Launch, None] = {}
    for pattern in FILES:
        for path in sorted(root.glob(pattern)):
            if path.is_file():
                text = source.decode(path.read_bytes())
                found |= dict.fromkeys(_in_text(text, path.name))
    return tuple(found)


def _in_text(text: str, file: str) -> Iterator[Launch]:
    # A command may run over several lines.
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if SERVERS.search(line):
            # In the JSON of a Dockerfile, the quotes of an argument are escaped.
            if target := TARGET.search(line.replace('\\"', '"')):
                yield Launch(target[1], target[2], file)
            elif target := MODULE_ONLY.search(line):
                # Without an attribute, gunicorn takes "application".
                yield Launch(target[1], "application", file)
        if target := FASTAPI.search(line):
            yield Launch(target[1].replace("/", "."), "", file)
        if target := FLASK.search(line):
            name, _, attribute = target[1].partition(":")
            yield Launch(name.removesuffix(".py").removeprefix("./").replace("/", "."), attribute, file)
    for target in (*ZAPPA.finditer(text), *(ENTRYPOINT.finditer(text) if file == "pyproject.toml" else ())):
        yield Launch(target[1], target[2], file)
