"""What must not be public: keys in the code, and pages for developers. For Django, see django_settings."""

import ast
from collections.abc import Iterator

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.sites import text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report

KEYS = names.find("secret", "settings")
APPS = frozenset({"FastAPI", "Starlette", "Litestar"})


def find(code: AppCode) -> Iterator[Finding]:
    """Yield keys that stand in the code, and debuggers."""
    for file, each in code.assigned() if not code.django else ():
        if each.name not in KEYS or each.form == "entry":
            continue
        value = file.value_of(each)
        if text(each.value) and not value.variables:
            yield report("secret", file, each.line, f"{each.name} is written in the code")
        elif value.variables and not code.is_given(value) and _falls_back(each.value):
            what = f"{each.name} is a text in the code unless {value.variables[0]} is set"
            yield report("secret", file, each.line, what, level="note")
    for file, call in code.calls():
        if call.last in APPS and (debug := call.argument(-1, "debug")) is not None:
            if ast.unparse(debug) == "True":
                yield report("debug", file, call.line, f"{call.last}(debug=True)")
        elif call.name == "werkzeug.debug.DebuggedApplication":
            yield report("debug", file, call.line, "DebuggedApplication(): a console for everybody")


def _falls_back(node: ast.expr) -> bool:
    """Whether an expression has a text for when its variable is not set."""
    if text(node):
        return True
    if isinstance(node, ast.BoolOp):
        return bool(text(node.values[-1]))
    if not isinstance(node, ast.Call):
        return False
    defaults = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "default")]
    return any(map(text, defaults))
