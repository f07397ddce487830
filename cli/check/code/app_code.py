"""The code of an app: the files that it reaches, their sites, and what of them runs while it starts."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lambdify.cli.check.code import fields, sites, values
from lambdify.cli.check.code.fields import SettingsClass
from lambdify.cli.check.code.sites import Assigned, Call, Moment, Sites
from lambdify.cli.check.code.values import Value
from lambdify.cli.detection import django, imports
from lambdify.cli.detection.candidate import TESTS, Candidate
from lambdify.cli.detection.imports import Reach
from lambdify.cli.detection.module import Module
from lambdify.cli.detection.project import Project
from lambdify.cli.settings import Settings

ASIDE = re.compile(
    r"(^|/)(migrations|management|alembic|fabfile|stubs?|tests?|cli|commands)/"
    r"|(^|/)(celery(_\w+)?|celery_tasks|cli|commands|worker|manage|gunicorn\w*|locustfile|conftest)\.py$"
)
"""Files that a function does not run: workers, and commands for a terminal."""
_WORD = re.compile(r"\w+")
NAMING = django.VARIABLE.encode()
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


@dataclass(frozen=True, kw_only=True, eq=False)
class AppCode:
    """All that rules read."""

    project: Project
    settings: Settings
    app: Candidate
    files: tuple[CodeFile, ...]
    aside: tuple[str, ...]
    """The texts of the files that are left aside: commands and workers."""
    django: str
    """The file of Django's settings; "" if the app has none."""

    @cached_property
    def starting(self) -> frozenset[str]:
        """Functions that surely run while the app starts: factories, and what they call."""
        found: set[str] = set()
        waiting = [*self._entries()]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._called.get(name, ())
        return frozenset(found)

    def starts(self, file: CodeFile, moment: Moment) -> bool:
        """Whether a site runs while the app starts, and not for a request."""
        return not moment.function or f"{file.module}.{moment.function}" in self.starting

    def will(self, file: CodeFile, moment: Moment) -> bool:
        """Whether a site surely runs while the app starts, and nothing catches what it raises."""
        return moment.sure and not moment.caught and self.starts(file, moment)

    def calls(self) -> Iterator[tuple[CodeFile, Call]]:
        """Yield every call."""
        return (
            (file, call)
            for file in self.files
            for call in file.sites.calls
            if not self._is_by_hand(file, call.moment)
        )

    def assigned(self) -> Iterator[tuple[CodeFile, Assigned]]:
        """Yield everything that gets a name."""
        return (
            (file, each)
            for file in self.files
            for each in file.sites.assigned
            if not self._is_by_hand(file, each.moment)
        )

    def _is_by_hand(self, file: CodeFile, moment: Moment) -> bool:
        """Whether a site is in a function that commands call, and nothing else does."""
        return bool(self.aside) and f"{file.module}.{moment.function.partition('.')[0]}" in self._by_hand

    @cached_property
    def _by_hand(self) -> frozenset[str]:
        """The functions at the top level of a file that only what is left aside names."""
        words = [set(_WORD.findall(file.source)) for file in self.files]
        commands = set(_WORD.findall("\n".join(self.aside)))
        called = {self._resolve(call.name) for file in self.files for call in file.sites.calls}
        return frozenset(
            f"{file.module}.{name}"
            for index, file in enumerate(self.files)
            for name in file.functions
            if name in commands
            and f"{file.module}.{name}" not in called
            and not any(name in each for number, each in enumerate(words) if number != index)
        )

    def is_given(self, value: Value) -> bool:
        """Whether the stage's settings give one of the variables that a value reads."""
        given = {*self.settings.environment, *self.settings.secrets}
        return any(name in given for name in value.variables)

    def imports(self, package: str) -> bool:
        """Whether a file of the app imports a package."""
        return any(
            name == package or name.startswith(f"{package}.")
            for file in self.files
            for name in file.sites.names.values()
        )

    def _entries(self) -> Iterator[str]:
        """Yield the functions that an import calls, and those that a framework calls when the app starts."""
        module, _, attribute = self.app.app.partition(":")
        if "(" in attribute:
            yield self._resolve(f"{module}.{attribute.partition('(')[0]}")
        yield from self._called.get("", ())
        for file in self.files:
            for each in file.sites.decorated:
                if "startup" in ast.unparse(each.node) and each.name.endswith((".on_event", ".listener")):
                    yield f"{file.module}.{each.moment.prefix}{each.function.name}"
            for call in file.sites.calls:
                if (lifespan := call.argument(-1, "lifespan")) is not None:
                    yield self._resolve(sites.qualify(lifespan, file.sites.names))
        if self.django:
            yield from (name for name in self._functions if name.endswith("Config.ready"))

    @cached_property
    def _functions(self) -> frozenset[str]:
        """The qualified names of all functions that call or set something."""
        places = [(file, call.moment) for file in self.files for call in file.sites.calls]
        places += [(file, each.moment) for file in self.files for each in file.sites.assigned]
        return frozenset(f"{file.module}.{moment.function}" for file, moment in places)

    @cached_property
    def _called(self) -> Mapping[str, tuple[str, ...]]:
        """What each function surely calls, by qualified names; "" is what imports call."""
        found: dict[str, list[str]] = {}
        for file, call in self.calls():
            if call.moment.sure:
                caller = f"{file.module}.{call.moment.function}" if call.moment.function else ""
                name = self._resolve(call.name)
                found.setdefault(caller, []).extend((name, f"{name}.__init__"))
        return {caller: tuple(names) for caller, names in found.items()}

    def _resolve(self, name: str, depth: int = 0) -> str:
        """Return the name under which a function is defined, if another file passes it on."""
        if name in self._functions or depth > 8:
            return name
        module, _, last = name.rpartition(".")
        known = self._names.get(module, {}).get(last)
        return self._resolve(known, depth + 1) if known and known != name else name

    @cached_property
    def _names(self) -> Mapping[str, dict[str, str]]:
        return {file.module: file.sites.names for file in self.files}


