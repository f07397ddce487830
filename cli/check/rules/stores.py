"""Stores: what is kept in one environment only, and connections to what keeps it elsewhere."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code import paths
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, Call, text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, Level, report

CACHES = re.compile(
    r"^(simple|simplecache|filesystem|filesystemcache|flask_caching\.backends\.(Simple|FileSystem)Cache)$",
    re.IGNORECASE,
)
UPLOADS = names.find("uploads", "settings")
LOCAL = re.compile(
    r"\b(redis|rediss|amqp|mongodb|postgres|postgresql|postgresql\+\w+|mysql|mysql\+\w+|memcached)://"
    r"([^@/\s'\"]*@)?(localhost|127\.0\.0\.1)\b"
)
CACHE_MAKERS = names.find("cache", "makers")
LIMITERS = names.find("cache", "limiters")
LIMITS_KEPT = {"storage_uri", "storage_options"}
CLIENTS = ("requests.", "httpx.", "urllib.request.", "aiohttp.")
OWN_URL = re.compile(r"https?://(localhost|127\.0\.0\.1)\b")
MEMORY = re.compile(r"(?i)(cache|session)s?$")
"""Names of what is kept in memory for later requests."""
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
    limits = any(each.name.startswith("RATELIMIT_STORAGE") for _, each in code.assigned())
    for file, call in code.calls():
        if (
            call.name in LIMITERS
            and not limits
            and not any(each.arg in LIMITS_KEPT for each in call.node.keywords)
        ):
            yield report("cache", file, call.line, f"{call.last}() counts requests in memory")
        yield from _of_call(file, call)
    for file in code.files:
        yield from _in_memory(file)


def _of_setting(code: AppCode, file: CodeFile, each: Assigned) -> Iterator[Finding]:
    name, literal = each.name, text(each.value)
    if name == "SESSION_TYPE" and literal in {"filesystem", "cachelib"}:
        yield report("sessions", file, each.line, f'SESSION_TYPE = "{literal}"')
    elif name == "CACHE_TYPE" and literal and CACHES.search(literal):
        yield report("cache", file, each.line, f'CACHE_TYPE = "{literal}"')
    elif name in UPLOADS and paths.is_kept(each.value, file) and not code.django:
        if not code.is_given(file.value_of(each)):
            yield report("uploads", file, each.line, f"{name} is a local folder")
    elif each.form in {"name", "item", "keyword", "attribute"} and file.is_local:
        yield from _neighbour(code, file, each)


def _of_call(file: CodeFile, call: Call) -> Iterator[Finding]:
    first = call.argument(0)
    if call.last == "save" and first is not None and "UPLOAD" in ast.unparse(first).upper():
        if paths.find(first, file) == "project":
            yield report("uploads", file, call.line, "save() into a local folder")
    elif call.name in CACHE_MAKERS:
        yield report("cache", file, call.line, f"{call.last}() is in memory")
    elif call.name.startswith(CLIENTS) and (url := text(first)) and OWN_URL.match(url):
        yield report("services", file, call.line, f"{call.last}() asks this machine")
    elif NEIGHBOURS.search(call.name):
        host = first or call.argument(-1, "host")
        if host is None and {each.arg for each in call.node.keywords} <= WITHOUT_HOST:
            yield report("services", file, call.line, f"{call.last}() without a host: localhost")
        elif text(host) in {"localhost", "127.0.0.1"}:
            yield report("services", file, call.line, f"{call.last}() at localhost")


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


def _in_memory(file: CodeFile) -> Iterator[Finding]:
    """Yield dicts at the top level that are called sessions, or a cache that pages fill themselves.

    A cache that other functions fill is one of clients or results mostly, which each environment may have.
    """
    pages = {f"{each.moment.prefix}{each.function.name}" for each in file.sites.decorated}
    filled = {name: moment.function in pages for name, moment in file.sites.filled if moment.function}
    for each in file.sites.assigned:
        if each.name not in filled or each.moment.function or not MEMORY.search(each.name):
            continue
        rule = "sessions" if "session" in each.name.lower() else "cache"
        is_empty = each.form == "name" and ast.unparse(each.value) in {"{}", "dict()"}
        if is_empty and (rule == "sessions" or filled[each.name]):
            yield report(rule, file, each.line, f"{each.name} is a dict in memory")
