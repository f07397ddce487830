"""What a project is, if it has no app that lambdify can run; the table is strangers.toml."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from lambdify.cli.detection import module as modules
from lambdify.cli.detection.kind import called_name
from lambdify.cli.detection.module import Module
from lambdify.cli.detection.project import Project


class Stranger(NamedTuple):
    """Something that is no app, and what would run it."""

    file: str
    line: int
    what: str
    why: str
    instead: str


def find(project: Project, files: list[str]) -> Stranger | None:
    """Return what the project is instead, by the first row of the table that fits one of the files."""
    uses = [
        (file, line, name)
        for file in files
        for line, name in _uses(project, file)
        if not name.startswith(".")
    ]
    for row in _table():
        for file, line, name in uses:
            short = f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"
            if name in row.get("imports", ()) or not {name, short}.isdisjoint(row.get("calls", ())):
                return Stranger(file, line, row["what"], row["why"], row["instead"])
    return None


def markers() -> frozenset[bytes]:
    """Return the packages of the table: a file that names none of them needs no look."""
    names = {name for row in _table() for name in (*row.get("calls", ()), *row.get("imports", ()))}
    return frozenset(name.partition(".")[0].encode() for name in names)


def whole(module: Module, tree: ast.Module) -> Module:
    """Return a module that knows the imports of its functions and of `if __name__` too."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    everywhere = ast.Module(body=list(imports), type_ignores=[])
    return modules.read(everywhere, name=module.name, file=module.file, root=module.root)


def _uses(project: Project, file: str) -> Iterator[tuple[int, str]]:
    """Yield the packages that a file imports, and the names of what it calls, decorates with or inherits."""
    tree, module = project.tree(file), project.module(file)
    if tree is None or module is None:
        return
    known = whole(module, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Call):
            yield node.lineno, called_name(known, node.func)
        elif isinstance(node, ast.ClassDef):
            yield from ((node.lineno, known.qualify(base)) for base in node.bases)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ((node.lineno, known.qualify(each)) for each in node.decorator_list)


@cache
def _table() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("strangers.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["stranger"]
    return rows
