"""Texts that an expression is made to: "debug_" + "toolbar", f"{PROJECT}.urls", "%s.apps" % PROJECT.

What is not known when it is read, such as a text with a variable of the environment in it, is no text here:
nobody can say what it names.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Known = Mapping[str, ast.expr]
"""What names stand for, where that is said once."""
MAX_DEPTH = 12
"""Expressions in one another that are followed."""
METHODS = frozenset({"format", "join", "lower", "upper", "title", "capitalize", "replace", "strip", "lstrip",
                     "rstrip", "removeprefix", "removesuffix", "split", "rsplit", "splitlines"})  # fmt: skip
"""Methods that make a text of texts, or a list of them."""
_WIDE = re.compile(r"%(?!s|%|\(\w+\)s)")
"""What `%` does with a text but put it in: its result may be of any length."""
_FIELDS = re.compile(r"([^{}]|\{\w*\})*")
"""Forms whose fields are put in as they are."""


class Text(NamedTuple):
    """A text, and the line that it is written in."""

    text: str
    line: int


def names_of(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Return what names stand for that statements set once, and nowhere else in a block below them."""
    set_here: dict[str, ast.expr] = {}
    times: dict[str, int] = {}
    for name in _stored(body):
        times[name] = times.get(name, 0) + 1
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                set_here[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                set_here[name] = value
    return {name: value for name, value in set_here.items() if times[name] == 1}


def _stored(body: list[ast.stmt]) -> Iterator[str]:
    """Yield each name as often as a statement sets it; functions and classes have names of their own."""
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop()
        targets = [*getattr(node, "targets", ()), getattr(node, "target", None)]
        targets += [item.optional_vars for item in getattr(node, "items", ())]
        inner = (each for target in targets if target for each in ast.walk(target))
        yield from (each.id for each in inner if isinstance(each, ast.Name))
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in ("body", "orelse", "handlers", "finalbody", "cases"):
                waiting += getattr(node, block, ())


def is_made(node: ast.expr, known: Known) -> bool:
    """Whether an expression makes a text of parts, or a list of one, whether it is known or not."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            either = any(_is_text(each) or is_made(each, known) for each in (left, right))
            return either or isinstance(_value(node, known, 0), str)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Mult()):
            return _is_text(left) or is_made(left, known) or isinstance(_value(left, known, 0), str)
        case ast.Call(func=ast.Attribute(attr=method)):
            return method in METHODS
    return False


def read_all(node: ast.expr, known: Known) -> list[str]:
    """Return the text that an expression is, or those of a list; [] if something of it is not known."""
    value = _value(node, known, 0)
    return [value] if isinstance(value, str) else value or []


def bound(node: ast.comprehension, known: Known) -> Iterator[Known]:
    """Yield what is known in each round of a comprehension over texts; nothing if they are not known."""
    if isinstance(node.target, ast.Name) and not isinstance(_value(node.iter, known, 0), str):
        for text in read_all(node.iter, known):
            yield {**known, node.target.id: ast.Constant(text)}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _value(node: ast.expr, known: Known, depth: int) -> str | list[str] | None:
    """Return a text, or a list of texts; None for what is not known."""
    if depth > MAX_DEPTH:
        return None
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            # A name that stands for itself and more is not followed twice.
            others = {other: value for other, value in known.items() if other != name}
            return _value(known[name], others, depth + 1) if name in known else None
        case ast.List(elts=inner) | ast.Tuple(elts=inner):
            return _list(inner, known, depth)
        case ast.JoinedStr(values=values):
            return _joined(values, known, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _added(_value(left, known, depth + 1), _value(right, known, depth + 1))
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _filled(_value(left, known, depth + 1), _value(right, known, depth + 1))
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=arguments, keywords=keywords):
            given = [_value(each, known, depth + 1) for each in arguments]
            named = {each.arg or "": _value(each.value, known, depth + 1) for each in keywords}
            return _called(_value(value, known, depth + 1), method, given, named)
    return None


def _list(nodes: list[ast.expr], known: Known, depth: int) -> list[str] | None:
    found = [_value(each, known, depth + 1) for each in nodes]
    texts = [each for each in found if isinstance(each, str)]
    return texts if len(texts) == len(found) else None


def _joined(nodes: list[ast.expr], known: Known, depth: int) -> str | None:
    """Return the text of an f-string whose parts are texts, without formats of their own."""
    found = []
    for node in nodes:
        if isinstance(node, ast.FormattedValue):
            plain = node.conversion == -1 and node.format_spec is None
            found.append(_value(node.value, known, depth + 1) if plain else None)
        else:
            found.append(_value(node, known, depth + 1))
    texts = [each for each in found if isinstance(each, str)]
    return "".join(texts) if len(texts) == len(found) else None


def _added(left: str | list[str] | None, right: str | list[str] | None) -> str | list[str] | None:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    return left + right if isinstance(left, list) and isinstance(right, list) else None


def _filled(form: str | list[str] | None, given: str | list[str] | None) -> str | None:
    """Return what `form % given` is."""
    if not isinstance(form, str) or given is None or _WIDE.search(form):
        return None
    try:
        return form % (tuple(given) if isinstance(given, list) else given)
    except (TypeError, ValueError):
        return None


def _called(
    value: str | list[str] | None,
    method: str,
    given: list[str | list[str] | None],
    named: Mapping[str, str | list[str] | None],
) -> str | list[str] | None:
    """Return what a method of a text gives back."""
    if not isinstance(value, str) or method not in METHODS or None in [*given, *named.values()]:
        return None
    if method == "format" and not _FIELDS.fullmatch(value):
        return None
    try:
        made = getattr(value, method)(*given, **named)
    except (TypeError, ValueError, LookupError, AttributeError):
        return None
    return made if isinstance(made, str | list) else None
