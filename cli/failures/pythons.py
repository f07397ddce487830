"""Code for another Python than the function's: its syntax, and names of the standard library. Pure."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from lambdify.cli.failures import places
from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Frame, Raised
from lambdify.cli.failures.told import Told

OLDEST = 11
"""The minor version of the oldest Python that Lambda has."""
_IMPORTED = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'")
_ATTRIBUTE = re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'")


def explain(raised: Raised, project: Project) -> Told | None:
    """Return what is told of code that the function's Python does not understand; None if it is not that."""
    if raised.is_a(
        "builtins.SyntaxError",
        "builtins.IndentationError",
        "builtins.TabError",
        "Runtime.UserCodeSyntaxError",
    ):
        return _tell_syntax(raised, project)
    if found := _IMPORTED.search(raised.message) or _ATTRIBUTE.search(raised.message):
        row = _find("name", found["name"], project.python, found["module"])
        return (
            _tell_name(
                f"{found['module']}.{found['name']}",
                row,
                raised.frames[-1] if raised.frames else None,
                project,
            )
            if row
            else None
        )
    return None


def explain_module(name: str, frame: Frame | None, project: Project) -> Told | None:
    """Return what is told of a module of the standard library that this Python does not have."""
    top = name.partition(".")[0]
    row = _find("module", top, project.python)
    return _tell_name(top, row, frame, project) if row else None


def _tell_syntax(raised: Raised, project: Project) -> Told:
    frame = raised.frames[-1] if raised.frames else None
    path, _ = places.locate(raised.fields.get("filename", ""), lambda _: True)
    path = path or (frame.path if frame else "")
    line = raised.fields.get("lineno") or (str(frame.line) if frame else "")
    what = raised.message.partition(" (")[0]
    place = f"{path}:{line}" if path and line else path or "A module"
    return Told(
        message=f"{place} is not valid Python {project.python}: {what}.",
        hint="If it is for another Python: " + project.write("function", 'python = "..."'),
    )


def _tell_name(name: str, row: Mapping[str, Any], frame: Frame | None, project: Project) -> Told:
    user = f"{frame.place} needs {name}" if frame else f"{name} is needed"
    if "since" in row:
        return Told(
            message=f"{user}, which Python has since {row['since']}, and the function runs {project.python}.",
            hint=project.write("function", f'python = "{row["since"]}"'),
        )
    ways = [f"add {row['instead']} to the dependencies, which has it"] if "instead" in row else []
    if _minor(row["until"]) > OLDEST:
        ways.append(project.write("function", f'python = "3.{_minor(row["until"]) - 1}"'))
    if frame and not frame.own:
        ways.append("take a newer version of what asks for it")
    return Told(
        message=f"{user}, which no Python since {row['until']} has, and the function runs {project.python}.",
        hint=f"{'; or '.join(ways) or 'change that line'}.",
    )


def _find(kind: str, name: str, python: str, module: str = "") -> Mapping[str, Any] | None:
    """Return the row of a name that this Python does not have; None if it has it, or nothing is known."""
    rows = (row for row in _table()[kind] if name in row["names"] and row.get("module", "") == module)
    return next((row for row in rows if _lacks(python, row)), None)


def _lacks(python: str, row: Mapping[str, Any]) -> bool:
    if not python:
        return False
    return _minor(python) < _minor(row["since"]) if "since" in row else _minor(python) >= _minor(row["until"])


def _minor(version: str) -> int:
    return int(version.split(".")[1])


@cache
def _table() -> Mapping[str, list[Mapping[str, Any]]]:
    text = resources.files(__package__).joinpath("standard_library.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
