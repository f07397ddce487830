"""One Python file as detection sees it: what it imports, assigns and defines at its top level.

The file is parsed, never imported: an import would run the project's settings, and need its environment and
its database. Code below `if __name__ == "__main__":` is left out, since an import does not run it.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
WSGI_NAMES = re.compile(r"(wsgi_?)?env(iron(ment)?)?|e"), re.compile(r"_?(start|respon|sr$)\w*")
"""The two arguments of a WSGI app, as people call them."""


class Assignment(NamedTuple):
    """`name = node` on a line."""

    name: str
    node: ast.expr
    line: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Module:
    """The names that a file defines."""

    name: str
    """As it is imported: "shop.wsgi"."""
    file: str
    """Relative to the project, with "/"."""
    root: str
    """The folder that has to be on sys.path for that name, relative to the project: "" or "src"."""
    imports: Mapping[str, str]
    """Qualified names by local name: {"Flask": "flask.Flask"}."""
    star_imports: tuple[str, ...]
    """Modules of `from module import *`."""
    assignments: tuple[Assignment, ...]
    functions: Mapping[str, FunctionNode]
    classes: Mapping[str, ast.ClassDef]
    mounted: frozenset[str]
    """Qualified names of apps that the file mounts into another one."""

    def names(self) -> set[str]:
        """Return every name of the module, without those of star imports."""
        return {
            *self.imports,
            *self.functions,
            *self.classes,
            *(assignment.name for assignment in self.assignments),
        }

    def qualify(self, node: ast.expr) -> str:
        """Return the qualified name behind an expression such as `flask.Flask`; "" if there is none."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id) or (f"{self.name}.{node.id}" if node.id in self.names() else "")
        if isinstance(node, ast.Attribute):
            base = self.qualify(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""


def read(tree: ast.Module, *, name: str, file: str, root: str, mounts: bool = True) -> Module:
    """Return the module of a parsed file; `mounts` says whether it may mount apps."""
    statements = list(_top_level(tree.body))
    is_package = file.endswith("__init__.py")
    imports: dict[str, str] = {}
    stars: list[str] = []
    for node in statements:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                imports[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, name, is_package=is_package)
            stars += [source for alias in node.names if alias.name == "*"]
            for alias in node.names:
                imports[alias.asname or alias.name] = f"{source}.{alias.name}".lstrip(".")
    module = Module(
        name=name,
        file=file,
        root=root,
        imports=imports,
        star_imports=tuple(stars),
        assignments=tuple(assignment for node in statements for assignment in _assignments(node)),
        functions={node.name: node for node in statements if isinstance(node, FunctionNode)},
        classes={node.name: node for node in statements if isinstance(node, ast.ClassDef)},
        mounted=frozenset(),
    )
    mounted = _mounted(tree) if mounts else ()
    return replace(module, mounted=frozenset(map(module.qualify, mounted)))


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that an import runs, including those in `if`, `try` and `with`."""
    for node in body:
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With):
            if isinstance(node, ast.If) and _is_main(node.test):
                continue
            yield from _top_level(node.body)
            if isinstance(node, ast.Try | ast.TryStar):
                for handler in node.handlers:
                    yield from _top_level(handler.body)
                yield from _top_level(node.finalbody)
            if not isinstance(node, ast.With):
                yield from _top_level(node.orelse)
        else:
            yield node


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _source(node: ast.ImportFrom, name: str, *, is_package: bool) -> str:
    """Return the module of a `from ... import`; dots count from the package that the file is in."""
    if not node.level:
        return node.module or ""
    package = name.split(".") if is_package else name.split(".")[:-1]
    base = package[: len(package) - (node.level - 1)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _assignments(node: ast.stmt) -> Iterator[Assignment]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield Assignment(target.id, node.value, node.lineno)
            elif isinstance(target, ast.Tuple):
                yield from _unpacked(target, node)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield Assignment(node.target.id, node.value, node.lineno)


def _unpacked(target: ast.Tuple, node: ast.Assign) -> Iterator[Assignment]:
    """Yield the names of `app, db = ...`, each with its element."""
    for index, name in enumerate(target.elts):
        if isinstance(name, ast.Name):
            value: ast.expr = ast.Subscript(node.value, ast.Constant(index), ast.Load())
            if isinstance(node.value, ast.Tuple) and index < len(node.value.elts):
                value = node.value.elts[index]
            yield Assignment(name.id, ast.copy_location(value, node.value), node.lineno)


def _mounted(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the apps in calls of `.mount("/path", app)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "mount":
            yield from node.args[1:2]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "app")


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
