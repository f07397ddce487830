"""A program that imports the app as a cold start on Lambda does, with the same sys.path, and ends.

The guard (programs/guard.py) runs it with `-s -S -P -B -X importtime`, which writes the times to stderr. It
reports the imported modules with their files, {"event": "imported", "origins": {...}}. Arguments: the file of
the audit hook, the layers' folder, the folder with the runtime's packages, the folders that may be read; and
what the guard tells, as JSON.

sys.path of the managed runtime:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
"""

import importlib
import json
import os
import sys
from types import ModuleType
from typing import Any

_import_module = importlib.import_module


def main(hook: str, layers: str, runtime: str, readable: str, told: str) -> None:
    """Import the app and end the process, as Lambda does, even if the app has started threads."""
    guard = json.loads(told)
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[:0] = [task_root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path.append(runtime)
    names: dict[str, Any] = {"__name__": "lambdify.audit_hook"}
    with open(hook, encoding="utf-8") as file:
        exec(compile(file.read(), hook, "exec"), names)  # noqa: S102 - a file of ours
    programs = {"files", "connections"} <= set(guard["guarded"])
    may_read = (task_root, *readable.split(os.pathsep))
    names["AuditHook"](guard["tmp"], may_read, lambda *_: None, programs=programs).install()
    importlib.import_module = _timed_import
    # The import by name finds the bundle's adapter, not the one that is installed with lambdify.
    _timed_import("lambdify.adapter.entry")
    origins = {name: getattr(module, "__spec__", None) for name, module in sys.modules.copy().items()}
    found = {name: str(getattr(spec, "origin", "") or "") for name, spec in origins.items()}
    line = f"{json.dumps({'event': 'imported', 'origins': found})}\n".encode()
    while line:
        line = line[os.write(guard["report"], line) :]
    os._exit(0)


def _timed_import(name: str, package: str | None = None) -> ModuleType:
    """Import a module as importlib.import_module does, which the adapter and Django use for apps.

    -X importtime measures only import statements. It would add other imports to the importing module.
    """
    if name.startswith("."):
        return _import_module(name, package)
    __import__(name)
    return sys.modules[name]


if __name__ == "__main__":
    main(*sys.argv[1:])
