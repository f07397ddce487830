"""The imports of an app: what its module imports, itself or through the project's modules that it reaches.

    the app's module ▶ the project's modules that it imports, and what they do when imported ▶ the rest

Files are read, never run. What an import runs is followed: factories that are called at the top level, and
for Django the settings and what they name. Tests, migrations and management commands are reached by no app.

An import is *sure* if the app cannot be loaded without it, as far as reading tells. It is guarded if the app
may do without: it is below `try` or `if`, in a function that is not known to be called, or in a file that is
reached by such imports only.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lambdify.cli.detection import django, statements
from lambdify.cli.detection.candidate import TESTS, Candidate
from lambdify.cli.detection.project import SOURCE_FOLDERS, Project
from lambdify.cli.detection.statements import File, Scope, Statement

BODY = ""
"""The scope of what runs when a file is imported."""
LATE = ("admin",)
"""Modules of Django's apps that the admin site imports."""
OF_AN_APP = ("apps", "models")
"""Modules of Django's apps that Django imports."""


class Import(NamedTuple):
    """A module that is not the project's, and the place that says most surely that it is needed."""

    module: str
    """The top level: "google"."""
    full: str
    """The whole name, with what is imported from it: "google.cloud.storage", "flask.Flask"."""
    file: str
    """Relative to the project; "" if the app itself is of a dependency."""
    line: int
    guarded: bool
    """Whether the app may do without it."""
    at_import: bool
    """Whether it is imported when the app is; else by the first request, or by a function."""
    caught: bool = False
    """Whether the code says what happens without it: `except ImportError`."""

    @property
    def sure(self) -> bool:
        """Whether the app cannot answer a request without it."""
        return not self.guarded


class Reached(NamedTuple):
    """A file of the project that the app imports."""

    file: str
    guarded: bool
    at_import: bool


class Reach(NamedTuple):
    """All that an app leads to."""

    files: tuple[Reached, ...]
    imports: tuple[Import, ...]


def of(project: Project, app: Candidate, variables: Mapping[str, str] | None = None) -> tuple[Import, ...]:
    """Return what the app imports that is not the project's, the standard library included.

    Each name comes once, with its surest and first place. `variables` are those of the function: one may name
    Django's settings.
    """
    return reach(project, app, variables).imports


def reach(project: Project, app: Candidate, variables: Mapping[str, str] | None = None) -> Reach:
    """Return the files of the project that the app imports, and what they import that is foreign."""
    walk = _Walk(project, app.path)
    walk.begin(app)
    walk.run()
    if app.framework == "django" or any(name.startswith("django.") for name in walk.imports):
        walk.follow_django(variables or {})
        walk.run()
    order = sorted(
        walk.imports.values(), key=lambda each: (_rank(each.guarded, each.at_import), each.file, each.line)
    )
    return Reach(tuple(walk.files.values()), tuple(order))


def by_module(found: tuple[Import, ...]) -> Mapping[str, Import]:
    """Return the surest import of each top-level module."""
    first: dict[str, Import] = {}
    for each in found:
        first.setdefault(each.module, each)
    return first


def _rank(guarded: bool, at_import: bool) -> int:
    """Return how sure an import is; 0 is sure."""
    return 2 * guarded + (not at_import)


class _Node(NamedTuple):
    """A scope to read, the surest first."""

    rank: int
    number: int
    file: str
    scope: str


