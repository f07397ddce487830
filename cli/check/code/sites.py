"""Sites: what a file calls, sets and reads, each with when that runs and on which condition.

What never runs in the function is left out: below `if __name__ == "__main__"`, for type checkers, in commands
for a terminal, and where DEBUG or a test is asked for.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from lambdify.cli.detection.module import FunctionNode


@dataclass(frozen=True)
class Moment:
    """When a statement runs."""

    function: str = ""
    """The function that it is in, "create_app" or "Shop.ready"; "" runs at import."""
    sure: bool = True
    """Whether it runs whenever its function does."""
    caught: bool = False
    """Whether an error of the file system is caught there."""
    repeated: bool = False
    """Whether it is in a `while` loop."""
    absent: bool = False
    """Whether it is caught there that a variable is missing."""
    failed: ast.Try | ast.TryStar | None = None
    """The `try` whose failure it answers, if it is in a handler."""
    prefix: str = ""
    """What the names of inner functions begin with."""


class Call(NamedTuple):
    """A call, by the qualified name of what is called: "threading.Thread", "?.write_text"."""

    name: str
    node: ast.Call
    moment: Moment
    discarded: bool = False
    """Whether nobody takes what it gives back."""

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.node.lineno

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def argument(self, place: int, keyword: str = "") -> ast.expr | None:
        """Return the argument at a place, or with a keyword; None if the call has neither."""
        named = next((each.value for each in self.node.keywords if keyword and each.arg == keyword), None)
        return self.node.args[place] if 0 <= place < len(self.node.args) else named


class Assigned(NamedTuple):
    """A value that gets a name: a variable, an attribute, an item or entry of a dict, a keyword argument."""

    name: str
    value: ast.expr
    moment: Moment
    form: str
    """"name", "attribute", "item", "entry", "keyword", or "variable" for an item of os.environ."""
    owner: ast.Dict | None = None
    """The dict that an entry is in."""

    @property
    def line(self) -> int:
        """The line of the value, from 1."""
        return self.value.lineno


class Decorated(NamedTuple):
    """A function and what decorates it."""

    name: str
    function: FunctionNode
    node: ast.expr
    moment: Moment

    @property
    def line(self) -> int:
        """The line of the decorator, from 1."""
        return self.node.lineno


class Sites(NamedTuple):
    """All that a file does."""

    calls: tuple[Call, ...]
    assigned: tuple[Assigned, ...]
    decorated: tuple[Decorated, ...]
    items: tuple[tuple[str, ast.Subscript, Moment], ...]
    """What is looked up: ("os.environ", `os.environ["KEY"]`)."""
    filled: tuple[tuple[str, Moment], ...]
    """Names whose items are set: `cache[key] = value`."""
    names: dict[str, str]
    """Qualified names by local name."""


_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.boolop, ast.cmpop, ast.unaryop)
_NEVER = re.compile(
    r"TYPE_CHECKING|(^|\.)(DEBUG|debug|TESTING|testing)$|\[['\"](DEBUG|TESTING)['\"]\]$"
    r"|['\"]test['\"] in sys\.argv|^(settings\.)?DEBUG and "
    r"|== ['\"](dev|development|local|test|testing)['\"]$"
)
_ALWAYS = re.compile(r"^not (\w+\.)*(DEBUG|debug|TESTING|testing)$|['\"]test['\"] not in sys\.argv")
_PRESENCE = re.compile(r"\b(exists|isdir|isfile|is_dir|is_file)\(")
_CAUGHT = re.compile(r"\b(OSError|IOError|EnvironmentError|PermissionError|Exception|BaseException)\b")
_ABSENT = re.compile(
    r"\b(KeyError|LookupError|UndefinedValueError|EnvError|ImproperlyConfigured|Exception|BaseException)\b"
)
_COMMAND = re.compile(r"\.(command|cli_command|group)$|^(click|typer)\.")
_ELSEWHERE = re.compile(
    r"(?i)^(dev|test|local|debug)\w*(config|settings|configuration)$|^(config|settings)_?(dev|test|local)"
    r"|^(dev|development|test|testing|local|ci)$"
)
"""Classes of settings for other places."""
_SETTERS = frozenset({"from_mapping", "update", "dict", "setdefault", "Config", "configure", "basicConfig"})


class _Raw(NamedTuple):
    node: ast.AST
    moment: Moment
    discarded: bool = False


def read(tree: ast.Module, module: str, *, package: bool) -> Sites:
    """Return the sites of a file that is imported as `module`."""
    raw = list(_walk(tree))
    names = _names(raw, module, package=package)
    calls: list[Call] = []
    assigned: list[Assigned] = []
    decorated: list[Decorated] = []
    items: list[tuple[str, ast.Subscript, Moment]] = []
    filled: list[tuple[str, Moment]] = []
    for node, moment, discarded in raw:
        match node:
            case ast.Call():
                call = Call(qualify(node.func, names), node, moment, discarded)
                calls.append(call)
                assigned += _keywords(call)
            case ast.Assign() | ast.AnnAssign():
                assigned += _targets(node, moment, names)
            case ast.Dict():
                assigned += _entries(node, moment)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                decorated += [
                    Decorated(qualify(each, names), node, each, moment) for each in node.decorator_list
                ]
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                filled.append((name, moment))
            case ast.Subscript(ctx=ast.Load()):
                items.append((qualify(node.value, names), node, moment))
    return Sites(tuple(calls), tuple(assigned), tuple(decorated), tuple(items), tuple(filled), names)


def qualify(node: ast.expr, names: dict[str, str]) -> str:
    """Return the qualified name of an expression; calls in it are passed over: "pathlib.Path.mkdir"."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            return f"{qualify(value, names)}.{attribute}"
        case ast.Call(func=function):
            return qualify(function, names)
    return "?"


