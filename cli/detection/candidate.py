"""Candidates: the apps of a project, each with a score and its evidence.

A candidate is a name at the top level of a module that holds an app. Its score says how likely it is the app
to deploy. The points come from its place, its name, and above all from files that start it; they were tuned
with real projects. The evidence is shown to the user.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lambdify.cli.detection import catalogue, kind, launch
from lambdify.cli.detection.kind import Kind
from lambdify.cli.detection.launch import Launch
from lambdify.cli.detection.module import Assignment, FunctionNode, Module
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
AROUND = 8
"""A known wrapper of an app is made to be served in its place, under whatever name."""
GUESSED = -30
"""What takes an app and is not known counts for less than the app itself."""
FROM_ELSEWHERE = -16
"""An app that is imported from a package is not to be read."""
SIDE_FOLDER = -12
TEST_FOLDER = -60

FILE_POINTS: Mapping[str, int] = {
    "wsgi": 9, "asgi": 8, "app": 8, "main": 8, "application": 7, "autoapp": 7, "server": 6, "__init__": 6,
    "api": 5, "index": 5, "web": 4, "run": 3, "local": -4, "dev": -4, "debug": -6, "manage": -5,
}  # fmt: skip
NAME_POINTS: Mapping[str, int] = {
    "application": 7, "app": 6, "api": 3, "wsgi_app": 3, "asgi_app": 3, "server": 2,
}  # fmt: skip
RE_EXPORTED = frozenset({"app", "application", "wsgi_app", "asgi_app"})
"""Names that an app from another package goes by."""
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
    b"Dash", b"OpenAPI(", b"AsyncApp", b"ProtocolTypeRouter", b"make_wsgi_app", b"get_wsgi_application",
    b"get_asgi_application", b"WSGIHandler", b"ASGIHandler", b"start_response", b"receive, send", b"Eve(",
    b"vizro", b"Starlite", b"Esmerald", b"Lilya", b"responder", b"fasthtml", b"cherrypy", b"pyramid",
    b"pecan", b"webapp2", b"ariadne", b"strawberry", b"spyne", b"wsgifunc", b"http_app", b"sse_app",
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
    file: str = ""
    """The file that has the name."""
    guessed: bool = False
    """Whether it is what a call gave back that took an app, and the call is not known."""


def find(project: Project) -> list[Candidate]:
    """Return every app in the project, the likeliest first; those in tests and examples score below zero."""
    launches = launch.find(project.root)
    modules = [module for module in map(project.module, worth_parsing(project, launches)) if module]
    found = [candidate for module in modules for candidate in _in_module(module, project)]
    found += _started_but_unclear(found, launches, project)
    has_wsgi = any(each.framework == "django" and each.interface == "wsgi" for each in found)
    has_manage = any(file.rpartition("/")[2] == "manage.py" for file in project.files)
    certain = {each.origin for each in found if not each.guessed}
    mounted = {
        app.origin
        for module in modules
        for name in module.mounted
        if (app := kind.classify_qualified(name, module, project))
    }
    weighed = [
        _adjust_score(
            replace(each, score=each.score + (GUESSED if each.guessed and each.origin in certain else 0)),
            launches=launches,
            mounted=mounted,
            has_manage=has_manage,
            has_wsgi=has_wsgi,
        )
        for each in found
    ]
    return sorted(weighed, key=lambda each: (-each.score, each.app))


def worth_parsing(project: Project, launches: tuple[Launch, ...]) -> list[str]:
    """Return the files that may create or import an app."""
    launched = {project.file_of(each.module) for each in launches} - {""}
    return sorted(
        file
        for file in project.files
        if file in launched or ENTRY_FILES.search(file) or _mentions_framework(project.text(file))
    )


def _mentions_framework(text: bytes) -> bool:
    text = text.replace(b"\0", b"")  # those of UTF-16
    return any(hint in text for hint in FRAMEWORK_MARKERS)


def _in_module(module: Module, project: Project) -> Iterator[Candidate]:
    """Yield the apps that are names of a module."""
    seen: set[str] = set()
    for assignment in reversed(module.assignments):
        if assignment.name in seen or assignment.name.startswith("_"):
            continue
        made = kind.classify_expression(module, assignment.node, project)
        if made is None and isinstance(assignment.node, ast.Constant):
            continue  # `except ImportError: app = None`
        seen.add(assignment.name)
        if made and _is_meant(assignment, made) and not _has_suffix(module, assignment.name, made):
            quoted = _quote(module, assignment.line, assignment.node, assignment.name)
            points = MADE_HERE + (AROUND if made.wrapped == "known" else 0)
            yield build(module, assignment.name + made.suffix, made, points, quoted)
    yield from _functions(module, project, seen)
    if ENTRY_FILES.search(module.file):
        yield from _imported(module, project, seen)


def _is_meant(assignment: Assignment, made: Kind) -> bool:
    """Whether a name may be that of an app; what an unknown call gave back has to be called so.

    Or it takes the place of the app: `web = wrap(web)`.
    """
    if made.wrapped != "guess" or assignment.name in NAME_POINTS:
        return True
    replaced = any(
        isinstance(part, ast.Name) and part.id == assignment.name for part in ast.walk(assignment.node)
    )
    return replaced or bool(re.search("[aw]sgi", assignment.name.lower()))


def _has_suffix(module: Module, name: str, made: Kind) -> bool:
    """Whether the module has a name for the attribute that is the app: `server = app.server`."""
    inner = f"{name}{made.suffix}"
    return bool(made.suffix) and any(inner == ast.unparse(each.node) for each in module.assignments)


def _functions(module: Module, project: Project, seen: set[str]) -> Iterator[Candidate]:
    for name, function in module.functions.items():
        if name not in seen and (made := kind.classify_function(module, function, project)):
            evidence = f"{module.file}:{function.lineno}  def {name}({ast.unparse(function.args)})"
            yield build(module, name, made, MADE_HERE, evidence)
        elif (
            FACTORY_NAME.fullmatch(name)
            and not required(function)
            and (made := kind.classify_factory(module, function, project))
        ):
            evidence = f"{module.file}:{function.lineno}  {name}() returns it"
            yield build(module, f"{name}()", made, FACTORY, evidence)


def _imported(module: Module, project: Project, seen: set[str]) -> Iterator[Candidate]:
    """Yield the apps that a file imports, also from a package that the project does not have."""
    for name in (NAME_POINTS.keys() & module.imports.keys()) - seen:
        imported = module.imports[name]
        evidence = f"{module.file} imports {imported}"
        if made := kind.classify_name(module, name, project):
            yield build(module, name + made.suffix, made, MADE_HERE - 1, evidence)
        elif name in RE_EXPORTED and _is_foreign(imported, module, project):
            made = Kind("unknown", "unknown", imported)
            yield build(module, name, made, MADE_HERE + FROM_ELSEWHERE, evidence)


def _is_foreign(imported: str, module: Module, project: Project) -> bool:
    """Whether a name is imported from a package that is not the project's, and is no framework's."""
    top = imported.partition(".")[0]
    return (
        "." in imported
        and not project.holds(top, near=module.root)
        and top not in sys.stdlib_module_names
        and top not in catalogue.packages()
    )


def build(module: Module, attribute: str, made: Kind, points: int, evidence: str) -> Candidate:
    """Return the candidate that a name of a module is, with the points of its place and name."""
    stem = module.file.rpartition("/")[2].removesuffix(".py")
    return Candidate(
        app=f"{module.name}:{attribute}",
        framework=made.framework,
        interface=made.interface,
        score=points
        + FILE_POINTS.get(stem, 0)
        + NAME_POINTS.get(attribute.partition(".")[0], 0)
        + PACKAGE_DEPTH * module.name.count("."),
        evidence=(evidence,),
        path=module.root,
        origin=made.origin,
        file=module.file,
        guessed=made.wrapped == "guess",
    )


def _quote(module: Module, line: int, node: ast.expr, name: str) -> str:
    """Return the line that creates an app, as evidence."""
    source = ast.unparse(node)
    return f"{module.file}:{line}  {name} = {source if len(source) <= 60 else source[:57] + '...'}"


def required(function: FunctionNode) -> list[str]:
    """Return the names of the arguments that a function needs."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    needed += [
        each
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return [each.arg for each in needed]


