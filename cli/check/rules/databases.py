"""Databases in files, and pools of connections to those that are elsewhere."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code import paths, values
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, Call, Moment
from lambdify.cli.check.code.values import READERS, Value
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report

IN_MEMORY = re.compile(
    r":memory:|['\"]sqlite(\+\w+)?:///?['\"](?!\s*[+%]|\.format)|mode=(ro|memory)|immutable=1"
)
URL = re.compile(r"['\"]sqlite(\+\w+)?://")
CONNECTS = names.find("sqlite", "connects")
POOLS = names.find("connections", "pools")
SIZES = frozenset({"pool_size", "max_overflow", "maxPoolSize"})
"""Arguments that say how many connections are kept."""


def find(code: AppCode) -> Iterator[Finding]:
    """Yield SQLite files, once a line, and pools."""
    seen: set[tuple[str, int]] = set()
    for file, each in code.assigned():
        if not code.django and "sqlite" in file.source and not isinstance(each.value, ast.Dict):
            for finding in _of_value(code, file, each):
                seen.add((finding.file, finding.line))
                yield finding
        if each.name == "SQLALCHEMY_ENGINE_OPTIONS" and "pool_size" in ast.unparse(each.value):
            yield report("connections", file, each.line, "SQLALCHEMY_ENGINE_OPTIONS with a pool_size")
    for file, call in code.calls():
        yield from (each for each in _of_call(code, file, call) if (each.file, each.line) not in seen)


def _of_value(code: AppCode, file: CodeFile, each: Assigned) -> Iterator[Finding]:
    if URL.search(ast.unparse(each.value)):
        yield from _database(code, file, each.line, file.value_of(each), each.name, each.moment)


def _of_call(code: AppCode, file: CodeFile, call: Call) -> Iterator[Finding]:
    if call.name in CONNECTS:
        path = call.argument(0, "database") or call.argument(-1, "path")
        if path is not None and not IN_MEMORY.search(ast.unparse(path)) and paths.is_kept(path, file):
            yield report("sqlite", file, call.line, f"{call.name}() of a local file")
    elif call.name in POOLS:
        yield report("connections", file, call.line, f"{call.last}(): a pool in every environment")
    elif any(each.arg in SIZES for each in call.node.keywords):
        yield report("connections", file, call.line, f"{call.last}() says how many connections are kept")
    if "sqlite" in file.source and not READERS.search(call.name):
        for value in (*call.node.args, *(each.value for each in call.node.keywords if each.arg != "default")):
            if not isinstance(value, ast.Call | ast.Dict) and URL.search(ast.unparse(value)):
                read = file.read(value)
                yield from _database(code, file, call.line, read, f"{call.last}()", call.moment)


def _database(
    code: AppCode, file: CodeFile, line: int, value: Value, name: str, moment: Moment
) -> Iterator[Finding]:
    """Yield a database in a file; behind a variable, or where something failed, it is what comes without."""
    variables = (*value.variables, *_tried(file, moment))
    if IN_MEMORY.search(value.shown) or code.is_given(value._replace(variables=variables)):
        return
    if variables:
        what = f"{name} is a SQLite file unless {variables[0]} is set"
        yield report("sqlite", file, line, what, level="note")
    elif moment.failed:
        yield report("sqlite", file, line, f"{name} falls back to a SQLite file", level="note")
    else:
        yield report("sqlite", file, line, f"{name} is a SQLite file")


def _tried(file: CodeFile, moment: Moment) -> Iterator[str]:
    """Yield the variables that the code reads whose failure a handler answers."""
    nodes = (each for body in (moment.failed.body if moment.failed else ()) for each in ast.walk(body))
    found = (values.variable(node, file.sites.names, file.made) for node in nodes)
    yield from (each[0] for each in found if each)
