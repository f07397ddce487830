"""From "package.module:attribute" to the app, and from the app to the interface it speaks.

Rules
1. What is wrong with the reference itself is said in one of three ways: bad form, no such module, no such
   attribute. An ImportError raised inside the app's modules passes through as it is: it is about them.
2. The interface is read off the call, by looking at code objects and never calling: ASGI takes scope, receive
   and send; WSGI takes environ and start_response; a Lambda handler calls its two event and context.
   `inspect` would do this in fewer lines, and costs 10 ms of cold start where the app does not import it.
3. What cannot be told is refused with the way out, not guessed: the wrong interface fails at each request.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lambdify.adapter.errors import AppNotLoaded, InterfaceUnknown

Interface = Literal["wsgi", "asgi", "handler"]

WAY_OUT = 'say which it speaks, handler = Adapter(app, interface="wsgi") or "asgi", and deploy that handler'


def load(reference: str) -> Any:
    """The app that "package.module:attribute" names; "package.module:create_app()" is called for it."""
    module_name, colon, path = reference.partition(":")
    factory = path.endswith("()")
    names = path.removesuffix("()").split(".")
    if not colon or not all(name.isidentifier() for name in (*module_name.split("."), *names)):
        raise _not_loaded(
            f'{reference!r} is not a reference to an app: write "package.module:attribute", '
            'or "package.module:create_app()" for an app that a function makes'
        )
    found = _import(module_name)
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise _not_loaded(f"{module_name!r} has no attribute {path!r}") from error
    return found() if factory else found


def find_interface(app: object) -> Interface:
    """How the app is called: "wsgi", "asgi", or "handler" for one that takes a Lambda event as it is."""
    parameters = _read_parameters(app)
    if parameters == ("event", "context"):
        return "handler"
    match len(parameters):
        case 3:
            return "asgi"
        case 2:
            return "wsgi"
        case 1:
            raise _unknown(
                f"{_describe(app)} takes one argument, as ASGI 2 apps do: only ASGI 3 is supported"
            )
    raise _unknown(
        f"{_describe(app)} does not tell by its parameters whether it is a WSGI or ASGI app: {WAY_OUT}"
    )


def _not_loaded(why: str) -> AppNotLoaded:
    from lambdify.adapter.errors import AppNotLoaded

    return AppNotLoaded(why)


def _unknown(why: str) -> InterfaceUnknown:
    from lambdify.adapter.errors import InterfaceUnknown

    return InterfaceUnknown(why)


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Also raised when the module exists and imports one that does not: then it names that one.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise _not_loaded(f"there is no module {error.name!r}, looked for as the app's {name!r}") from error


def _read_parameters(app: Any) -> tuple[str, ...]:
    """The names of the positional parameters that a call has to fill; none if they cannot be seen."""
    bound = 0
    named: set[str] = set()
    while True:
        if isinstance(app, partial):
            bound += len(app.args)
            named |= app.keywords.keys()
            app = app.func
        elif hasattr(app, "__func__"):
            bound += 1
            app = app.__func__
        elif hasattr(app, "__wrapped__"):
            app = app.__wrapped__
        elif hasattr(app, "__code__"):
            break
        elif isinstance(app, type):  # a WSGI app may be a class: it is the second example of PEP 3333
            bound += 1
            app = app.__init__  # type: ignore[misc]  # it is only looked at
        elif hasattr(type(app).__call__, "__code__"):
            bound += 1
            app = type(app).__call__
        else:
            return ()
    required = app.__code__.co_argcount - len(app.__defaults__ or ())
    return tuple(name for name in app.__code__.co_varnames[bound:required] if name not in named)


def _describe(app: object) -> str:
    name = getattr(app, "__qualname__", type(app).__qualname__)
    module = getattr(app, "__module__", type(app).__module__)
    return f"{module}.{name}"
