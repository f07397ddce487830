"""A question to an app that has started, in the function's Python: which static files has it?

A guarded start (rehearsal/worker.py) loads this file by its path, before it imports the app, so that all is
seen that the app reads. Django's files are collected into a folder of ours by the project's own storage; of
others the folders are told. Nothing of it can connect, or write elsewhere: see programs/guard.py.

What C code reads is not seen, nor whether a file is there: its folder has to be listed for that. Of Python
files that were imported, and not read by anybody else, it tells which functions ran: see outline.py.
"""

# ruff: noqa: PTH100, PTH102, PTH118

import importlib
import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

FOLDER = "static"
"""The folder below the one for temporary files that Django's files are collected into."""
READS = {"open", "os.listdir", "os.scandir"}
IMPORTER = "<frozen importlib._bootstrap_external>"
TOOL = 4
"""An identifier that no known kind of tool has: https://docs.python.org/3/library/sys.monitoring.html"""
FUNCTION = 0x3
"""The flags of a function's code, which neither modules nor classes have: CO_OPTIMIZED and CO_NEWLOCALS.
https://docs.python.org/3/library/inspect.html#code-objects-bit-flags"""
INNER = ("app", "application", "wsgi_app", "asgi_app", "_app", "_wsgi_app", "wrapped_app")
"""Attributes by which middleware knows the app that it is around."""
SERVERS = {"whitenoise": "WhiteNoise", "servestatic": "ServeStatic", "dj_static": "dj-static"}
"""What serves Django's static files from STATIC_ROOT, by its package."""
USE_FINDERS = ("WHITENOISE_USE_FINDERS", "SERVESTATIC_USE_FINDERS")
"""Settings by which files are served from the folders of apps. Without them it is as DEBUG is.
https://whitenoise.readthedocs.io/en/stable/django.html#WHITENOISE_USE_FINDERS"""
DEEPEST = 20
"""Layers of middleware that are looked through."""
FILE = "<path:filename>"
"""The end of Flask's own rules for static files."""


class Question:
    """What is asked, and what was read for the answer."""

    def __init__(self, root: str, tmp: str) -> None:
        """`root` is the app's folder, `tmp` the one that may be written to. Notes reads from now on."""
        self._root, self._out = root, os.path.join(tmp, FOLDER)
        self._seen: set[str] = set()
        self._packages: set[str] = set()
        self._imported: set[str] = set()
        self._opened: set[str] = set()
        self._ran: set[tuple[str, int, str]] = set()
        seen, imported, opened = self._seen, self._imported, self._opened

        def note(event: str, arguments: tuple[object, ...]) -> None:
            if event in READS and isinstance(arguments[0], str | bytes | os.PathLike):
                path = os.path.abspath(os.fsdecode(arguments[0]))
                seen.add(path)
                (imported if _is_import(sys._getframe(1)) else opened).add(path)

        sys.addaudithook(note)
        self._watches = _watch(f"{root}/", self._ran)

    def ask(self, app: Any) -> dict[str, object]:
        """Return what the app says, in what JSON can hold. Raises what its own code raises."""
        os.mkdir(self._out)
        mounts: list[tuple[str, str, bool]] = []
        for each in _layers(getattr(app, "app", app)):
            self._packages.add(_package(type(each)))
            mounts += [*_find_flask(each), *_find_starlette(each, "")]
        django = self._ask_django()
        read = sorted(each for each in self._seen if f"{each}/".startswith(f"{self._root}/"))
        hosts = _find_hosts()
        return {"django": django, "mounts": mounts, "read": read, "ran": self._find_ran(), "hosts": hosts}

    def _find_ran(self) -> dict[str, list[tuple[int, str]]]:
        """Return line and name of the functions that ran, by file; of files that nobody has read but Python.

        Nothing before Python 3.12, where to watch functions takes more time than to ask again.
        """
        if not self._watches:
            return {}
        found: dict[str, list[tuple[int, str]]] = {path: [] for path in self._imported - self._opened}
        for file, line, name in sorted(self._ran):
            if file in found:
                found[file].append((line, name))
        return found

    def _ask_django(self) -> dict[str, object] | None:
        """Collect Django's files, and return what its settings say of them; None if there are none."""
        conf, registry = sys.modules.get("django.conf"), sys.modules.get("django.apps")
        if not conf or not registry or not conf.settings.configured or not registry.apps.ready:
            return None
        if not registry.apps.is_installed("django.contrib.staticfiles"):
            return None
        if conf.settings.FORCE_SCRIPT_NAME:
            # As for a request: https://docs.djangoproject.com/en/stable/ref/settings/#force-script-name
            _import("django.urls").set_script_prefix(conf.settings.FORCE_SCRIPT_NAME)
        if not conf.settings.STATIC_URL:
            return None
        settings, lazy = conf.settings, _import("django.contrib.staticfiles.storage").staticfiles_storage
        if lazy._wrapped is _import("django.utils.functional").empty:
            lazy._setup()
        storage = lazy._wrapped
        told: dict[str, Any] = {
            "url": settings.STATIC_URL,
            "root": os.fspath(settings.STATIC_ROOT or ""),
            "storage": f"{type(storage).__module__}.{type(storage).__qualname__}",
            "local": isinstance(storage, _import("django.core.files.storage").FileSystemStorage),
            "packages": sorted(self._packages.union(*map(_packages_of, settings.MIDDLEWARE))),
            "finders": any(getattr(settings, name, settings.DEBUG) for name in USE_FINDERS),
            "hashed": [],
        }
        # A CDN at another host may fetch them from who serves them here.
        fetched = "//" not in settings.STATIC_URL or not SERVERS.keys().isdisjoint(told["packages"])
        if not told["local"] or not fetched:
            return told
        settings.STATIC_ROOT = self._out
        # The storage has read the setting when it was made, and remembers what it has made of that.
        storage._location = self._out
        for name in ("base_location", "location"):
            vars(storage).pop(name, None)
        _import("django.core.management").call_command("collectstatic", interactive=False, verbosity=0)
        self._seen |= set(_finder_folders(settings))
        hashed = getattr(storage, "hashed_files", None) or {}
        return {**told, "hashed": sorted({str(each) for each in hashed.values()})}


