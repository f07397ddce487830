"""Python code as another Python reads it: one with a newer grammar than the one that runs lambdify has.

    file ──syntax_worker, in that Python──▶ JSON ──here──▶ tree of this Python

What this Python has no node for is replaced by what means the same to whoever looks for names and calls: the
`type` statement is an assignment, a template string a formatted one, parameters of types are left out.
"""

import ast
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli.programs import run

WORKER = Path(__file__).with_name("syntax_worker.py")
LIMIT = 30.0
"""Seconds; a file of 1 MB takes about three."""


class Invalid(NamedTuple):
    """What that Python cannot read in a file."""

    line: int
    why: str


def parse(python: Path, file: Path) -> ast.Module | Invalid | None:
    """Return the statements of a file as that interpreter reads them, or what it cannot read.

    None if the interpreter gives no answer. It is asked once about a file that stays as it is: that takes a
    process, and several rooms read the same files.
    """
    try:
        found = file.stat()
    except OSError:
        return None
    return _ask(python, file, (found.st_mtime_ns, found.st_size, found.st_ino))


@cache
def _ask(python: Path, file: Path, _stamp: tuple[int, int, int]) -> ast.Module | Invalid | None:
    # With -I and -S, neither the environment nor site-packages decide what is imported.
    command = [str(python), "-I", "-S", str(WORKER), str(file)]
    done = run(command, cwd=Path("/"), environment=os.environ, limit=LIMIT)
    try:
        said = json.loads(done.output) if done.succeeded else {}
        if "line" in said:
            return Invalid(said["line"], said["why"])
        tree = _decode(said["tree"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return tree if isinstance(tree, ast.Module) else None


def _decode(said: Any) -> Any:
    if isinstance(said, list):
        return [_decode(each) for each in said]
    if not isinstance(said, dict):
        return said
    if "node" in said:
        return _node(said["node"], said["fields"], said["places"])
    ((kind, value),) = said.items()
    match kind:
        case "int":
            return int(value, 16)
        case "bytes":
            return bytes.fromhex(value)
        case "complex":
            return complex(*value)
        case "float":
            return value
        case _:
            return ...


def _node(name: str, fields: dict[str, Any], places: dict[str, int]) -> ast.AST:
    match name:
        case "TypeAlias" if not hasattr(ast, name):
            name, fields = "Assign", {"targets": [fields["name"]], "value": fields["value"]}
        case "TemplateStr" if not hasattr(ast, name):
            name = "JoinedStr"
        case "Interpolation" if not hasattr(ast, name):
            name = "FormattedValue"
    kind: type[ast.AST] = getattr(ast, name)
    return kind(**{key: _decode(value) for key, value in fields.items() if key in kind._fields}, **places)
