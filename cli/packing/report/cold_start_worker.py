"""A cold start to be measured: makes sys.path what Lambda's is, imports the app as Lambda does, and ends.

Run by the function's Python as `-s -S -P -B -X importtime`, which writes the times to stderr. What was
imported from where goes to a file, a line for each module, because the app may write to both streams.
Arguments: the layers' folder, the folder of what the managed runtime brings, the file.

sys.path as the managed runtime has it:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
"""

import importlib
import os
import sys
from types import ModuleType

_import_module = importlib.import_module


def main(layers: str, runtime: str, imported: str) -> None:
    """Never comes back: the process ends as Lambda ends one, whatever threads the app has started."""
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[:0] = [task_root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path.append(runtime)
    importlib.import_module = _timed_import
    # By its name: it is the bundle's own, not the one that is installed beside lambdify.
    _timed_import("lambdify.adapter.entry")
    origins = {name: getattr(module, "__spec__", None) for name, module in sys.modules.copy().items()}
    with open(imported, "w", encoding="utf-8") as file:
        file.writelines(f"{name}\t{getattr(spec, 'origin', '') or ''}\n" for name, spec in origins.items())
    os._exit(0)


def _timed_import(name: str, package: str | None = None) -> ModuleType:
    """Do what importlib.import_module does, by which the adapter and Django import apps.

    -X importtime sees import statements only: all else it would add to the module that asks.
    """
    if name.startswith("."):
        return _import_module(name, package)
    __import__(name)
    return sys.modules[name]


if __name__ == "__main__":
    main(*sys.argv[1:])