def _is_import(frame: FrameType) -> bool:
    """Return whether it is Python that reads a module, and not somebody who wants to see its text."""
    before = frame.f_back
    if before is None or before.f_code.co_name != "get_code":
        return False
    return frame.f_code.co_filename == before.f_code.co_filename == IMPORTER


def _watch(root: str, ran: set[tuple[str, int, str]]) -> bool:
    """Note the functions below `root` that run from now on; return whether this Python can.

    It calls once for each function, and costs nothing after that.
    """
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12
    if monitoring is None or monitoring.get_tool(TOOL):
        return False

    def note(code: CodeType, _: int) -> Any:
        if code.co_flags & FUNCTION == FUNCTION and code.co_filename.startswith(root):
            ran.add((code.co_filename, code.co_firstlineno, code.co_name))
        return monitoring.DISABLE

    monitoring.use_tool_id(TOOL, "lambdify")
    monitoring.register_callback(TOOL, monitoring.events.PY_START, note)
    monitoring.set_events(TOOL, monitoring.events.PY_START)
    return True


def _find_hosts() -> list[str]:
    """Return the hosts that a Django answers to; "*" is every one."""
    conf = sys.modules.get("django.conf")
    if not conf or not conf.settings.configured:
        return ["*"]
    return [str(each) for each in conf.settings.ALLOWED_HOSTS]


def _import(name: str) -> Any:
    """Return a module that only the function has."""
    return importlib.import_module(name)


def _packages_of(middleware: str) -> set[str]:
    """Return the packages that a middleware of Django's is from, those of its base classes among them."""
    made = _import("django.utils.module_loading").import_string(middleware)
    return {_package(each) for each in getattr(made, "__mro__", (made,))}


def _package(made: Any) -> str:
    return str(getattr(made, "__module__", "")).partition(".")[0]


def _finder_folders(settings: Any) -> Iterator[str]:
    """Yield the folders that Django looks in, the ones that are not there as well."""
    for each in settings.STATICFILES_DIRS:
        yield os.path.abspath(os.fspath(each[1] if isinstance(each, list | tuple) else each))
    for finder in _import("django.contrib.staticfiles.finders").get_finders():
        for storage in getattr(finder, "storages", {}).values():
            if location := getattr(storage, "location", ""):
                yield os.path.abspath(location)


def _layers(app: Any) -> Iterator[Any]:
    """Yield an app, and what it is around."""
    for _ in range(DEEPEST):
        yield app
        if hasattr(app, "url_map") or hasattr(app, "routes"):
            return
        inner = next((vars(app)[name] for name in INNER if name in getattr(app, "__dict__", {})), None)
        if inner is None:
            return
        app = getattr(inner, "__self__", inner)  # such as the method wsgi_app of a Flask


def _find_flask(app: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield path and folder of Flask's static files, and of its blueprints'."""
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(app, flask.Flask):
        return
    owners = {"static": app, **{f"{name}.static": each for name, each in app.blueprints.items()}}
    for rule in app.url_map.iter_rules():
        owner = owners.get(rule.endpoint)
        if owner is not None and owner.static_folder and rule.rule.endswith(FILE) and not rule.host:
            yield rule.rule.removesuffix(FILE), os.path.abspath(owner.static_folder), False


def _find_starlette(app: Any, before: str) -> Iterator[tuple[str, str, bool]]:
    """Yield path and folder of each mount of Starlette's StaticFiles, and whether pages stand for folders.

    A class of the project's own may let in only some, and is left to itself.
    """
    if "starlette.routing" not in sys.modules:
        return
    for route in getattr(app, "routes", None) or ():
        inner: Any = getattr(route, "app", None)
        path = str(getattr(route, "path", ""))
        if "{" in path:
            continue
        if f"{type(inner).__module__}.{type(inner).__qualname__}" == "starlette.staticfiles.StaticFiles":
            for folder in inner.all_directories:
                yield f"{before}{path}/", os.path.abspath(folder), bool(inner.html)
        elif hasattr(inner, "routes"):
            yield from _find_starlette(inner, before + path)