@dataclass
class _Walk:
    """The walk from scope to scope; each is read once, by the surest way to it."""

    project: Project
    root: str
    """The import root of the app."""
    imports: dict[str, Import] = field(default_factory=dict)
    files: dict[str, Reached] = field(default_factory=dict)
    waiting: list[_Node] = field(default_factory=list)
    done: set[tuple[str, str]] = field(default_factory=set)
    read: dict[str, File | None] = field(default_factory=dict)
    number: int = 0
    known: dict[str, list[str]] = field(default_factory=dict)
    """The project's files by the name that was imported."""
    unread: dict[str, bool] = field(default_factory=dict)
    """Whether the project has a top-level name, without a file to read."""

    def begin(self, app: Candidate) -> None:
        """Start with the app's module, and its factory."""
        name, _, attribute = app.app.partition(":")
        file = app.file or self.project.file_of(name, near=app.path)
        if not file:
            # It is of a dependency, and imported by its name alone.
            self._note(Import(name.partition(".")[0], name, "", 0, guarded=True, at_import=True, caught=True))
            return
        self._visit(name, file, 0, guarded=False, at_import=True)
        self._add(file, BODY, guarded=False, at_import=True)
        if "(" in attribute:
            self._call(file, attribute.partition("(")[0], guarded=False, at_import=True)

    def run(self) -> None:
        """Read all scopes that wait, and those that they lead to."""
        while self.waiting:
            node = heapq.heappop(self.waiting)
            if (node.file, node.scope) not in self.done:
                self.done.add((node.file, node.scope))
                self._read(node)

    def follow_django(self, variables: Mapping[str, str]) -> None:
        """Go on with Django's settings, and with what they name."""
        named = variables.get(django.VARIABLE) or self._find_settings(self.files)
        sure = bool(named)
        if not named:
            managers = sorted(file for file in self.project.files if file.rpartition("/")[2] == "manage.py")
            named = self._find_settings(managers)
        if not named:
            return
        before = set(self.files)
        self._visit(named, "", 0, guarded=not sure, at_import=True)
        self.run()
        package = self._own(named)[-1:]
        files = [*package, *(file for file in self.files if file not in before and file not in package)]
        found = django.read([(file, tree) for file in files if (tree := self.project.tree(file))])
        admin = any(each.path == "django.contrib.admin" for each in found)
        for each in found:
            guarded = each.guarded or not sure
            later = each.setting == django.URLS or each.setting in django.LATER
            self._visit(each.path, each.file, each.line, guarded=guarded, at_import=not later)
            if each.setting == django.APPS:
                self._app(each, guarded, [*OF_AN_APP, *(LATE if admin else ())])

    def _find_settings(self, files: Iterable[str]) -> str:
        naming = [file for file in files if django.VARIABLE.encode() in self.project.text(file)]
        return django.find_settings(tree for file in naming if (tree := self.project.tree(file)))

    def _app(self, app: django.Named, guarded: bool, modules: list[str]) -> None:
        """Follow the modules that Django imports of an app of the project."""
        package = app.path.partition(".apps.")[0]
        for name in modules:
            inner = f"{package}.{name}"
            if self._file_of(inner):
                self._visit(inner, app.file, app.line, guarded=guarded, at_import=True)

    def _read(self, node: _Node) -> None:
        """Take what a scope imports and calls."""
        guarded, at_import = node.rank >= 2, node.rank % 2 == 0
        file = self._open(node.file)
        if node.scope == BODY:
            self.files[node.file] = Reached(node.file, guarded, at_import)
            for name in file.functions if file else ():
                self._add(node.file, name, guarded=True, at_import=False)
        scope = _scope(file, node.scope, runs=not guarded) if file else None
        if scope is None:
            return
        for each in scope.imports:
            late = each.place.later or not at_import
            self._import(each, node.file, guarded or each.place.guarded, not late)
        for call in scope.calls:
            if not (guarded or call.place.guarded):
                self._call(node.file, call.name, guarded=guarded, at_import=at_import)

    def _open(self, file: str) -> File | None:
        if file not in self.read:
            tree = self.project.tree(file)
            self.read[file] = statements.read(tree) if tree else None
        return self.read[file]

    def _import(self, each: Statement, file: str, guarded: bool, at_import: bool) -> None:
        line = each.place.line
        name = f"{each.module}.{each.name}".strip(".") if each.name not in {"", "*"} else each.module
        if each.level:
            for found in self._named(name, each.level, file):
                self._add(found, BODY, guarded=guarded, at_import=at_import)
        elif name.partition(".")[0] != "__future__" and not (each.spelled and not self._own(name)):
            self._visit(name, file, line, guarded=guarded, at_import=at_import, caught=each.place.caught)

    def _visit(
        self, name: str, file: str, line: int, *, guarded: bool, at_import: bool, caught: bool = False
    ) -> None:
        """Follow a name into the project, or note it."""
        if own := self._own(name):
            for found in own:
                self._add(found, BODY, guarded=guarded, at_import=at_import)
        elif not self._is_own(name.partition(".")[0]):
            top = name.partition(".")[0]
            self._note(Import(top, name, file, line, guarded, at_import, caught))

    def _note(self, found: Import) -> None:
        known = self.imports.get(found.full)
        if known is None or _rank(found.guarded, found.at_import) < _rank(known.guarded, known.at_import):
            self.imports[found.full] = found

    def _add(self, file: str, scope: str, *, guarded: bool, at_import: bool) -> None:
        if (file, scope) not in self.done:
            self.number += 1
            heapq.heappush(self.waiting, _Node(_rank(guarded, at_import), self.number, file, scope))

    def _call(self, file: str, name: str, *, guarded: bool, at_import: bool) -> None:
        """Follow a call of a function of the project, by the name that a file has for it."""
        read = self._open(file)
        if read is None:
            return
        if name in read.functions:
            self._add(file, name, guarded=guarded, at_import=at_import)
            return
        for each in read.body.imports:
            if each.local and f"{name}.".startswith(f"{each.local}."):
                rest = name.removeprefix(each.local).strip(".")
                *modules, function = ".".join(filter(None, (each.module, each.name, rest))).split(".")
                found = self._named(".".join(modules), each.level, file)
                for target in found[-1:]:
                    self._add(target, function, guarded=guarded, at_import=at_import)

    def _named(self, name: str, level: int, file: str) -> list[str]:
        """Return the files that a name with so many dots in front runs in a file."""
        if not level:
            return self._own(name) if name else []
        base = file.rsplit("/", level)[0] if file.count("/") >= level else ""
        return self._files_below(base, name)

    def _own(self, name: str) -> list[str]:
        """Return the files that `import name` runs, the module itself last; [] if the project has none."""
        if name not in self.known:
            roots = dict.fromkeys((self.root, "", *sorted(SOURCE_FOLDERS), *self._elsewhere(name)))
            self.known[name] = next((found for root in roots if (found := self._files_below(root, name))), [])
        return self.known[name]

    def _elsewhere(self, name: str) -> list[str]:
        """Return the other folders that hold a module: something may put them on sys.path."""
        return sorted(self.folders.get(name.partition(".")[0], ()))

    @cached_property
    def folders(self) -> Mapping[str, set[str]]:
        """The folders that hold each name that could be imported, those of tests apart."""
        found: dict[str, set[str]] = {}
        for file in self.project.files:
            parts = [] if TESTS.search(file) else file.removesuffix(".py").split("/")
            for index, part in enumerate(parts):
                found.setdefault(part, set()).add("/".join(parts[:index]))
        return found

    def _files_below(self, root: str, name: str) -> list[str]:
        """Return the files that `name` runs below a folder, from the outermost package to the module."""
        found: list[str] = []
        place = root
        own = f"{root}/__init__.py" if root else "__init__.py"
        if not name:
            return [own] if own in self.project.files else []
        for part in name.split("."):
            place = f"{place}/{part}" if place else part
            if f"{place}/__init__.py" in self.project.files:
                found.append(f"{place}/__init__.py")
            elif f"{place}.py" in self.project.files:
                return [*found, f"{place}.py"]
        return found

    def _file_of(self, name: str) -> str:
        """Return the file of exactly this module; "" if the project has none."""
        inner = name.replace(".", "/")
        found = self._own(name)[-1:]
        return next((file for file in found if file.endswith((f"{inner}.py", f"{inner}/__init__.py"))), "")

    def _is_own(self, top: str) -> bool:
        """Whether something of the project has this name that is not read: a link, a compiled module."""
        if top not in self.unread:
            places = [self.project.root / root for root in {self.root, "", *SOURCE_FOLDERS}]
            self.unread[top] = self.project.holds(top, near=self.root) or any(
                (place / top).exists() or any(place.glob(f"{top}.*[yod]")) for place in places
            )
        return self.unread[top]


def _scope(file: File, name: str, *, runs: bool) -> Scope | None:
    """Return what a file or one of its functions does; None if it has no such function."""
    if name == BODY:
        return file.body
    function = file.functions.get(name)
    return statements.read_function(function, runs=runs) if function else None
