"""What the statements of a file import and call, by the function that they are in, and on which condition.

An import on a condition says nothing for sure: below `if` and `try`, or in a function that nobody may call.
What is for a type checker only never runs, and neither does what is below `if __name__ == "__main__":`.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lambdify.cli.detection.module import FunctionNode

IMPORTING = frozenset({"import_module", "__import__"})
"""Calls that import the module which their first argument names."""
NAMING = frozenset({"import_string", "include", "from_object"})
"""Calls that may: Django's and Flask's. Others have the same names."""
GUARDS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
"""What a failed import raises, and the classes above."""


class Place(NamedTuple):
    """Where a statement is, and whether it runs for sure when its scope does."""

    line: int
    guarded: bool
    """Whether it depends on a condition, or may fail."""
    later: bool
    """Whether it runs later than its scope, or never: in a method, or an inner function."""
    caught: bool = False
    """Whether an import that fails is caught."""


class Statement(NamedTuple):
    """`import module`, or `from module import name`."""

    module: str
    """ "" for `from . import name`."""
    name: str
    """ "" for `import module`."""
    level: int
    """The dots in front."""
    place: Place
    local: str = ""
    """What the file calls it."""
    spelled: bool = False
    """Whether a call names it that may mean something else: it counts if the project has such a module."""


class Call(NamedTuple):
    """A call of a function by its name, such as "create_app" or "shop.create_app"."""

    name: str
    place: Place


class Scope(NamedTuple):
    """What a file does when it is imported, or one of its functions when it is called."""

    imports: tuple[Statement, ...]
    calls: tuple[Call, ...]


class File(NamedTuple):
    """What a file does when it is imported, and its functions at the top level by name."""

    body: Scope
    functions: Mapping[str, FunctionNode]


def read(tree: ast.Module) -> File:
    """Return what a file does, and the functions that may be called."""
    functions: dict[str, FunctionNode] = {}
    return File(_scope(_walk(tree.body, _Where(functions=functions))), functions)


def read_function(node: FunctionNode, *, runs: bool) -> Scope:
    """Return what a function does; of one that may never run, only its imports."""
    return _scope(_walk(node.body, _Where() if runs else _LATER))


class _Where(NamedTuple):
    """What holds for the statements of a block."""

    guarded: bool = False
    later: bool = False
    caught: bool = False
    functions: dict[str, FunctionNode] | None = None
    """Where the functions of the block are kept, to be read if they are called; None if nobody calls them."""


_Found = tuple[ast.Import | ast.ImportFrom | ast.Call, Place]
_LATER = _Where(guarded=True, later=True)
_PERHAPS = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _scope(found: Iterator[_Found]) -> Scope:
    """Return imports and calls as values, calls that import a module being imports."""
    imports: list[Statement] = []
    calls: list[Call] = []
    for node, place in found:
        match node:
            case ast.Import(names=names):
                imports += [Statement(each.name, "", 0, place, each.asname or each.name) for each in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                imports += [
                    Statement(module or "", each.name, level, place, each.asname or each.name)
                    for each in names
                ]
            case ast.Call():
                name = _dotted(node.func)
                if named := _named(node, name):
                    spelled = name.rpartition(".")[2] in NAMING
                    imports.append(Statement(named, "", 0, place, spelled=spelled))
                elif name:
                    calls.append(Call(name, place))
    return Scope(tuple(imports), tuple(calls))


def _walk(body: list[ast.stmt], where: _Where) -> Iterator[_Found]:
    """Yield the imports and calls of a block and of those in it."""
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node, Place(node.lineno, where.guarded, where.later, where.caught)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _function(node, where)
            case ast.ClassDef():
                yield from _walk(node.body, where._replace(functions=None))
            case ast.If():
                yield from _branches(node, where)
            case ast.Try() | ast.TryStar():
                yield from _tried(node, where)
            case ast.With() | ast.AsyncWith():
                managers = [item.context_expr for item in node.items]
                quiet = any("suppress" in ast.unparse(each) for each in managers)
                yield from _calls(managers, where)
                yield from _walk(
                    node.body, where._replace(guarded=where.guarded or quiet, caught=where.caught or quiet)
                )
            case ast.For() | ast.AsyncFor() | ast.While():
                yield from _walk([*node.body, *node.orelse], where._replace(guarded=True))
            case ast.Match():
                inner = [each for case in node.cases for each in case.body]
                yield from _walk(inner, where._replace(guarded=True))
            case _:
                yield from _calls([node], where)


def _function(node: FunctionNode, where: _Where) -> Iterator[_Found]:
    """Keep a function that can be called by its name; what another one does comes later, if ever."""
    if where.functions is None or where.guarded:
        yield from _walk(node.body, _LATER)
    else:
        where.functions[node.name] = node
    yield from _calls(node.decorator_list, where)


def _branches(node: ast.If, where: _Where) -> Iterator[_Found]:
    """Yield what is in the branches of an `if`, without those that no import runs."""
    test = ast.unparse(node.test)
    if "TYPE_CHECKING" in test:
        yield from _walk(node.orelse, where)
    elif "__name__" in test and "__main__" in test:
        yield from _walk(node.orelse if "==" in test else node.body, where)
    else:
        yield from _walk([*node.body, *node.orelse], where._replace(guarded=True))


def _tried(node: ast.Try | ast.TryStar, where: _Where) -> Iterator[_Found]:
    """Yield what is in a `try`: what a handler does is on a condition, and so is what it lets fail."""
    caught = any(map(_catches_import, node.handlers))
    inside = where._replace(guarded=where.guarded or caught, caught=where.caught or caught)
    yield from _walk([*node.body, *node.orelse], inside)
    for handler in node.handlers:
        yield from _walk(handler.body, inside._replace(guarded=True))
    yield from _walk(node.finalbody, where)


def _calls(nodes: Sequence[ast.AST], where: _Where) -> Iterator[_Found]:
    """Yield the calls in expressions that run; those that may never do are taken for later ones."""
    # What may never run is not looked at: most of a project's expressions are in functions.
    waiting = [(node, False) for node in nodes if not where.later]
    while waiting:
        node, later = waiting.pop()
        if isinstance(node, ast.Call):
            yield node, Place(node.lineno, where.guarded or later, later)
        later = later or isinstance(node, _PERHAPS)
        waiting += [(child, later) for child in ast.iter_child_nodes(node)]


def _catches_import(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches a failed import; a handler without a class catches all."""
    return handler.type is None or any(name in ast.unparse(handler.type) for name in GUARDS)


def _named(node: ast.Call, name: str) -> str:
    """Return the module that a call imports by a text; "" if it imports none, or by another expression."""
    if name.rpartition(".")[2] not in IMPORTING | NAMING or not node.args:
        return ""
    first = node.args[0]
    text = first.value if isinstance(first, ast.Constant) else None
    named = text.replace(":", ".") if isinstance(text, str) else ""
    return named if all(part.isidentifier() for part in named.split(".")) else ""


def _dotted(node: ast.expr) -> str:
    """Return a name as it is written, "shop.create_app"; "" for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""