def read(settings: Settings, app: Candidate) -> AppCode:
    """Return the code of an app; files that cannot be read as Python are left out."""
    project = Project(settings.root)
    variables = {name: value for name, value in settings.environment.items() if isinstance(value, str)}
    reach = imports.reach(project, app, variables)
    paths = sorted(each.file for each in reach.files if not TESTS.search(each.file) or each.file == app.file)
    read_files = [file for path in paths if (file := _read_file(project, path))]
    found = _without_aside(read_files, app)
    own = {f"{file.module}.{name}": call for file in found for name, call in file.made.items()}
    return AppCode(
        project=project,
        settings=settings,
        app=app,
        files=tuple(replace(file, made=own | file.made) for file in found),
        aside=tuple(file.source for file in read_files if file not in found),
        django=_find_settings(project, app, reach, variables),
    )


def _without_aside(files: list[CodeFile], app: Candidate) -> list[CodeFile]:
    """Return the files without those that workers and commands are in, or that only these import."""
    aside = {file.path for file in files if ASIDE.search(file.path) and file.path != app.file}
    if app.framework == "django":
        return [file for file in files if file.path not in aside]  # Django imports files by texts, too
    by_module = {file.module: file.path for file in files}
    imported = {file.path: _imported(file, by_module) for file in files}
    behind = _closure(aside, imported, set())
    start = {file.path for file in files if file.path == app.file or file.path not in behind}
    used = _closure(start, imported, aside)
    return [file for file in files if file.path in used]


def _imported(file: CodeFile, by_module: Mapping[str, str]) -> set[str]:
    """Return the files that a file imports, with the packages that they are in."""
    names = (name.split(".") for name in set(file.sites.names.values()))
    modules = {".".join(parts[:count]) for parts in names for count in range(1, len(parts) + 1)}
    return {by_module[module] for module in modules & by_module.keys()}


def _closure(start: set[str], imported: Mapping[str, set[str]], without: set[str]) -> set[str]:
    """Return the files that others lead to, themselves included."""
    found: set[str] = set()
    waiting = [*start]
    while waiting:
        path = waiting.pop()
        if path not in found and path not in without:
            found.add(path)
            waiting += imported[path]
    return found


def _find_settings(project: Project, app: Candidate, reach: Reach, variables: Mapping[str, str]) -> str:
    """Return the file of Django's settings: the variable names them, or wsgi.py, or manage.py."""
    managers = sorted(file for file in project.files if file.rpartition("/")[2] == "manage.py")
    order = [app.file, *sorted(each.file for each in reach.files), *managers]
    naming = (file for file in order if file and NAMING in project.text(file))
    trees = (tree for file in naming if (tree := project.tree(file)))
    named = variables.get(django.VARIABLE) or django.find_settings(trees)
    return project.file_of(named, near=app.path) if named else ""


def _read_file(project: Project, path: str) -> CodeFile | None:
    module: Module | None = project.module(path)
    tree = project.tree(path)
    if module is None or tree is None:
        return None
    found = sites.read(tree, module.name, package=path.endswith("__init__.py"))
    source = project.text(path).decode("utf-8", "replace")
    made = {
        each.name: sites.qualify(each.value, found.names)
        for each in found.assigned
        if each.form == "name" and isinstance(each.value, ast.Call)
    }
    return CodeFile(
        path=path,
        module=module.name,
        sites=found,
        source=source,
        made=made,
        classes=fields.find(module.classes, found.names),
        functions=tuple(name for name, node in module.functions.items() if not node.decorator_list),
    )
