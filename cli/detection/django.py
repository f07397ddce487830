"""Django's settings, read without running them: the apps, middleware and URLs that a project's settings name.

https://docs.djangoproject.com/en/stable/ref/settings/
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lambdify.cli.detection import texts

VARIABLE = "DJANGO_SETTINGS_MODULE"
APPS, MIDDLEWARE, URLS = "INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF"
LATER = ("AUTHENTICATION_BACKENDS", "TEMPLATES", "STORAGES", "CACHES", "EMAIL_BACKEND", "SESSION_ENGINE",
         "DEFAULT_FILE_STORAGE", "STATICFILES_STORAGE", "REST_FRAMEWORK")  # fmt: skip
"""Settings whose classes are imported when they are used first."""
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_CLASS = re.compile(r"\w+(\.\w+)*\.[A-Z]\w*")


class Named(NamedTuple):
    """A module, or a class in one, that a setting names."""

    setting: str
    path: str
    file: str
    line: int
    guarded: bool
    """Whether it may be taken out again, or is there on a condition."""


class _Part(NamedTuple):
    """What a statement puts into a setting: texts, and other names whose texts go into it too."""

    setting: str
    texts: tuple[tuple[str, int, bool], ...]
    names: tuple[tuple[str, bool], ...]
    removes: bool


def find_settings(trees: Iterable[ast.Module]) -> str:
    """Return the settings module that the files set, as wsgi.py and manage.py do; "" if they set none."""
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(module)), *_]):
                    if name == VARIABLE:
                        return module
                case ast.Assign(
                    targets=[ast.Subscript(slice=ast.Constant(value=name))],
                    value=ast.Constant(value=str(module)),
                ):
                    if name == VARIABLE:
                        return module
    return ""


def read(files: Iterable[tuple[str, ast.Module]]) -> list[Named]:
    """Return what the settings in these files name; a settings file and those that it imports are one."""
    parts = [
        (file, part)
        for file, tree in files
        for part in _parts(tree.body, texts.names_of(tree.body), guarded=False)
    ]
    unsure = {text for _, part in parts if part.removes for text, _, _ in part.texts}
    filtered = {part.setting for _, part in parts if part.removes and not part.texts}
    found: list[Named] = []
    for setting in (APPS, MIDDLEWARE, URLS, *LATER):
        for name, guarded in _flowing(setting, [part for _, part in parts]).items():
            for file, part in parts:
                if part.setting == name and not part.removes:
                    found += [
                        Named(
                            setting,
                            text,
                            file,
                            line,
                            guarded or known or text in unsure or setting in filtered,
                        )
                        for text, line, known in part.texts
                        if setting not in LATER or _CLASS.fullmatch(text)
                    ]
    return found


def _flowing(setting: str, parts: list[_Part]) -> dict[str, bool]:
    """Return the names whose texts go into a setting, with whether that is on a condition."""
    found = {setting: setting in LATER}
    waiting = [setting]
    while waiting:
        name = waiting.pop()
        for part in parts:
            for other, guarded in part.names if part.setting == name else ():
                if other not in found:
                    found[other] = found[name] or guarded
                    waiting.append(other)
    return found


def _parts(body: list[ast.stmt], known: texts.Known, *, guarded: bool) -> Iterator[_Part]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _part(name, value, known, guarded)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield _part(name, value, known, guarded)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield _part(name, value, known, guarded)
            case ast.Delete(targets=[ast.Subscript(value=ast.Name(id=name))]):
                yield _Part(name, (), (), removes=True)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=given)
            ):
                removes = method in {"remove", "discard", "pop", "clear"}
                if given or removes:
                    yield _part(name, given[-1] if given else None, known, guarded, removes=removes)
            case ast.If() | ast.Try() | ast.For() | ast.While():
                inner = [each for handler in getattr(node, "handlers", ()) for each in handler.body]
                inner += [*node.body, *node.orelse, *getattr(node, "finalbody", ())]
                yield from _parts(inner, known, guarded=True)
            case ast.With(items=managers):
                quiet = any("suppress" in ast.unparse(each) for each in managers)
                yield from _parts(node.body, known, guarded=guarded or quiet)
            case ast.ClassDef():
                yield from _parts(node.body, known, guarded=guarded)


def _part(
    setting: str, value: ast.expr | None, known: texts.Known, guarded: bool, *, removes: bool = False
) -> _Part:
    found: list[tuple[str, int, bool]] = []
    names: list[tuple[str, bool]] = []
    waiting = [_Waiting(value, guarded, known)] if value else []
    while waiting:
        node, unsure, known = waiting.pop(0)
        match node:
            case _ if texts.is_made(node, known):
                made = texts.read_all(node, known)
                found += [(text, node.lineno, unsure) for text in made if _DOTTED.fullmatch(text)]
            case ast.Constant(value=str(text)) if _DOTTED.fullmatch(text):
                found.append((text, node.lineno, unsure))
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.append((name, unsure))
            case ast.Subscript(value=inner):  # such as APPS[1:]
                removes = removes or isinstance(node.slice, ast.Slice)
                waiting += _waiting([inner] if isinstance(node.slice, ast.Slice) else [], known, unsure=True)
            case ast.BinOp(op=ast.Sub() | ast.BitAnd()):
                removes = True
                waiting += _waiting([node.left, node.right], known, unsure=True)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                # What a filter keeps is not known; what it compares with is what it takes out.
                removes = removes or any(generator.ifs for generator in node.generators)
                waiting += _rounds(node, unsure, known)
            case _:
                waiting += [
                    _Waiting(each, unsure or perhaps, known) for each, perhaps in _inside(node, known)
                ]
    return _Part(setting, tuple(found), tuple(names), removes)


class _Waiting(NamedTuple):
    """An expression whose texts go into a setting."""

    node: ast.expr
    unsure: bool
    known: texts.Known


def _waiting(nodes: Iterable[ast.expr], known: texts.Known, *, unsure: bool) -> list[_Waiting]:
    return [_Waiting(each, unsure, known) for each in nodes]


def _inside(node: ast.expr, known: texts.Known) -> list[tuple[ast.expr, bool]]:
    """Return the expressions in one whose texts go where its own go, each with whether that is unsure."""
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            return [(each, False) for each in node.elts if not _is_sum(each, known)]
        case ast.BinOp(op=ast.Mult()):  # such as ["debug_toolbar"] * DEBUG
            return [(node.left, True), (node.right, True)]
        case ast.BinOp():
            return [(node.left, False), (node.right, False)]
        case ast.Starred():
            return [(node.value, False)]
        case ast.Call(func=ast.Name(id="map")):  # what its function makes of them is not known
            return []
        case ast.Call(args=arguments):  # such as list(), or of a function that is not followed
            return [(each, True) for each in arguments if not isinstance(each, ast.Constant)]
        case ast.IfExp():
            return [(node.body, True), (node.orelse, True)]
        case ast.BoolOp():
            return [(each, True) for each in node.values[1:]]
        case ast.Dict():
            return [(each, True) for each in node.values]
    return []


def _is_sum(node: ast.expr, known: texts.Known) -> bool:
    """Whether an item of a list adds up what is not known, such as two names: no list is in a list."""
    return isinstance(node, ast.BinOp) and not texts.is_made(node, known)


def _rounds(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp, unsure: bool, known: texts.Known
) -> list[_Waiting]:
    """Return what a comprehension puts into a setting: what it is over, or what it makes of each text."""
    first = node.generators[0]
    if len(node.generators) == 1 and ast.dump(node.elt) == _as_read(first.target):
        found = _waiting([first.iter], known, unsure=unsure)
    elif len(node.generators) == 1:
        rounds = list(texts.bound(first, known))
        found = [_Waiting(node.elt, unsure, each) for each in rounds if texts.is_made(node.elt, each)]
    else:
        found = []
    tests = [each for generator in node.generators for each in generator.ifs]
    compared = [each for test in tests for each in ast.walk(test) if isinstance(each, ast.Constant)]
    return found + _waiting(compared, known, unsure=True)


def _as_read(target: ast.expr) -> str:
    """Return how a name is dumped where it is read."""
    return ast.dump(ast.Name(target.id, ast.Load())) if isinstance(target, ast.Name) else ""
