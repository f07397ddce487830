"""A script in the function's Python: calls the project's function for the template, and reports its answer.

The guard (programs/guard.py) runs it with `-s -S -P -B -u`. Arguments, both JSON: what is wanted, see
`Wanted`; and what the guard tells. It reports a JSON object on each line:
    {"event": "blocked", "what": ..., "target": ...}   the guard refused this
    {"event": "raised", "what": ...}                   the function, or its file, raised
    {"event": "refused", "why": ...}                   what it returned is no template, or not always the same
    {"event": "answer", "body": ...}                   the template
"""

# ruff: noqa: PTH120

import inspect
import json
import os
import sys
import traceback
import types
from collections.abc import Callable
from types import FrameType
from typing import Any, TypedDict


class Wanted(TypedDict):
    """What is called."""

    file: str
    function: str
    root: str
    """The project's folder."""
    stage: str
    template: str
    """The file with the template, in the folder for temporary files."""
    hook: str
    """The file of the audit hook."""
    readable: list[str]


def main(given: str, told: str) -> None:
    """Call the function, and report what came of it."""
    wanted: Wanted = json.loads(given)
    guard = json.loads(told)

    def tell(event: str, **values: object) -> None:
        line = f"{json.dumps({'event': event, **values})}\n".encode()
        while line:
            line = line[os.write(guard["report"], line) :]

    def blocked(what: str, target: str, _: FrameType) -> None:
        tell("blocked", what=what, target=target)

    with open(f"{guard['tmp']}/{wanted['template']}", encoding="utf-8") as file:
        text = file.read()
    sys.path[:0] = [wanted["root"], os.path.dirname(wanted["file"])]
    sys.argv = [wanted["file"]]
    names = load(wanted["hook"], "lambdify.audit_hook")
    may_read = (*wanted["readable"], wanted["root"])
    programs = {"files", "connections"} <= set(guard["guarded"])
    names["AuditHook"](guard["tmp"], may_read, blocked, programs=programs).install()
    returned: list[object] = []
    try:
        function = load(wanted["file"], "infra").get(wanted["function"])
        if callable(function):
            returned = [call(function, text, wanted["stage"]) for _ in range(2)]
    finally:
        if error := sys.exc_info()[1]:
            traceback.print_exc()
            tell("raised", what=f"{type(error).__name__}: {error}")
            os._exit(1)
    report(returned, wanted, tell)


def load(path: str, name: str) -> dict[str, Any]:
    """Return the names of a file, which becomes the module of that name."""
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = path
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), vars(module))  # noqa: S102
    return vars(module)


def call(function: Callable[..., object], text: str, stage: str) -> object:
    """Return what the function returns for the template, and for the stage's name if it takes two values."""
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return function(json.loads(text))
    return function(json.loads(text), stage)


def report(returned: list[object], wanted: Wanted, tell: Callable[..., None]) -> None:
    """Report what was returned, or why it is not taken."""
    if not returned:
        tell("refused", why=f"the file has no function {wanted['function']}")
        return
    if not isinstance(returned[0], dict):
        tell("refused", why=f"it returned {type(returned[0]).__name__} and no dict")
        return
    try:
        first, second = (json.dumps(each, allow_nan=False, sort_keys=True) for each in returned)
        body: Any = json.loads(json.dumps(returned[0]))
    except (TypeError, ValueError) as error:
        tell("refused", why=f"what it returned cannot be written as JSON: {error}")
        return
    if first == second:
        tell("answer", body=body)
    else:
        tell("refused", why="it returned two different templates for the same one")


if __name__ == "__main__":
    main(*sys.argv[1:])
