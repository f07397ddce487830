"""Kinds of apps: the framework and the interface of the app that an expression creates.

Names are followed through imports, assignments, subclasses, factories and wrappers, as far as possible.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from lambdify.cli.detection.module import FunctionNode, Module
from lambdify.cli.detection.module import read as read_module
from lambdify.cli.detection.project import Project

MAX_DEPTH = 8
"""Steps that a name is followed at most: imports can be circular."""


class Kind(NamedTuple):
    """The kind of an app, and where it is created: two names with the same origin are one app."""

    framework: str
    interface: str
    origin: str
    wrapped: bool = False
    """Whether the app is an argument of a call that is not known to create apps."""


CONSTRUCTORS: Mapping[str, tuple[str, str]] = {
    "flask.Flask": ("flask", "wsgi"),
    "flask.app.Flask": ("flask", "wsgi"),
    "apiflask.APIFlask": ("flask", "wsgi"),
    "flask_openapi3.OpenAPI": ("flask", "wsgi"),
    "connexion.FlaskApp": ("connexion", "asgi"),
    "connexion.AsyncApp": ("connexion", "asgi"),
    "dash.Dash": ("dash", "wsgi"),
    "django.core.wsgi.get_wsgi_application": ("django", "wsgi"),
    "django.core.asgi.get_asgi_application": ("django", "asgi"),
    "django.core.handlers.wsgi.WSGIHandler": ("django", "wsgi"),
    "django.core.handlers.asgi.ASGIHandler": ("django", "asgi"),
    "channels.routing.ProtocolTypeRouter": ("django", "asgi"),
    "fastapi.FastAPI": ("fastapi", "asgi"),
    "fastapi.applications.FastAPI": ("fastapi", "asgi"),
    "starlette.applications.Starlette": ("starlette", "asgi"),
    "quart.Quart": ("quart", "asgi"),
    "litestar.Litestar": ("litestar", "asgi"),
    "litestar.app.Litestar": ("litestar", "asgi"),
    "blacksheep.Application": ("blacksheep", "asgi"),
    "sanic.Sanic": ("sanic", "asgi"),
    "bottle.Bottle": ("bottle", "wsgi"),
    "bottle.default_app": ("bottle", "wsgi"),
    "falcon.App": ("falcon", "wsgi"),
    "falcon.API": ("falcon", "wsgi"),
    "falcon.asgi.App": ("falcon", "asgi"),
}
"""Framework and interface of the app that calling a qualified name creates."""

INTERFACE_WRAPPERS: Mapping[str, str] = {
    "a2wsgi.ASGIMiddleware": "wsgi",
    "a2wsgi.WSGIMiddleware": "asgi",
    "asgiref.wsgi.WsgiToAsgi": "asgi",
    "starlette.middleware.wsgi.WSGIMiddleware": "asgi",
    "fastapi.middleware.wsgi.WSGIMiddleware": "asgi",
    "socketio.ASGIApp": "asgi",
    "socketio.WSGIApp": "wsgi",
}
"""Wrappers that change the interface, and the interface that they give."""

APP_KEYWORDS = frozenset({"app", "application", "wsgi_app", "asgi_app", "other_asgi_app", "wsgi"})
"""Keyword arguments of wrappers that are the app."""
APP_ATTRIBUTES = frozenset({"wsgi_app", "asgi_app", "server"})
"""Attributes of an app that are the same app: Flask's `app.wsgi_app`, Dash's `app.server`."""

SIGNATURES = {("environ", "start_response"): "wsgi", ("scope", "receive", "send"): "asgi"}
"""Arguments of a plain function that is an app."""


def classify_name(module: Module, name: str, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app that a name of a module holds; None if it holds none."""
    if depth > MAX_DEPTH:
        return None
    for assignment in reversed(module.assignments):
        if assignment.name == name and (
            kind := classify_expression(module, assignment.node, project, depth + 1)
        ):
            return kind
    if name in module.functions and (kind := classify_signature(module, module.functions[name])):
        return kind
    if name in module.imports:
        return classify_qualified(module.imports[name], module, project, depth + 1)
    for star in module.star_imports:
        if kind := classify_qualified(f"{star}.{name}", module, project, depth + 1):
            return kind
    return None


