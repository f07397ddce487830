"""A file of an app: its sites, and what is known of the values in it."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lambdify.cli.check.code import fields, sites, values
from lambdify.cli.check.code.fields import SettingsClass
from lambdify.cli.check.code.sites import Assigned, Sites
from lambdify.cli.check.code.values import Value
from lambdify.cli.detection.module import Module
from lambdify.cli.detection.project import Project

MAX_STEPS = 3
"""Names that are followed to a variable, one behind the other."""


@dataclass(frozen=True, eq=False)
class CodeFile:
    """A file that the app reaches."""

    path: str
    """Relative to the project."""
    module: str
    """As it is imported."""
    sites: Sites
    source: str
    made: dict[str, str]
    """The calls that made names: {"env": "environ.Env"}, with "config.env.env" for those of other files."""
    classes: Mapping[str, SettingsClass]
    """Its classes of pydantic's settings."""
    functions: tuple[str, ...]
    """Those at its top level that nothing decorates."""

    @cached_property
    def is_local(self) -> bool:
        """Whether the file names this machine anywhere."""
        return "localhost" in self.source or "127.0.0.1" in self.source

    @cached_property
    def paths(self) -> frozenset[str]:
        """The names that are given a pathlib.Path anywhere in the file, as far as it tells."""
        given = (each for each in self.sites.assigned if each.form == "name")
        return frozenset(each.name for each in given if any(map(_makes_path, ast.walk(each.value))))

    def value_of(self, each: Assigned) -> Value:
        """Return what is known of a value; a field of pydantic's settings is read from its variable."""
        value = self.read(each.value)
        made = None if each.moment.function else self.classes.get(each.moment.prefix.removesuffix("."))
        return value._replace(variables=(made.variable(each.name), *value.variables)) if made else value

    def read(self, node: ast.expr) -> Value:
        """Return what is known of an expression, with the variables that the names in it were read from."""
        value = values.read(node, self.sites.names, self.made)
        return value._replace(variables=tuple(dict.fromkeys((*value.variables, *self._behind(node, 0)))))

    def _behind(self, node: ast.expr, steps: int) -> Iterator[str]:
        """Yield the variables that the names in an expression were read from."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        for each in self._of(names) if steps < MAX_STEPS else ():
            if each.value is not node:
                yield from values.read(each.value, self.sites.names, self.made).variables
                yield from self._behind(each.value, steps + 1)

    def _of(self, names: set[str]) -> list[Assigned]:
        return [each for name in sorted(names) for each in self._named.get(name, ())]

    @cached_property
    def _named(self) -> Mapping[str, list[Assigned]]:
        """The values that each name of the file is given at its top level."""
        found: dict[str, list[Assigned]] = {}
        for each in self.sites.assigned:
            if each.form == "name" and not each.moment.function:
                found.setdefault(each.name, []).append(each)
        return found


def _makes_path(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return sites.qualify(node.func, {}).endswith("Path")
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)


def text(project: Project, path: str) -> str:
    """Return the text of a file of the project."""
    return project.text(path).decode("utf-8", "replace")


def read(project: Project, path: str) -> CodeFile | None:
    """Return a file of the project; None if it cannot be read as Python."""
    module: Module | None = project.module(path)
    tree = project.tree(path)
    if module is None or tree is None:
        return None
    found = sites.read(tree, module.name, package=path.endswith("__init__.py"))
    made = {
        each.name: sites.qualify(each.value, found.names)
        for each in found.assigned
        if each.form == "name" and isinstance(each.value, ast.Call)
    }
    return CodeFile(
        path=path,
        module=module.name,
        sites=found,
        source=text(project, path),
        made=made,
        classes=fields.find(module.classes, found.names),
        functions=tuple(name for name, node in module.functions.items() if not node.decorator_list),
    )