def unfilled(function: FunctionNode, positional: int, named: tuple[str, ...]) -> list[str]:
    """Return the arguments that a function needs, and that a call with these does not give it."""
    arguments = function.args
    filled = {each.arg for each in (*arguments.posonlyargs, *arguments.args)[:positional]} | set(named)
    return [name for name in required(function) if name not in filled]


def _started_but_unclear(
    found: list[Candidate], launches: tuple[Launch, ...], project: Project
) -> Iterator[Candidate]:
    """Yield names that a launch file starts, but that were not found by reading."""
    for launched in launches:
        module = project.find(launched.module)
        name, call, _ = launched.attribute.partition("(")
        if any(_match(each, launched) == STARTED for each in found) or not name:
            continue
        if module is None:
            if not project.holds(launched.module.partition(".")[0]) and project.depends_on(launched.module):
                yield _foreign(launched)
        elif _holds(module, name, project) and not _takes_app(module, name, project):
            unclear = Kind("unknown", "unknown", f"{module.file}:{name}")
            function = module.functions.get(name)
            factory = kind.classify_factory(module, function, project) if function else None
            made = factory or kind.classify_name(module, name, project) or unclear
            attribute = f"{name}()" if factory and not call else launched.attribute + made.suffix
            yield build(module, attribute, made, MADE_HERE, f"{module.file} has it")


def _holds(module: Module, name: str, project: Project) -> bool:
    """Whether a module has a name, of its own or by a star import of an app."""
    return name in module.names() or bool(module.star_imports and kind.classify_name(module, name, project))


def _takes_app(module: Module, name: str, project: Project) -> bool:
    """Whether a name is what only takes an app, such as an extension."""
    return any(
        isinstance(each.node, ast.Call) and kind.takes_app(module, each.node, project)
        for each in module.assignments
        if each.name == name
    )


def _foreign(launched: Launch) -> Candidate:
    """Return the app of a package that the project depends on, which a file starts."""
    app = f"{launched.module}:{launched.attribute}"
    return Candidate(
        app=app,
        framework="unknown",
        interface="unknown",
        score=MADE_HERE,
        evidence=(f"{launched.module} is a dependency",),
        path="",
        origin=app,
    )


def _adjust_score(
    candidate: Candidate, *, launches: tuple[Launch, ...], mounted: set[str], has_manage: bool, has_wsgi: bool
) -> Candidate:
    """Return the candidate with the points that depend on the rest of the project."""
    points, evidence = 0, list(candidate.evidence)
    if TESTS.search(candidate.file):
        points += TEST_FOLDER
    elif SIDE.search(candidate.file):
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
    # `flask --app shop:create_app` and `uvicorn --factory` call it; "app" of a Dash object is its server.
    plain = launched.attribute.removesuffix("()")
    if launched.attribute not in {"", attribute} and plain != re.split(r"[.(]", attribute)[0]:
        return 0
    if module == launched.module:
        return STARTED
    longer, shorter = sorted((module, launched.module), key=len, reverse=True)
    return STARTED_NEARLY if longer.endswith(f".{shorter}") else 0
