"""References to an app: "package.module:attribute", or "package.module:create_app('production')".

gunicorn and `flask --app` use the same form. The arguments are literals, which are parsed and never run.
https://flask.palletsprojects.com/en/stable/cli/#application-discovery
"""

import ast
import re
from dataclasses import dataclass

FORM = 'a module and the name of the app in it: "package.module:app", or "package.module:create_app()"'
HANDLER = r"[A-Za-z_][A-Za-z0-9_]*([./][A-Za-z_][A-Za-z0-9_]*)+"
"""A handler as Lambda has it written: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html"""
_NAMES = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_REFERENCE = re.compile(rf"({_NAMES}):({_NAMES})(\(.*\))?", re.DOTALL)


class Malformed(ValueError):
    """A text is no valid reference to an app; the message describes the form."""


@dataclass(frozen=True, kw_only=True)
class AppReference:
    """The parts of a reference to an app."""

    module: str
    path: str
    """Attributes joined by dots: "app", or "app.server"."""
    call: str = ""
    """The arguments with their parentheses, as written; "" if the app is not created by a call."""
    positional: tuple[object, ...] = ()
    named: tuple[str, ...] = ()
    """The names of the keyword arguments."""

    @property
    def name(self) -> str:
        """The first attribute, which is a name in the module."""
        return self.path.partition(".")[0]

    @property
    def attribute(self) -> str:
        """The part after the colon."""
        return self.path + self.call


def parse(text: str) -> AppReference:
    """Return the parts of a reference to an app. Raises Malformed."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        raise Malformed(FORM)
    module, path, call = found[1], found[2], found[3] or ""
    try:
        positional, named = _read_arguments(call) if call else ((), ())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise Malformed(
            f"{FORM}; a factory's arguments are texts, numbers, booleans or None: "
            f"\"{module}:{path}('text', 1)\""
        ) from error
    return AppReference(module=module, path=path, call=call, positional=positional, named=named)


def _read_arguments(call: str) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """Return the values of the arguments by position, and the names of the others. Raises ValueError."""
    node = ast.parse(f"_{call}", mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError("more than one call")  # noqa: TRY004
    for keyword in node.keywords:
        _literal(keyword.value)
    names = tuple(keyword.arg or "" for keyword in node.keywords)
    if "" in names or len(set(names)) < len(names):
        raise ValueError("**more, or one name twice")
    return tuple(map(_literal, node.args)), names


def _literal(node: ast.expr) -> object:
    # "..." is a placeholder from documentation, not the value Ellipsis.
    if any(isinstance(part, ast.Constant) and part.value is Ellipsis for part in ast.walk(node)):
        raise ValueError("a value that is left open")
    return ast.literal_eval(node)
