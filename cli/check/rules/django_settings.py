"""Django's settings: hosts, DEBUG, the key, databases, sessions, caches, files, and apps that need a worker.

A setting is what the settings module says last, itself or by `from .base import *`; where it is set on a
condition or changed afterwards, nothing is said of it.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lambdify.cli.check.code import paths
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, text
from lambdify.cli.check.code.values import UNKNOWN, Value
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, Level, report
from lambdify.cli.packing.bundle import files
from lambdify.cli.static import asking

LOCAL_HOST = re.compile(r"(.*\.)?(localhost|local|test)|127\.0\.0\.1|\[?::1\]?|0\.0\.0\.0|testserver")
ENDPOINTS = re.compile(r"^(\*|\.?amazonaws\.com|\.on\.aws|.*\.amazonaws\.com|.*\.on\.aws)$")
STAGED = "collectstatic"
MANIFEST = "staticfiles.json"
"""The manifest of ManifestStaticFilesStorage. https://docs.djangoproject.com/en/stable/ref/contrib/staticfiles/"""
POSTGRESQL = "django.db.backends.postgresql"
WORKERS = names.find("workers", "apps")


class Setting(NamedTuple):
    """The value of a setting, and where it stands."""

    file: CodeFile
    assigned: Assigned
    value: Value

    @property
    def place(self) -> tuple[CodeFile, int]:
        """The file and the line."""
        return self.file, self.assigned.line


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what Django's settings say; nothing if the app has none."""
    start = next((file for file in code.files if file.path == code.django), None)
    if start is None:
        return
    chain = _chain(code, start)
    for name, rule in _RULES.items():
        if setting := _last(name, chain):
            yield from rule(code, setting)
    yield from _databases(code, chain)


def _chain(code: AppCode, start: CodeFile) -> list[CodeFile]:
    """Return the settings files, the one that counts first: each takes all names of the next."""
    found, waiting = [], [start.path]
    by_path = {file.path: file for file in code.files}
    while waiting:
        file = by_path.get(waiting.pop(0))
        if file is None or file in found:
            continue
        found.append(file)
        module = code.project.module(file.path)
        for star in reversed(module.star_imports) if module else ():
            waiting += [code.project.file_of(star, near=module.root if module else "")]
    return found


def _last(name: str, chain: list[CodeFile]) -> Setting | None:
    """Return the value that a setting has for sure; None if there is none, or it depends."""
    for file in chain:
        if re.search(rf"\b{name}\s*(\+=|\.(append|extend|insert|update)\()", file.source):
            return None
        given = [each for each in file.sites.assigned if each.name == name and each.form == "name"]
        if given:
            last = given[-1]
            return Setting(file, last, file.read(last.value)) if last.moment.sure else None
    return None


def _hosts(_: AppCode, setting: Setting) -> Iterator[Finding]:
    hosts = setting.value.literal
    if not isinstance(hosts, list | tuple) or any(ENDPOINTS.match(str(host)) for host in hosts):
        return
    public = [host for host in hosts if not LOCAL_HOST.fullmatch(str(host))]
    if not hosts:
        yield report("hosts", *setting.place, "ALLOWED_HOSTS = []")
    elif not public:
        yield report("hosts", *setting.place, "ALLOWED_HOSTS has names of this machine only")
    else:
        named = ", ".join(map(str, public[:3]))
        what = f"ALLOWED_HOSTS has {named}, and not the endpoint's own name"
        yield report("hosts", *setting.place, what, level="surprises")


def _debug(code: AppCode, setting: Setting) -> Iterator[Finding]:
    if setting.value.literal is True:
        yield report("debug", *setting.place, "DEBUG = True")
    elif setting.value.variables and not code.is_given(setting.value) and _is_on(setting.assigned.value):
        yield report("debug", *setting.place, f"DEBUG is on{_unless(setting.value)}", level="note")


def _is_on(node: ast.expr) -> bool:
    """Whether an expression is true without its variable, as far as its default is written plainly."""
    if not isinstance(node, ast.Call):
        return False
    default = node.args[1] if len(node.args) > 1 else None
    default = default or next((each.value for each in node.keywords if each.arg == "default"), None)
    return isinstance(default, ast.Constant) and default.value in (True, "True", "true", 1, "1")


def _secret(_: AppCode, setting: Setting) -> Iterator[Finding]:
    if text(setting.assigned.value):
        yield report("secret", *setting.place, "SECRET_KEY is written in the code")


def _sessions(_: AppCode, setting: Setting) -> Iterator[Finding]:
    engine = text(setting.assigned.value) or ""
    if engine.endswith("backends.file"):
        yield report("sessions", *setting.place, f'SESSION_ENGINE = "{engine}"')


