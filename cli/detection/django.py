"""Django's settings, read without running them: the apps, middleware and URLs that a project's settings name.

https://docs.djangoproject.com/en/stable/ref/settings/
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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
    parts = [(file, part) for file, tree in files for part in _parts(tree.body, guarded=False)]
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


def _parts(body: list[ast.stmt], *, guarded: bool) -> Iterator[_Part]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _part(name, value, guarded)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield _part(name, value, guarded)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield _part(name, value, guarded)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=[*_, value])
            ):
                yield _part(name, value, guarded, removes=method in {"remove", "discard", "pop"})
            case ast.If() | ast.Try() | ast.For() | ast.While():
                inner = [each for handler in getattr(node, "handlers", ()) for each in handler.body]
                inner += [*node.body, *node.orelse, *getattr(node, "finalbody", ())]
                yield from _parts(inner, guarded=True)
            case ast.With() | ast.ClassDef():
                yield from _parts(node.body, guarded=guarded)


def _part(setting: str, value: ast.expr, guarded: bool, *, removes: bool = False) -> _Part:
    texts: list[tuple[str, int, bool]] = []
    names: list[tuple[str, bool]] = []
    waiting: list[tuple[ast.expr, bool]] = [(value, guarded)]
    while waiting:
        node, unsure = waiting.pop(0)
        match node:
            case ast.Constant(value=str(text)) if _DOTTED.fullmatch(text):
                texts.append((text, node.lineno, unsure))
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.append((name, unsure))
            case ast.List() | ast.Tuple() | ast.Set():
                waiting += [(each, unsure) for each in node.elts]
            case ast.BinOp():
                waiting += [(node.left, unsure), (node.right, unsure)]
            case ast.Starred():
                waiting.append((node.value, unsure))
            case ast.Call(args=arguments):  # such as list(), or of a function that is not followed
                waiting += [(each, True) for each in arguments if not isinstance(each, ast.Constant)]
            case ast.IfExp():
                waiting += [(node.body, True), (node.orelse, True)]
            case ast.BoolOp():
                waiting += [(each, True) for each in node.values[1:]]
            case ast.Dict():
                waiting += [(each, True) for each in node.values]
            case ast.ListComp() | ast.GeneratorExp():
                # What a filter keeps is not known; what it compares with is what it takes out.
                filters = [each for generator in node.generators for each in generator.ifs]
                removes = removes or bool(filters)
                waiting += [(generator.iter, unsure) for generator in node.generators]
                compared = [each for test in filters for each in ast.walk(test)]
                waiting += [(each, True) for each in compared if isinstance(each, ast.Constant)]
    return _Part(setting, tuple(texts), tuple(names), removes)