def text(node: ast.AST | None) -> str | None:
    """Return the text that an expression is; None if it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _walk(tree: ast.Module) -> Iterator[_Raw]:
    """Yield what matters of a file, in the order of the lines."""
    waiting: list[_Raw] = [_Raw(node, Moment()) for node in reversed(tree.body)]
    kept = (
        ast.Call,
        ast.Assign,
        ast.AnnAssign,
        ast.Dict,
        ast.Subscript,
        ast.Import,
        ast.ImportFrom,
        ast.ClassDef,
    )
    while waiting:
        node, moment, discarded = waiting.pop()
        if isinstance(node, FunctionNode):
            if any(_COMMAND.search(ast.unparse(each).partition("(")[0]) for each in node.decorator_list):
                continue
            yield _Raw(node, moment)
        elif isinstance(node, kept):
            yield _Raw(node, moment, discarded)
        waiting += reversed(_inside(node, moment))


def _inside(node: ast.AST, moment: Moment) -> list[_Raw]:
    """Return the nodes in a node, each with its moment; names, values and operators hold nothing."""
    match node:
        case ast.Call() | ast.Attribute():  # most of a file
            pass
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            path = f"{moment.prefix}{node.name}"
            inner = Moment(function=path, prefix=f"{path}.")
            return _each([*node.decorator_list, *_defaults(node.args)], moment) + _each(node.body, inner)
        case ast.Lambda():
            path = f"{moment.prefix}<lambda>"
            return [_Raw(node.body, Moment(function=path, prefix=f"{path}."))]
        case ast.ClassDef(name=name) if _ELSEWHERE.search(name):
            return []
        case ast.While():
            inner = replace(moment, repeated=True)
            return [_Raw(node.test, inner), *_each(node.body, inner), *_each(node.orelse, moment)]
        case ast.ClassDef():
            inner = replace(moment, prefix=f"{moment.prefix}{node.name}.")
            return _each(node.decorator_list, moment) + _each(node.body, inner)
        case ast.If() | ast.IfExp():
            return _branches(node, moment)
        case ast.Try() | ast.TryStar():
            caught = moment.caught or any(_catches(each, _CAUGHT) for each in node.handlers)
            absent = moment.absent or any(
                _catches(each, _ABSENT) and not _gives_up(each) for each in node.handlers
            )
            inner = replace(moment, caught=caught, absent=absent)
            unsure = replace(moment, sure=False, failed=node)
            handlers = [each for handler in node.handlers for each in _each(handler.body, unsure)]
            return _each(node.body, inner) + handlers + _each([*node.orelse, *node.finalbody], moment)
        case ast.With() if any("suppress" in ast.unparse(item.context_expr) for item in node.items):
            return _each(node.body, replace(moment, caught=True))
        case ast.Expr():
            return [_Raw(node.value, moment, discarded=True)]
    return [_Raw(each, moment) for each in ast.iter_child_nodes(node) if not isinstance(each, _LEAVES)]


def _branches(node: ast.If | ast.IfExp, moment: Moment) -> list[_Raw]:
    """Return what is in the branches, without those that the function never takes."""
    test = ast.unparse(node.test)
    body = node.body if isinstance(node.body, list) else [node.body]
    rest = node.orelse if isinstance(node.orelse, list) else [node.orelse]
    if "__name__" in test and "__main__" in test:
        return _each(rest if "==" in test else body, moment)
    if _ALWAYS.search(test):
        return _each(body, moment)
    if _NEVER.search(test):
        return _each(rest, moment)
    unsure = moment if _PRESENCE.search(test) else replace(moment, sure=False)
    return [_Raw(node.test, moment), *_each(body, unsure), *_each(rest, replace(moment, sure=False))]


def _each(nodes: list[ast.stmt] | list[ast.expr] | list[ast.AST], moment: Moment) -> list[_Raw]:
    return [_Raw(node, moment) for node in nodes]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]


def _catches(handler: ast.ExceptHandler, errors: re.Pattern[str]) -> bool:
    return handler.type is None or bool(errors.search(ast.unparse(handler.type)))


def _gives_up(handler: ast.ExceptHandler) -> bool:
    """Whether a handler raises another error, or ends the process."""
    return any(
        isinstance(each, ast.Raise)
        or (isinstance(each, ast.Call) and qualify(each.func, {}).rpartition(".")[2] in {"exit", "_exit"})
        for each in ast.walk(handler)
    )


def _names(raw: list[_Raw], module: str, *, package: bool) -> dict[str, str]:
    """Return the qualified names that a file imports, wherever, and those that it defines."""
    found: dict[str, str] = {}
    for node, moment, _ in raw:
        if isinstance(node, FunctionNode | ast.ClassDef) and not moment.prefix:
            found.setdefault(node.name, f"{module}.{node.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, module, package=package)
            for alias in node.names:
                found[alias.asname or alias.name] = f"{source}.{alias.name}".lstrip(".")
    return found


def _source(node: ast.ImportFrom, module: str, *, package: bool) -> str:
    parts = module.split(".") if package else module.split(".")[:-1]
    base = parts[: len(parts) - (node.level - 1)] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def _targets(node: ast.Assign | ast.AnnAssign, moment: Moment, names: dict[str, str]) -> Iterator[Assigned]:
    if node.value is None:
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        match target:
            case ast.Name(id=name):
                yield Assigned(name, node.value, moment, "name")
            case ast.Attribute(attr=name):
                yield Assigned(name, node.value, moment, "attribute")
            case ast.Subscript(value=of, slice=ast.Constant(value=str(name))):
                form = "variable" if qualify(of, names) == "os.environ" else "item"
                yield Assigned(name, node.value, moment, form)


def _entries(node: ast.Dict, moment: Moment) -> Iterator[Assigned]:
    for key, value in zip(node.keys, node.values, strict=True):
        if (name := text(key)) is not None:
            yield Assigned(name, value, moment, "entry", node)


def _keywords(call: Call) -> Iterator[Assigned]:
    if call.last in _SETTERS:
        for each in call.node.keywords:
            if each.arg:
                yield Assigned(each.arg, each.value, call.moment, "keyword")
