"""Loads the app from "package.module:attribute", and detects its interface.

Rules
1. A wrong reference gets one of three errors: bad form, no such module, no such attribute. An ImportError
   inside the app's modules passes through as it is.
2. The interface follows from the parameters of the call, which are read from code objects; nothing is called.
   ASGI takes scope, receive and send; WSGI takes environ and start_response; a Lambda handler names its two
   event and context. `inspect` would take fewer lines, but 10 ms of cold start if the app does not import it.
3. A call with `*args` tells nothing by itself. Then the parameters of the functions that it may call decide:
   those among the attributes, globals and closure that its code names. They are not called either: an app
   that is tried out might charge a card.
4. An unclear interface is refused with a hint, not guessed: the wrong one would fail at each request.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib import import_module
from types import CellType, FunctionType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdify.adapter.errors import AppNotLoaded, InterfaceUnknown

Interface = Literal["wsgi", "asgi", "handler"]

DISTUTILS = "distutils-precedence.pth"
"""The file by which setuptools brings the distutils that Python 3.12 left out. Python reads such files in
site-packages, and nowhere else: https://docs.python.org/3/library/site.html"""
HANDLER = ("event", "context")
VARARGS, COROUTINE = 0x04, 0x80
"""Flags of code objects: https://docs.python.org/3/library/inspect.html#inspect-module-co-flags."""
PLAIN = (FunctionType, staticmethod, classmethod, MemberDescriptorType)
"""Kinds of class attributes that run none of the app's code when they are read from an object."""

WAY_OUT = 'say which it speaks, handler = Adapter(app, interface="wsgi") or "asgi", and deploy that handler'


def brings_distutils() -> bool:
    """Whether setuptools is packed, whose distutils are to be found as where it is installed."""
    return any(os.path.exists(os.path.join(folder, DISTUTILS)) for folder in sys.path)


def load(reference: str) -> Any:
    """Return the app that "package.module:attribute" names.

    In "package.module:create_app('production', debug=False)" the function is called; its arguments must be
    literals. Raises AppNotLoaded, and errors of the app's modules.
    """
    module_name, colon, path = reference.partition(":")
    path, call, rest = path.partition("(")
    names = path.split(".")
    if not colon or not all(name.isidentifier() for name in (*module_name.split("."), *names)):
        raise _bad_form(reference)
    positional, named = _read_arguments(reference, rest) if call and rest != ")" else ([], {})
    found = _import(module_name)
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise _not_loaded(f"{module_name!r} has no attribute {path!r}") from error
    return found(*positional, **named) if call else found


def find_interface(app: object) -> Interface:
    """Return "wsgi", "asgi", or "handler" for an app that takes Lambda's event and context.

    Raises InterfaceUnknown.
    """
    seen = _resolve_call(app)
    parameters = seen.parameters if seen else ()
    if parameters == HANDLER:
        return "handler"
    if len(parameters) == 3:
        return "asgi"
    if len(parameters) == 2:
        return "wsgi"
    if seen and seen.is_open and (told := _read_parameters(seen) or _search_callees(seen)):
        return told
    raise _unknown(_explain(app, seen))


def _not_loaded(why: str) -> AppNotLoaded:
    from lambdify.adapter.errors import AppNotLoaded

    return AppNotLoaded(why)


def _unknown(why: str) -> InterfaceUnknown:
    from lambdify.adapter.errors import InterfaceUnknown

    return InterfaceUnknown(why)


def _bad_form(reference: str) -> AppNotLoaded:
    return _not_loaded(
        f'{reference!r} is not a reference to an app: write "package.module:attribute", '
        'or "package.module:create_app()" for an app that a function makes'
    )


