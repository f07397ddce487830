"""Candidates: the apps of a project, each with a score and its evidence.

A candidate is a name at the top level of a module that holds an app. Its score says how likely it is the app
to deploy. The points come from its place, its name, and above all from files that start it; they were tuned
with real projects. The evidence is shown to the user.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lambdify.cli.detection import kind, launch
from lambdify.cli.detection.kind import Kind
from lambdify.cli.detection.launch import Launch
from lambdify.cli.detection.module import FunctionNode, Module
from lambdify.cli.detection.project import Project

MADE_HERE = 20
STARTED = 40
STARTED_NEARLY = 20
"""A launch file names the same module below another root: "wsgi:app" for "shop.wsgi:app"."""
FACTORY = 16
PACKAGE_DEPTH = -2
MANAGED = 8
"""Points for a Django app in a project with manage.py."""
ASGI_BESIDE_WSGI = -5
"""`startproject` writes both; WSGI is simpler to run, and Django's own docs begin with it."""
MOUNTED = -15
SIDE_FOLDER = -12
TEST_FOLDER = -60

FILE_POINTS: Mapping[str, int] = {
    "wsgi": 9, "asgi": 8, "app": 8, "main": 8, "application": 7, "autoapp": 7, "server": 6, "__init__": 6,
    "api": 5, "index": 5, "web": 4, "run": 3, "local": -4, "dev": -4, "debug": -6, "manage": -5,
}  # fmt: skip
NAME_POINTS: Mapping[str, int] = {
    "application": 7, "app": 6, "api": 3, "wsgi_app": 3, "asgi_app": 3, "server": 2,
}  # fmt: skip
TESTS = re.compile(
    r"(^|/)(tests?|testing|examples?|docs?|docs_src|samples?|benchmarks?|fixtures)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest|noxfile|setup|tasks)\.py$"
)
SIDE = re.compile(
    r"(^|/)(bin|tools?|scripts?|dev|hack|infra|contrib|utils|ci|deploy|ops|lambdas?|sdk|clients?)/"
)
FACTORY_NAME = re.compile(r"(create|make|build|get|init|new)_?(\w+_)?(app|application|wsgi|asgi|server|api)")

FRAMEWORK_MARKERS = (
    b"Flask", b"FastAPI", b"Starlette", b"Quart", b"Litestar", b"bottle", b"falcon", b"Sanic", b"blacksheep",
    b"Dash(", b"OpenAPI(", b"AsyncApp", b"ProtocolTypeRouter", b"make_wsgi_app", b"get_wsgi_application",
    b"get_asgi_application", b"WSGIHandler", b"ASGIHandler", b"start_response", b"receive, send",
)  # fmt: skip
"""A file without any of these creates no app, and is parsed only if another file imports from it. They are
searched for one by one, which is five times faster than one regular expression."""
ENTRY_FILES = re.compile(r"(^|/)(wsgi|asgi|app|main|application|server|run|index|manage|autoapp)\.py$")
"""Files that may import an app without naming a framework: `from shop import app`."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An app, with its score and evidence."""

    app: str
    """"package.module:attribute", or "package.module:create_app()" for a factory."""
    framework: str
    """"flask", "django", "fastapi", ...; "wsgi" or "asgi" if the framework is not known; or "unknown"."""
    interface: str
    """"wsgi", "asgi" or "unknown"."""
    score: int
    evidence: tuple[str, ...]
    path: str
    """The folder that has to be on sys.path, relative to the project: "" or "src"."""
    origin: str = ""
    """Where the app is created, "file:line": candidates with the same origin are the same app."""


def find(root: Path) -> list[Candidate]:
    """Return every app in the project, the likeliest first; those in tests and examples score below zero."""
    project = Project(root)
    launches = launch.find(root)
    modules = [module for module in map(project.module, _worth_parsing(project, launches)) if module]
    found = [candidate for module in modules for candidate in _in_module(module, project)]
    found += _started_but_unclear(found, launches, project)
    has_wsgi = any(each.framework == "django" and each.interface == "wsgi" for each in found)
    has_manage = any(file.rpartition("/")[2] == "manage.py" for file in project.files)
    mounted = {
        app.origin
        for module in modules
        for name in module.mounted
        if (app := kind.classify_qualified(name, module, project))
    }
    weighed = [
        _adjust_score(each, launches=launches, mounted=mounted, has_manage=has_manage, has_wsgi=has_wsgi)
        for each in found
    ]
    return sorted(weighed, key=lambda each: (-each.score, each.app))


def _worth_parsing(project: Project, launches: tuple[Launch, ...]) -> list[str]:
    started = {project.file_of(each.module) for each in launches} - {""}
    return sorted(
        file
        for file in project.files
        if file in started or ENTRY_FILES.search(file) or _mentions_framework(project.text(file))
    )


