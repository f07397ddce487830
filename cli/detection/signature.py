"""What the definition of a function tells: the interface of its arguments, and what it gives back."""

import ast
import re

from lambdify.cli.detection.module import FunctionNode

WSGI_NAMES = re.compile(r"(wsgi_?)?env(iron(ment)?)?|e"), re.compile(r"_?(start|respon|sr$)\w*")
"""The two arguments of a WSGI app, as people call them."""


def returned(function: FunctionNode) -> list[ast.expr]:
    """Return what a function gives back, without what functions inside of it do."""
    values: list[ast.expr] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Return) and node.value is not None:
            values.append(node.value)
        elif not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return values


def interface_of(arguments: ast.arguments, bound: int = 0) -> str:
    """Return the interface that the names of the arguments tell; "" for others."""
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][bound:]
    required = names[: len(names) - len(arguments.defaults)]
    if len(required) == 3 and required[0] == "scope" and required[2].startswith("s"):
        return "asgi"
    if len(required) == 2 and all(
        pattern.fullmatch(name) for pattern, name in zip(WSGI_NAMES, required, strict=True)
    ):
        return "wsgi"
    return ""


def is_open(arguments: ast.arguments, bound: int = 0) -> bool:
    """Whether `*args` takes all that the function is called with."""
    return arguments.vararg is not None and len(arguments.posonlyargs) + len(arguments.args) <= bound
