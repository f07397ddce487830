"""Kinds of apps: the framework and the interface of the app that an expression creates.

Names are followed through imports, assignments, subclasses, factories and wrappers, as far as possible.
What takes an app is told apart in three ways: by the catalogue, by reading it if the project wrote it, and
else by its name, as a guess.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from lambdify.cli.detection import catalogue
from lambdify.cli.detection.module import Assignment, FunctionNode, Module, interface_of, is_open, returned
from lambdify.cli.detection.module import read as read_module
from lambdify.cli.detection.project import Project

MAX_DEPTH = 12
"""Steps that a name is followed at most: imports can be circular."""


class Kind(NamedTuple):
    """The kind of an app, and where it is created: two names with the same origin are one app."""

    framework: str
    interface: str
    origin: str
    wrapped: Literal["", "known", "guess"] = ""
    """Whether the app is around another one, and whether that is known."""
    suffix: str = ""
    """The attribute that is the app: ".server" of a Dash object."""


APP_KEYWORDS = frozenset({"app", "application", "wsgi_app", "asgi_app", "other_asgi_app", "wsgi"})
"""Keyword arguments of wrappers that are the app."""
APP_ATTRIBUTES = frozenset({".wsgi_app", ".asgi_app"})
"""Attributes of an app that are the same app: Flask's `app.wsgi_app`."""
DASH_BACKENDS: Mapping[str, str] = {"fastapi": "asgi", "quart": "asgi"}
"""Values of `Dash(backend=...)` other than the default, Flask."""


class Known(ast.expr):
    """An expression whose kind is known already: what a project's function is called with."""

    kind: Kind