def _mentions_framework(text: bytes) -> bool:
    return any(hint in text for hint in FRAMEWORK_MARKERS)


def _in_module(module: Module, project: Project) -> Iterator[Candidate]:
    """Yield the apps that are names of a module."""
    seen: set[str] = set()
    for assignment in reversed(module.assignments):
        if assignment.name in seen or assignment.name.startswith("_"):
            continue
        seen.add(assignment.name)
        made = kind.classify_expression(module, assignment.node, project)
        # Migrate(app, db) takes an app too: a wrapper is a candidate only under a usual name of apps.
        if made and (assignment.name in NAME_POINTS or not made.wrapped):
            yield _candidate(
                module,
                assignment.name,
                made,
                MADE_HERE,
                _quote(module, assignment.line, assignment.node, assignment.name),
            )
    for name, function in module.functions.items():
        if name not in seen and (made := kind.classify_signature(module, function)):
            evidence = f"{module.file}:{function.lineno}  def {name}({ast.unparse(function.args)})"
            yield _candidate(module, name, made, MADE_HERE, evidence)
        elif (
            FACTORY_NAME.fullmatch(name)
            and not _required(function)
            and (made := kind.classify_factory(module, function, project))
        ):
            evidence = f"{module.file}:{function.lineno}  {name}() returns it"
            yield _candidate(module, f"{name}()", made, FACTORY, evidence)
    if ENTRY_FILES.search(module.file):
        for name in (NAME_POINTS.keys() & module.imports.keys()) - seen:
            if made := kind.classify_name(module, name, project):
                evidence = f"{module.file} imports {module.imports[name]}"
                yield _candidate(module, name, made, MADE_HERE - 1, evidence)


def _candidate(module: Module, attribute: str, made: Kind, points: int, evidence: str) -> Candidate:
    stem = module.file.rpartition("/")[2].removesuffix(".py")
    return Candidate(
        app=f"{module.name}:{attribute}",
        framework=made.framework,
        interface=made.interface,
        score=points
        + FILE_POINTS.get(stem, 0)
        + NAME_POINTS.get(attribute, 0)
        + PACKAGE_DEPTH * module.name.count("."),
        evidence=(evidence,),
        path=module.root,
        origin=made.origin,
    )


def _quote(module: Module, line: int, node: ast.expr, name: str) -> str:
    """Return the line that creates an app, as evidence."""
    source = ast.unparse(node)
    return f"{module.file}:{line}  {name} = {source if len(source) <= 60 else source[:57] + '...'}"


def _required(function: FunctionNode) -> bool:
    """Whether the function has required arguments."""
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > 0 or any(default is None for default in arguments.kw_defaults)


def _started_but_unclear(
    found: list[Candidate], launches: tuple[Launch, ...], project: Project
) -> Iterator[Candidate]:
    """Yield names that a launch file starts, but whose kind is not known from the code."""
    for launched in launches:
        module = project.find(launched.module)
        name = launched.attribute.removesuffix("()")
        if module is None or name not in module.names():
            continue
        app = f"{module.name}:{launched.attribute}"
        if not any(each.app == app for each in found):
            made = kind.classify_name(module, name, project) or Kind(
                "unknown", "unknown", f"{module.file}:{name}"
            )
            yield _candidate(module, launched.attribute, made, MADE_HERE, f"{module.file} has it")


def _adjust_score(
    candidate: Candidate, *, launches: tuple[Launch, ...], mounted: set[str], has_manage: bool, has_wsgi: bool
) -> Candidate:
    """Return the candidate with the points that depend on the rest of the project."""
    file = candidate.evidence[0].partition(":")[0].partition(" ")[0]
    points, evidence = 0, list(candidate.evidence)
    if TESTS.search(file):
        points += TEST_FOLDER
    elif SIDE.search(file):
        points += SIDE_FOLDER
    if candidate.framework == "django":
        points += MANAGED if has_manage else 0
        points += ASGI_BESIDE_WSGI if candidate.interface == "asgi" and has_wsgi else 0
    if candidate.origin in mounted:
        points += MOUNTED
        evidence.append("mounted into another app")
    for launched in launches:
        if gained := _match(candidate, launched):
            points += gained
            evidence.append(f"{launched.file} starts it")
            break
    return replace(candidate, score=candidate.score + points, evidence=tuple(evidence))


def _match(candidate: Candidate, launched: Launch) -> int:
    """Return the points for a launch file that names the candidate, exactly or below another root; else 0."""
    module, _, attribute = candidate.app.partition(":")
    if launched.attribute.removesuffix("()") not in {"", attribute.removesuffix("()")}:
        return 0
    if module == launched.module:
        return STARTED
    longer, shorter = sorted((module, launched.module), key=len, reverse=True)
    return STARTED_NEARLY if longer.endswith(f".{shorter}") else 0
