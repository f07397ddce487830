"""Environment variables that the app needs to start, and that nothing sets."""

import ast
from collections.abc import Iterator

from lambdify.cli.check.code import values
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Moment, qualify, text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report
from lambdify.cli.detection import django

PRESENT = names.find("variables", "present")
"""Variables that Lambda sets, or the app's own files."""
PREFIXES = ("AWS_LAMBDA_", "_", "LAMBDIFY_")


def find(code: AppCode) -> Iterator[Finding]:
    """Yield each variable once, at the first place that reads it while the app starts."""
    known = {*code.settings.environment, *code.settings.secrets, *PRESENT, *_set_by_the_code(code)}
    yield from _django(code)
    seen: set[str] = set()
    for file, name, line in sorted(_needed(code), key=lambda each: (each[0].path, each[2])):
        if name not in known and name not in seen and not name.startswith(PREFIXES):
            seen.add(name)
            todo = f'[environment] {name} = "...", or `lambdify secrets set {name}` if it is secret'
            yield report("variables", file, line, f"{name} is set nowhere", todo=todo)


def _django(code: AppCode) -> Iterator[Finding]:
    """Yield the variable that names Django's settings, if only manage.py or nothing sets it."""
    files = (file for file in code.files if file.path != code.django and django.VARIABLE in file.source)
    trees = (tree for file in files if (tree := code.project.tree(file.path)))
    given = {*code.settings.environment, *code.settings.secrets}
    if code.app.framework != "django" or django.VARIABLE in given or django.find_settings(trees):
        return
    if django.VARIABLE in _set_by_the_code(code) or not code.app.file:
        return
    if any("settings.configure" in file.source for file in code.files):
        return
    name = code.django.removesuffix(".py").removesuffix("/__init__").removeprefix(f"{code.app.path}/")
    todo = f'[environment] {django.VARIABLE} = "{name.replace("/", ".") or "package.settings"}"'
    yield report("variables", code.app.file, 0, f"{django.VARIABLE} is set nowhere", todo=todo)


def _needed(code: AppCode) -> Iterator[tuple[CodeFile, str, int]]:
    for file in code.files:
        reads: list[tuple[ast.AST, Moment]] = [
            *((node, moment) for _, node, moment in file.sites.items),
            *((call.node, call.moment) for call in file.sites.calls),
        ]
        for node, moment in reads:
            if (
                code.will(file, moment)
                and not moment.absent
                and (found := values.variable(node, file.sites.names, file.made))
            ):
                name, required = found
                if required and not _has_scheme(file, node):
                    yield file, name, getattr(node, "lineno", 0)
        yield from _fields(code, file)


def _has_scheme(file: CodeFile, node: ast.AST) -> bool:
    """Whether the object that reads has a default for the variable: `environ.Env(DEBUG=(bool, False))`."""
    first = qualify(node.func, {}).partition(".")[0] if isinstance(node, ast.Call) else ""
    name = text(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
    return any(
        each.form == "name"
        and each.name == first
        and isinstance(each.value, ast.Call)
        and any(keyword.arg == name for keyword in each.value.keywords)
        for each in file.sites.assigned
    )


def _set_by_the_code(code: AppCode) -> Iterator[str]:
    for _, each in code.assigned():
        if each.form == "variable":
            yield each.name
    for _, call in code.calls():
        if call.name == "os.environ.setdefault" and (name := text(call.argument(0))):
            yield name


def _fields(code: AppCode, file: CodeFile) -> Iterator[tuple[CodeFile, str, int]]:
    """Yield the fields without a default of pydantic's settings that are made while the app starts."""
    for name, made in file.classes.items():
        if made.required and _is_made(code, f"{file.module}.{name}"):
            yield from ((file, variable, line) for variable, line in made.required)


def _is_made(code: AppCode, name: str) -> bool:
    """Whether a class is called without arguments while the app starts."""
    return any(
        call.name == name and not call.node.args and not call.node.keywords and code.will(file, call.moment)
        for file, call in code.calls()
    )