def _read_arguments(reference: str, rest: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the literals between the parentheses of a reference; nothing of it is run."""
    import ast  # 3 ms: only for references with arguments

    try:
        call = ast.parse(f"_({rest}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise _bad_form(reference)
        named = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
        positional = [ast.literal_eval(argument) for argument in call.args]
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise _bad_form(reference) from error
    if "" in named:  # **more
        raise _bad_form(reference)
    return positional, named


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # It is also raised if the module exists but imports a missing one. Then it names the missing one.
        # A subclass is not the import's: PackageNotFoundError has the name of a distribution.
        is_import = type(error) is ModuleNotFoundError and error.name is not None
        if not (is_import and f"{name}.".startswith(f"{error.name}.")):
            raise
        raise _not_loaded(f"there is no module {error.name!r}, looked for as the app's {name!r}") from error


class _Call:
    """The function that a call of an object runs, and the parameters that the call has to fill."""

    def __init__(self, function: Any, owner: object, bound: int, named: set[str]) -> None:
        self.function = function
        self.owner = owner
        self.code = function.__code__
        required = self.code.co_argcount - len(function.__defaults__ or ())
        self.parameters: tuple[str, ...] = tuple(
            name for name in self.code.co_varnames[bound:required] if name not in named
        )
        """The names of the positional parameters that a call has to fill."""
        self.is_open = bool(self.code.co_flags & VARARGS) and len(self.parameters) < 2
        """Whether `*args` takes most of the arguments."""


def _resolve_call(app: Any) -> _Call | None:
    """Return the function that a call of the object runs; None if that cannot be seen."""
    bound = 0
    named: set[str] = set()
    owner = None
    while True:
        if isinstance(app, partial):
            bound += len(app.args)
            named |= app.keywords.keys()
            app = app.func
        elif hasattr(app, "__func__"):
            bound += 1
            owner = app.__self__
            app = app.__func__
        elif hasattr(app, "__wrapped__"):
            app = app.__wrapped__
        elif hasattr(app, "__code__"):
            return _Call(app, owner, bound, named)
        elif isinstance(app, type):  # a WSGI app may be a class: it is the second example of PEP 3333
            bound += 1
            app = app.__init__  # type: ignore[misc]  # it is only looked at
        elif hasattr(type(app).__call__, "__code__"):
            bound += 1
            owner = app
            app = type(app).__call__
        else:
            return None


def _read_parameters(seen: _Call) -> Interface | None:
    """Return the interface by the names of the parameters; None if they do not tell.

    A coroutine function with `*args` is ASGI, since WSGI has no coroutines.
    """
    first = seen.parameters[0] if seen.parameters else ""
    if seen.parameters == HANDLER:
        return "handler"
    if first.startswith("env"):
        return "wsgi"
    return "asgi" if first == "scope" or (seen.is_open and seen.code.co_flags & COROUTINE) else None


def _search_callees(seen: _Call) -> Interface | None:
    """Return the interface of the functions that `*args` may reach; None if unknown, or if they differ."""
    told: set[Interface] = set()
    asked = {(seen.function, id(seen.owner))}
    waiting = [seen]
    while waiting:
        for call in filter(None, map(_resolve_call, _find_callees(waiting.pop()))):
            if (call.function, id(call.owner)) in asked:
                continue
            asked.add((call.function, id(call.owner)))
            if interface := _read_parameters(call):
                told.add(interface)
            elif call.is_open:
                waiting.append(call)
    return told.pop() if len(told) == 1 else None


def _find_callees(seen: _Call) -> Iterator[object]:
    """Yield the objects that the function's code names and might call, without classes."""
    function, names = seen.function, seen.code.co_names
    found = [_contents(cell) for cell in function.__closure__ or ()]
    found += [function.__globals__.get(name) for name in names]
    found += [_attribute(seen.owner, name) for name in names if name != "__call__"]
    if "super" in names:
        above = [each.__dict__.get("__call__") for each in type(seen.owner).__mro__]
        found += [MethodType(each, seen.owner) for each in above if isinstance(each, FunctionType)]
    return (each for each in found if not isinstance(each, type))


def _contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # the name is not set yet
        return None


def _attribute(owner: object, name: str) -> object:
    """Return an attribute of an object; None for a computed one: reading it would run the app's code."""
    if name in getattr(owner, "__dict__", ()):
        return owner.__dict__[name]
    for each in type(owner).__mro__:
        if name in each.__dict__:
            found = each.__dict__[name]
            plain = isinstance(found, PLAIN) or not hasattr(found, "__get__")
            return getattr(owner, name, None) if plain else None
    return None


def _explain(app: Any, seen: _Call | None) -> str:
    """Say why the interface cannot be detected, and what to do."""
    what = _describe(app)
    if not callable(app):
        server = ': its ".server" can, so add that to the name of the app' if hasattr(app, "server") else ""
        return f"{what} is no app, since it cannot be called{server}"
    is_function = isinstance(app, FunctionType)
    if seen and len(seen.parameters) == 1 and not (is_function and seen.parameters != ("scope",)):
        return f"{what} takes one argument, as ASGI 2 apps do: only ASGI 3 is supported"
    if seen and is_function and not seen.is_open:
        needs = f"needs {', '.join(seen.parameters)}" if seen.parameters else "takes nothing of a request"
        values = ", ".join(["'...'"] * len(seen.parameters))
        return f"{what} {needs}: if it makes the app, write {app.__name__}({values})"
    return f"{what} does not tell by its parameters whether it is a WSGI or ASGI app: {WAY_OUT}"


def _describe(app: object) -> str:
    name = getattr(app, "__qualname__", type(app).__qualname__)
    module = getattr(app, "__module__", type(app).__module__)
    return f"{module}.{name}"
