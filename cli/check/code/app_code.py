"""The code of an app: the files that it reaches, their sites, and what of them runs while it starts."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lambdify.cli.check.code import code_file, served, sites
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, Call, Moment
from lambdify.cli.check.code.values import Value
from lambdify.cli.detection import django, imports
from lambdify.cli.detection.candidate import TESTS, Candidate
from lambdify.cli.detection.imports import Reach
from lambdify.cli.detection.project import Project
from lambdify.cli.settings import Settings

_WORD = re.compile(r"\w+")
NAMING = django.VARIABLE.encode()


@dataclass(frozen=True, kw_only=True, eq=False)
class AppCode:
    """All that rules read."""

    project: Project
    settings: Settings
    app: Candidate
    files: tuple[CodeFile, ...]
    aside: tuple[str, ...]
    """The texts of the project's commands and workers."""
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

    def calls(self) -> Sequence[tuple[CodeFile, Call]]:
        """Return every call."""
        return self._calls

    def assigned(self) -> Sequence[tuple[CodeFile, Assigned]]:
        """Return everything that gets a name."""
        return self._assigned

    @cached_property
    def _calls(self) -> Sequence[tuple[CodeFile, Call]]:
        every = ((file, call) for file in self.files for call in file.sites.calls)
        return [(file, call) for file, call in every if not self._is_by_hand(file, call.moment)]

    @cached_property
    def _assigned(self) -> Sequence[tuple[CodeFile, Assigned]]:
        every = ((file, each) for file in self.files for each in file.sites.assigned)
        return [(file, each) for file, each in every if not self._is_by_hand(file, each.moment)]

    def _is_by_hand(self, file: CodeFile, moment: Moment) -> bool:
        """Whether a site is in a function that commands call, and nothing else does."""
        return bool(self.aside) and f"{file.module}.{moment.function.partition('.')[0]}" in self._by_hand

    @cached_property
    def _by_hand(self) -> frozenset[str]:
        """The functions at the top level that only commands name, and those that only these call."""
        files_of = Counter(word for file in self.files for word in set(_WORD.findall(file.source)))
        commands = set(_WORD.findall("\n".join(self.aside)))
        called = self._called_outside(set())
        left = {
            f"{file.module}.{name}"
            for file in self.files
            for name in file.functions
            if files_of[name] == 1 and (name in commands or f"{file.module}.{name}" in called)
        }
        left -= self.starting
        found: set[str] = set()
        while more := left - found - self._called_outside(found):
            found |= more
        return frozenset(found)

    def _called_outside(self, functions: set[str]) -> set[str]:
        """Return what is called, but for the calls in some functions."""
        return {name for function, name in self._pairs if function not in functions}

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        """Each function at the top level with the names of what it calls; that of an import ends in a dot."""
        return frozenset(
            (f"{file.module}.{call.moment.function.partition('.')[0]}", self._resolve(call.name))
            for file in self.files
            for call in file.sites.calls
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
        calls = [(file, call) for file in self.files for call in file.sites.calls]
        for file, call in calls:
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
    project = Project(settings.root, settings.function.python)
    variables = {name: value for name, value in settings.environment.items() if isinstance(value, str)}
    reach = imports.reach(project, app, variables)
    paths = sorted(each.file for each in reach.files if not TESTS.search(each.file) or each.file == app.file)
    read_files = [file for path in paths if (file := code_file.read(project, path))]
    found = served.select(read_files, app)
    own = {f"{file.module}.{name}": call for file in found for name, call in file.made.items()}
    return AppCode(
        project=project,
        settings=settings,
        app=app,
        files=tuple(replace(file, made=own | file.made) for file in found),
        aside=tuple(
            code_file.text(project, path) for path in sorted(project.files) if served.ASIDE.search(path)
        ),
        django=_find_settings(project, app, reach, variables),
    )


def _find_settings(project: Project, app: Candidate, reach: Reach, variables: Mapping[str, str]) -> str:
    """Return the file of Django's settings: the variable names them, or wsgi.py, or manage.py."""
    managers = sorted(file for file in project.files if file.rpartition("/")[2] == "manage.py")
    order = [app.file, *sorted(each.file for each in reach.files), *managers]
    naming = (file for file in order if file and NAMING in project.text(file))
    trees = (tree for file in naming if (tree := project.tree(file)))
    named = variables.get(django.VARIABLE) or django.find_settings(trees)
    return project.file_of(named, near=app.path) if named else ""