def classify_expression(module: Module, node: ast.expr, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app that an expression creates; None if it creates none."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(node, ast.Call):
        return _classify_call(module, node, project, depth)
    if isinstance(node, ast.Name):
        return _classify_variable(module, node, project, depth)
    if isinstance(node, ast.Attribute):
        if node.attr in APP_ATTRIBUTES and (
            kind := classify_expression(module, node.value, project, depth + 1)
        ):
            return kind
        return classify_qualified(module.qualify(node), module, project, depth + 1)
    return None


def classify_factory(module: Module, function: FunctionNode, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app that a function returns; None if it returns none."""
    if depth > MAX_DEPTH:
        return None
    local = _inside(module, function)
    for statement in ast.walk(function):
        if isinstance(statement, ast.Return) and statement.value is not None:
            kind = classify_expression(local, statement.value, project, depth + 1)
            if kind:
                return kind
    return None


def classify_qualified(name: str, seen_from: Module, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app "package.module.attribute"; None if it is not in the project, or no app."""
    source, _, attribute = name.rpartition(".")
    found = project.find(source, near=seen_from.root) if source else None
    return classify_name(found, attribute, project, depth + 1) if found else None


def classify_signature(module: Module, function: FunctionNode) -> Kind | None:
    """Return the kind of a function that is an app: app(environ, start_response), async app(scope, ...)."""
    interface = SIGNATURES.get(tuple(argument.arg for argument in function.args.args))
    if interface is None or (interface == "asgi") != isinstance(function, ast.AsyncFunctionDef):
        return None
    return Kind(interface, interface, f"{module.file}:{function.lineno}")


def _classify_call(module: Module, node: ast.Call, project: Project, depth: int) -> Kind | None:
    called = module.qualify(node.func)
    if kind := _classify_constructor(called, module, project, depth):
        # A framework's constructor creates the app here; a factory of the project creates it in its own code.
        return kind if kind.origin else kind._replace(origin=f"{module.file}:{node.lineno}")
    if isinstance(node.func, ast.Attribute) and node.func.attr == "make_wsgi_app":
        return Kind("pyramid", "wsgi", f"{module.file}:{node.lineno}")
    wrapped = [*node.args[:2], *(keyword.value for keyword in node.keywords if keyword.arg in APP_KEYWORDS)]
    for argument in wrapped:
        if kind := classify_expression(module, argument, project, depth + 1):
            return kind._replace(interface=INTERFACE_WRAPPERS.get(called, kind.interface), wrapped=True)
    return None


def _classify_variable(module: Module, node: ast.Name, project: Project, depth: int) -> Kind | None:
    # In `app = wrap(app)`, the argument is the value of an earlier assignment.
    for assignment in reversed(module.assignments):
        earlier = assignment.name == node.id and assignment.line < node.lineno
        if earlier and (kind := classify_expression(module, assignment.node, project, depth + 1)):
            return kind
    if node.id in module.imports:
        return classify_qualified(module.imports[node.id], module, project, depth + 1)
    return classify_signature(module, module.functions[node.id]) if node.id in module.functions else None


def _classify_constructor(name: str, seen_from: Module, project: Project, depth: int) -> Kind | None:
    """Return the kind of the app that calling a framework's class, a subclass of it, or a factory creates."""
    if name in CONSTRUCTORS:
        framework, interface = CONSTRUCTORS[name]
        return Kind(framework, interface, "")
    source, _, attribute = name.rpartition(".")
    if depth > MAX_DEPTH or not source:
        return None
    found = seen_from if source == seen_from.name else project.find(source, near=seen_from.root)
    if found is None:
        return None
    if attribute in found.classes:
        bases = (found.qualify(base) for base in found.classes[attribute].bases)
        return next(
            filter(None, (_classify_constructor(base, found, project, depth + 1) for base in bases)), None
        )
    if attribute in found.functions:
        return classify_factory(found, found.functions[attribute], project, depth + 1)
    if attribute in found.imports:
        return _classify_constructor(found.imports[attribute], found, project, depth + 1)
    stars = (
        _classify_constructor(f"{star}.{attribute}", found, project, depth + 1) for star in found.star_imports
    )
    return next(filter(None, stars), None)


def _inside(module: Module, function: FunctionNode) -> Module:
    """Return the module as a function's code sees it: with the function's own imports and assignments."""
    body = ast.Module(body=function.body, type_ignores=[])
    own = read_module(body, name=module.name, file=module.file, root=module.root)
    return replace(
        module,
        imports={**module.imports, **own.imports},
        assignments=(*module.assignments, *own.assignments),
        functions={**module.functions, **own.functions},
        classes={**module.classes, **own.classes},
    )