def _caches(_: AppCode, setting: Setting) -> Iterator[Finding]:
    for node in ast.walk(setting.assigned.value):
        name = text(node) or ""
        if name.endswith((".FileBasedCache", ".LocMemCache")):
            yield report("cache", setting.file, getattr(node, "lineno", 0), name.rpartition(".")[2])


def _uploads(code: AppCode, setting: Setting) -> Iterator[Finding]:
    elsewhere = re.compile(r"S3|storages\.backends|gcloud|azure", re.IGNORECASE)
    if any(elsewhere.search(file.source) for file in code.files if "STORAGE" in file.source):
        return
    if paths.find(setting.assigned.value, setting.file) == "project" and not code.is_given(setting.value):
        yield report("uploads", *setting.place, "MEDIA_ROOT is a local folder")


def _apps(_: AppCode, setting: Setting) -> Iterator[Finding]:
    for node in ast.walk(setting.assigned.value):
        app = text(node)
        line = getattr(node, "lineno", 0)
        if app == "channels":
            yield report("websockets", setting.file, line, "channels: Django's WebSockets")
        elif app == "django_apscheduler":
            yield report("scheduler", setting.file, line, "django_apscheduler runs jobs inside of the app")
        elif app in WORKERS:
            yield report("workers", setting.file, line, f"{app} needs a process of its own")


def _manifest(code: AppCode, setting: Setting) -> Iterator[Finding]:
    if "ManifestStaticFilesStorage" not in setting.value.shown:
        return
    if _is_collected(code):
        return
    build = code.settings.build
    if any(STAGED in command for command in build.before):
        return
    packed = files.scan(code.settings.root, include=build.include, exclude=build.exclude).files
    if any(file.name.rpartition("/")[2] == MANIFEST for file in packed):
        return
    start = next(file for file in code.files if file.path == code.django)
    debug = _last("DEBUG", _chain(code, start))
    if debug and debug.value.literal is True:
        return
    unless = "" if debug and debug.value.literal is False else " unless DEBUG is on"
    what = f"{setting.assigned.name} looks files up in {MANIFEST}{unless}"
    yield report("manifest", *setting.place, what)


def _is_collected(code: AppCode) -> bool:
    """Return whether lambdify collects the static files: for itself, or for WhiteNoise."""
    served = any(name.decode() in file.source for file in code.files for name in asking.SERVERS)
    return code.settings.static.serve != "app" or served


def _databases(code: AppCode, chain: list[CodeFile]) -> Iterator[Finding]:
    """Yield databases in files, and those that are kept open."""
    setting = _last("DATABASES", chain)
    if setting is None:
        return
    file = setting.file
    for node in ast.walk(setting.assigned.value):
        entries = _entries(node)
        engine = text(entries.get("ENGINE")) or ""
        if engine.endswith(".sqlite3") and (name := entries.get("NAME")) is not None:
            yield from _sqlite(code, file, node, name)
        otherwise = entries.keys() & {"PASSWORD", "OPTIONS"}
        if engine == POSTGRESQL and code.settings.database.kind and not otherwise:
            yield report("tokens", file, entries["ENGINE"].lineno, f'ENGINE = "{engine}"')
        kept = entries.get("CONN_MAX_AGE")
        if kept is not None and file.read(kept).literal not in (0, UNKNOWN):
            yield report("connections", file, kept.lineno, "CONN_MAX_AGE keeps connections open")
    value = setting.value
    if "sqlite://" in value.shown and not code.is_given(value):
        what = f"the database is a SQLite file{_unless(value)}"
        yield report("sqlite", *setting.place, what, level="note")


def _sqlite(code: AppCode, file: CodeFile, node: ast.AST, name: ast.expr) -> Iterator[Finding]:
    """Yield a database whose name is a path; a variable may lead it elsewhere."""
    value = file.read(name)
    if code.is_given(value) or value.literal == ":memory:":
        return
    level: Level = "note" if value.variables else "surprises"
    what = (
        f"the database is a SQLite file{', where ' + value.variables[0] + ' says' if value.variables else ''}"
    )
    yield report("sqlite", file, getattr(node, "lineno", 0), what, level=level)


def _entries(node: ast.AST) -> dict[str, ast.expr]:
    """Return the entries of a dict that have a text as their key."""
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {name: value for key, value in pairs if (name := text(key)) is not None}


def _unless(value: Value) -> str:
    return f" unless {value.variables[0]} is set" if value.variables else ""


_RULES: dict[str, Callable[[AppCode, Setting], Iterator[Finding]]] = {
    "ALLOWED_HOSTS": _hosts,
    "DEBUG": _debug,
    "SECRET_KEY": _secret,
    "SESSION_ENGINE": _sessions,
    "CACHES": _caches,
    "MEDIA_ROOT": _uploads,
    "INSTALLED_APPS": _apps,
    "STORAGES": _manifest,
    "STATICFILES_STORAGE": _manifest,
}
