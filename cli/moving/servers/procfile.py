"""A Procfile, of Heroku and others. https://devcenter.heroku.com/articles/procfile"""

import re
from collections.abc import Iterator
from pathlib import Path

from lambdify.cli.moving.reading import documents
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Moved, Setting
from lambdify.cli.moving.servers import processes

TOOL = "Procfile"
_LINE = re.compile(r"([\w-]+)\s*:\s*(.+)")


def find(root: Path) -> Path | None:
    """Return the Procfile of the project; None if there is none."""
    return root / TOOL if (root / TOOL).is_file() else None


def read(path: Path, code: Code) -> Moved:
    """Return what a Procfile says. Raises SettingsError."""
    return Moved(
        tool="Heroku", file=path.name, stages={"": tuple(_settings(documents.read_text(path), code))}
    )


def _settings(text: str, code: Code) -> Iterator[Setting]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if not found or line.lstrip().startswith("#"):
            continue
        name, command = found.groups()
        if name == "web":
            yield from processes.web(name, command, code)
        elif name == "release":
            yield processes.release(name, command)
        else:
            yield processes.other(name, command)