def classify_name(module: Module, name: str, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app that a name of a module holds; None if it holds none."""
    if depth > MAX_DEPTH:
        return None
    for assignment in reversed(module.assignments):
        if assignment.name == name and (
            kind := classify_expression(module, assignment.node, project, depth + 1)
        ):
            return kind
    function = module.functions.get(name)
    if function and (kind := classify_function(module, function, project, depth)):
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
    match node:
        case Known():
            return node.kind
        case ast.Call():
            return _classify_call(module, node, project, depth)
        case ast.Name():
            return _classify_variable(module, node, project, depth)
        case ast.Attribute():
            return _classify_attribute(module, node, project, depth)
        case ast.Lambda():
            return _classify_lambda(module, node, project, depth)
        case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=int(index))):
            return _classify_element(module, call, index, project, depth)
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.BoolOp(values=values):
            parts = values
        case ast.NamedExpr(value=value):
            parts = [value]
        case _:
            return None
    return _first(classify_expression(module, part, project, depth + 1) for part in parts)


def classify_factory(module: Module, function: FunctionNode, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app that a function returns; None if it returns none."""
    if depth > MAX_DEPTH:
        return None
    local = _inside(module, function)
    for value in returned(function):
        if kind := classify_expression(local, value, project, depth + 1):
            return kind
    if function.returns is not None and (made := catalogue.find_app(module.qualify(function.returns))):
        return Kind(made.framework, made.interface, f"{module.file}:{function.lineno}", suffix=made.suffix)
    return None


def classify_qualified(name: str, seen_from: Module, project: Project, depth: int = 0) -> Kind | None:
    """Return the kind of the app "package.module.attribute"; None if it is not in the project, or no app."""
    source, _, attribute = name.rpartition(".")
    found = project.find(source, near=seen_from.root) if source else None
    return classify_name(found, attribute, project, depth + 1) if found else None


def classify_function(
    module: Module, function: FunctionNode, project: Project, depth: int = 0
) -> Kind | None:
    """Return the kind of a function that is an app: by its arguments, or what it hands `*args` on to."""
    origin = f"{module.file}:{function.lineno}"
    interface = interface_of(function.args)
    if interface and (interface == "asgi") == isinstance(function, ast.AsyncFunctionDef):
        return Kind(interface, interface, origin)
    if depth <= MAX_DEPTH and is_open(function.args):
        return _handed_on(module, function, project, depth)
    return None


def find_function(
    module: Module, name: str, project: Project, depth: int = 0
) -> tuple[Module | None, FunctionNode | None]:
    """Return the function that a name of a module is, and the module that defines it."""
    if name in module.functions or depth > MAX_DEPTH:
        return module, module.functions.get(name)
    sources = [module.imports[name]] if name in module.imports else []
    for qualified in (*sources, *(f"{star}.{name}" for star in module.star_imports)):
        found, attribute = _defining(qualified, module, project)
        owner, function = find_function(found, attribute, project, depth + 1) if found else (None, None)
        if function:
            return owner, function
    return None, None


def takes_app(module: Module, node: ast.Call, project: Project) -> Kind | None:
    """Return the kind of the app that a call takes and does not give back; None if it does, or takes none."""
    if classify_expression(module, node, project):
        return None
    return _argument(module, node, project, 0)


def called_name(module: Module, node: ast.expr, depth: int = 0) -> str:
    """Return the qualified name of what a call calls, through the calls and variables before it."""
    if isinstance(node, ast.Call):
        return called_name(module, node.func, depth + 1)
    if isinstance(node, ast.Attribute):
        base = called_name(module, node.value, depth + 1)
        return f"{base}.{node.attr}" if base else ""
    if isinstance(node, ast.Name) and depth:
        for assignment in module.assignments:
            if assignment.name == node.id and isinstance(assignment.node, ast.Call) and depth <= MAX_DEPTH:
                return called_name(module, assignment.node.func, depth + 1)
    return module.qualify(node)


def _classify_call(module: Module, node: ast.Call, project: Project, depth: int) -> Kind | None:
    called = called_name(module, node.func)
    origin = f"{module.file}:{node.lineno}"
    if made := catalogue.find_app(called):
        return _made(module, node, made, project, depth)
    if (kind := _classify_callable(module, module.qualify(node.func), node, project, depth)) is not None:
        # A framework's constructor creates the app here; a factory of the project creates it in its own code.
        return (kind if kind.origin else kind._replace(origin=origin)) if kind.interface else None
    role = catalogue.find_role(called)
    if isinstance(node.func, ast.Attribute) and role != "taker":
        method = catalogue.find_method(node.func.attr)
        if method:
            return Kind(method.framework, method.interface, origin)
    inner = None if role == "taker" else _argument(module, node, project, depth)
    if inner is None:
        return None
    interface = catalogue.find_interface(called) or inner.interface
    return inner._replace(interface=interface, wrapped="known" if role == "wrapper" else "guess")


def _made(module: Module, node: ast.Call, made: catalogue.Made, project: Project, depth: int) -> Kind | None:
    """Return the kind of the app that a call of a library makes; some depend on the arguments."""
    kind = Kind(made.framework, made.interface, f"{module.file}:{node.lineno}", suffix=made.suffix)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if made.framework == "dash":
        server, backend = given.get("server"), given.get("backend")
        if isinstance(server, ast.Constant) and server.value is False:
            return None  # init_app gives it a server later
        if server and (inner := classify_expression(module, server, project, depth + 1)):
            return kind._replace(interface=inner.interface, origin=inner.origin, wrapped="guess")
        if isinstance(backend, ast.Constant):
            return kind._replace(interface=DASH_BACKENDS.get(str(backend.value), "wsgi"))
    if node.args and isinstance(node.args[0], ast.Dict) and made.framework == "django":
        # ProtocolTypeRouter without "http" is for WebSockets alone.
        keys = {key.value for key in node.args[0].keys if isinstance(key, ast.Constant)}
        return kind if "http" in keys else None
    return kind


def _argument(module: Module, node: ast.Call, project: Project, depth: int) -> Kind | None:
    """Return the kind of the app that is among the arguments of a call."""
    given = [*node.args[:2], *(keyword.value for keyword in node.keywords if keyword.arg in APP_KEYWORDS)]
    return _first(classify_expression(module, argument, project, depth + 1) for argument in given)


def _classify_variable(module: Module, node: ast.Name, project: Project, depth: int) -> Kind | None:
    # In `app = wrap(app)`, the argument is the value of an earlier assignment.
    for assignment in reversed(module.assignments):
        earlier = assignment.name == node.id and assignment.line < node.lineno
        if earlier and (kind := classify_expression(module, assignment.node, project, depth + 1)):
            return kind
    if node.id in module.imports:
        return classify_qualified(module.imports[node.id], module, project, depth + 1)
    function = module.functions.get(node.id)
    return classify_function(module, function, project, depth + 1) if function else None


def _classify_attribute(module: Module, node: ast.Attribute, project: Project, depth: int) -> Kind | None:
    rest, value = f".{node.attr}", node.value
    while True:
        kind = classify_expression(module, value, project, depth + 1)
        if kind and rest in {kind.suffix, *APP_ATTRIBUTES}:
            return kind._replace(suffix="")
        if not isinstance(value, ast.Attribute):
            break
        rest, value = f".{value.attr}{rest}", value.value
    return classify_qualified(module.qualify(node), module, project, depth + 1)


def _classify_lambda(module: Module, node: ast.Lambda, project: Project, depth: int) -> Kind | None:
    if interface := interface_of(node.args):
        return Kind(interface, interface, f"{module.file}:{node.lineno}")
    if is_open(node.args) and isinstance(node.body, ast.Call):
        inner = classify_expression(module, node.body.func, project, depth + 1)
        return inner._replace(wrapped="known") if inner else None
    return None


def _classify_element(
    module: Module, node: ast.Call, index: int, project: Project, depth: int
) -> Kind | None:
    """Return the kind of the app that is one of those a call returns: `app, db = create_app()`."""
    called = called_name(module, node.func)
    if made := catalogue.find_app(called):
        return Kind(made.framework, made.interface, f"{module.file}:{node.lineno}") if index == 0 else None
    found, attribute = _defining(called, module, project)
    function = found.functions.get(attribute) if found else None
    if found is None or function is None:
        return None
    local = _inside(found, function)
    tuples = [value for value in returned(function) if isinstance(value, ast.Tuple)]
    return _first(
        classify_expression(local, value.elts[index], project, depth + 1)
        for value in tuples
        if index < len(value.elts)
    )


def _classify_callable(
    seen_from: Module, name: str, node: ast.Call | None, project: Project, depth: int
) -> Kind | None:
    """Return the kind of what calling a class or a function of the project makes.

    The kind has no origin where a framework's class is called, and no interface where reading says that it is
    no app. None if it is not the project's, or reading does not tell.
    """
    if made := catalogue.find_app(name):
        return Kind(made.framework, made.interface, "", suffix=made.suffix)
    found, attribute = _defining(name, seen_from, project)
    if depth > MAX_DEPTH or found is None:
        return None
    inner = _argument(seen_from, node, project, depth) if node else None
    if attribute in found.classes:
        return _classify_class(found, found.classes[attribute], inner, project, depth)
    if attribute in found.functions:
        return _classify_project_function(found, found.functions[attribute], node, seen_from, project, depth)
    if attribute in found.imports:
        return _classify_callable(found, found.imports[attribute], None, project, depth + 1)
    return _first(
        _classify_callable(found, f"{star}.{attribute}", None, project, depth + 1)
        for star in found.star_imports
    )


def _classify_class(
    module: Module, node: ast.ClassDef, inner: Kind | None, project: Project, depth: int
) -> Kind | None:
    bases = [module.qualify(base) for base in node.bases]
    for base in bases:
        if kind := _classify_callable(module, base, None, project, depth + 1):
            return kind
    call = next(
        (each for each in node.body if isinstance(each, FunctionNode) and each.name == "__call__"), None
    )
    if call is None:
        # Without a base of its own to inherit it from, it cannot be called.
        known = all(catalogue.find_role(base) == "taker" for base in bases if base != "object")
        return NO_APP if known and inner else None
    interface = interface_of(call.args, bound=1)
    if interface:
        framework, origin = (inner.framework, inner.origin) if inner else (interface, "")
        return Kind(framework, interface, origin, wrapped="known" if inner else "")
    if is_open(call.args, bound=1):
        held = inner or _first(
            classify_expression(_inside(module, method), assignment.value, project, depth + 1)
            for method in node.body
            if isinstance(method, FunctionNode)
            for assignment in ast.walk(method)
            if isinstance(assignment, ast.Assign)
        )
        return held._replace(wrapped="known") if held else None
    return NO_APP if inner else None


NO_APP = Kind("", "", "")
"""Of a call that is known to give no app back."""


def _classify_project_function(
    found: Module,
    function: FunctionNode,
    node: ast.Call | None,
    seen_from: Module,
    project: Project,
    depth: int,
) -> Kind | None:
    """Return what a function of the project gives back; its parameters are what it is called with."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    given = dict(zip(names, node.args, strict=False)) if node else {}
    given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg} if node else {}
    taken = []
    for name, argument in given.items():
        if kind := classify_expression(seen_from, argument, project, depth + 1):
            known = Known(lineno=0, col_offset=0)
            known.kind = kind
            taken.append(Assignment(name, known, 0))
    bound = replace(found, assignments=(*found.assignments, *taken))
    kind = classify_factory(bound, function, project, depth + 1)
    return NO_APP if kind is None and taken and not returned(function) else kind


def _handed_on(module: Module, function: FunctionNode, project: Project, depth: int) -> Kind | None:
    local = _inside(module, function)
    calls = [value.func for value in returned(function) if isinstance(value, ast.Call)]
    kind = _first(classify_expression(local, call, project, depth + 1) for call in calls)
    return kind._replace(wrapped="known") if kind else None


def _defining(name: str, seen_from: Module, project: Project) -> tuple[Module | None, str]:
    """Return the module of the project that a qualified name is in, and the name there."""
    source, _, attribute = name.rpartition(".")
    if not source:
        return None, ""
    return (seen_from if source == seen_from.name else project.find(source, near=seen_from.root)), attribute


def _first(kinds: Iterator[Kind | None]) -> Kind | None:
    return next(filter(None, kinds), None)


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
