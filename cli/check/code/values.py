"""Values: what an expression says without being run, and which environment variables it asks."""

import ast
import re
from typing import NamedTuple

from lambdify.cli.check.code.sites import qualify, text


class Value(NamedTuple):
    """What is known of an expression."""

    variables: tuple[str, ...]
    """Environment variables that it reads."""
    shown: str
    """The expression as it is written, for searching; never shown, since it may hold a password."""
    literal: object
    """The value, if it is written plainly; else UNKNOWN."""
    required: bool = False
    """Whether it fails without its variable."""


UNKNOWN = object()
READERS = re.compile(
    r"(^|\.)(getenv|environ\.get|environ\.setdefault|environ\.pop)$"
    r"|^decouple\.config$"
    r"|^made (decouple\.AutoConfig|starlette\.config\.Config|environs?\.(Flask)?Env)(\.\w+)?$"
)
"""Calls whose first argument names an environment variable."""
NO_READERS = frozenset({"read_env", "read_envfile", "prefixed", "seal", "path", "NOTSET"})
STRICT = re.compile(r"^(made )?(decouple|environs?|starlette)\.")
"""Calls that fail without the variable, unless they are given a default."""


def read(node: ast.expr, names: dict[str, str], made: dict[str, str]) -> Value:
    """Return what is known of an expression; `made` has the calls that made local names."""
    variables: dict[str, None] = {}
    required = False
    for each in ast.walk(node):
        if (name := variable(each, names, made)) is not None:
            variables[name[0]] = None
            required = required or name[1]
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        literal = UNKNOWN
    return Value(tuple(variables), ast.unparse(node), literal, required)


def variable(node: ast.AST, names: dict[str, str], made: dict[str, str]) -> tuple[str, bool] | None:
    """Return the environment variable that an expression reads, and whether it fails without it."""
    if isinstance(node, ast.Subscript) and qualify(node.value, names) == "os.environ":
        name = text(node.slice)
        return (name, True) if name else None
    if not isinstance(node, ast.Call):
        return None
    called = reader(node.func, names, made)
    if not READERS.search(called) or called.rpartition(".")[2] in NO_READERS:
        return None
    name = text(node.args[0]) if node.args else None
    if name is None:
        return None
    given = len(node.args) > 1 or any(each.arg == "default" for each in node.keywords)
    return name, bool(STRICT.search(called)) and not given


def reader(node: ast.expr, names: dict[str, str], made: dict[str, str]) -> str:
    """Return the qualified name of what is called; for an object "made " and its class, then its method."""
    name = qualify(node, names)
    owner, _, method = name.rpartition(".")
    if name in made:
        return f"made {made[name]}"
    return f"made {made[owner]}.{method}" if owner in made else name
