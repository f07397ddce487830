"""Stores: what is kept in one environment only, and connections to what keeps it elsewhere."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code import paths
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, Call, text
from lambdify.cli.check.code.values import Value
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, Level, report

DATABASES = names.find("sqlite", "settings")
ENGINES = names.find("sqlite", "engines")
IN_MEMORY = re.compile(
    r":memory:|['\"]sqlite(\+\w+)?:///?['\"](?!\s*[+%]|\.format)|mode=(ro|memory)|immutable=1"
)
CONNECTS = names.find("sqlite", "connects")
CACHES = re.compile(
    r"^(simple|simplecache|filesystem|filesystemcache|flask_caching\.backends\.(Simple|FileSystem)Cache)$",
    re.IGNORECASE,
)
UPLOADS = names.find("uploads", "settings")
POOLS = names.find("connections", "pools")
LOCAL = re.compile(
    r"\b(redis|rediss|amqp|mongodb|postgres|postgresql|postgresql\+\w+|mysql|mysql\+\w+|memcached)://"
    r"([^@/\s'\"]*@)?(localhost|127\.0\.0\.1)\b"
)
OWN = re.compile(r"CORS|ORIGIN", re.IGNORECASE)
"""Settings that say who may ask, not who is asked."""
WITHOUT_HOST = {"db", "port", "password", "decode_responses", "encoding", "socket_timeout", "tz_aware"}
"""Arguments that do not say where a service is."""
NEIGHBOURS = re.compile(
    r"^(redis(\.asyncio)?\.(Redis|StrictRedis)|pymongo\.MongoClient|pymemcache\.client\.base\.Client)$"
)


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what is kept in one environment, and how what is elsewhere is connected to."""
    for file, each in code.assigned():
        yield from _of_setting(code, file, each)
    for file, call in code.calls():
        yield from _of_call(code, file, call)


def _of_setting(code: AppCode, file: CodeFile, each: Assigned) -> Iterator[Finding]:
    name, literal = each.name, text(each.value)
    if name in DATABASES:
        yield from _database(code, file, each.line, file.value_of(each), name)
    elif name == "SESSION_TYPE" and literal in {"filesystem", "cachelib"}:
        yield report("sessions", file, each.line, f'SESSION_TYPE = "{literal}"')
    elif name == "CACHE_TYPE" and literal and CACHES.search(literal):
        yield report("cache", file, each.line, f'CACHE_TYPE = "{literal}"')
    elif name in UPLOADS and paths.find(each.value, file) == "project" and not code.django:
        if not code.is_given(file.value_of(each)):
            yield report("uploads", file, each.line, f"{name} is a local folder")
    elif name == "SQLALCHEMY_ENGINE_OPTIONS" and "pool_size" in ast.unparse(each.value):
        yield report("connections", file, each.line, "SQLALCHEMY_ENGINE_OPTIONS with a pool_size")
    elif each.form in {"name", "item", "keyword", "attribute"} and file.is_local:
        yield from _neighbour(code, file, each)


def _of_call(code: AppCode, file: CodeFile, call: Call) -> Iterator[Finding]:
    first = call.argument(0)
    if call.name in CONNECTS:
        path = first or call.argument(-1, "database") or call.argument(-1, "path")
        shown = ast.unparse(path) if path else ""
        if not IN_MEMORY.search(shown) and paths.find(path, file) == "project":
            yield report("sqlite", file, call.line, f"{call.name}() of a file in the project")
    elif call.last in ENGINES and first is not None:
        yield from _database(code, file, call.line, file.read(first), f"{call.last}()")
        if any(each.arg == "pool_size" for each in call.node.keywords):
            yield report("connections", file, call.line, f"{call.last}() with a pool_size")
    elif call.name in POOLS:
        yield report("connections", file, call.line, f"{call.last}(): a pool in every environment")
    elif call.last == "save" and first is not None and "UPLOAD" in ast.unparse(first).upper():
        if paths.find(first, file) == "project":
            yield report("uploads", file, call.line, "save() into a local folder")
    elif NEIGHBOURS.search(call.name):
        host = first or call.argument(-1, "host")
        if host is None and {each.arg for each in call.node.keywords} <= WITHOUT_HOST:
            yield report("services", file, call.line, f"{call.last}() without a host: localhost")
        elif text(host) in {"localhost", "127.0.0.1"}:
            yield report("services", file, call.line, f"{call.last}() at localhost")


def _database(code: AppCode, file: CodeFile, line: int, value: Value, name: str) -> Iterator[Finding]:
    """Yield a database in a file; behind a variable it is what comes without it."""
    if "sqlite" not in value.shown or IN_MEMORY.search(value.shown) or code.is_given(value):
        return
    if value.variables:
        what = f"{name} is a SQLite file unless {value.variables[0]} is set"
        yield report("sqlite", file, line, what, level="note")
    else:
        yield report("sqlite", file, line, f"{name} is a SQLite file")


def _neighbour(code: AppCode, file: CodeFile, each: Assigned) -> Iterator[Finding]:
    """Yield an address of this machine: a plain one, or what comes without a variable."""
    if isinstance(each.value, ast.Dict | ast.List | ast.Tuple | ast.Set) or OWN.search(each.name):
        return
    found = LOCAL.search(ast.unparse(each.value))
    if not found:
        return
    value = file.value_of(each)
    if code.is_given(value) or (isinstance(each.value, ast.Call) and not value.variables):
        return
    level: Level = "note" if value.variables else "surprises"
    unless = f" unless {value.variables[0]} is set" if value.variables else ""
    what = f"{each.name} is {found[1]} on {found[3]}{unless}"
    yield report("services", file, each.line, what, level=level)
