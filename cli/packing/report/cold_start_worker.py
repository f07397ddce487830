"""A program that imports the app as a cold start on Lambda does, with the same sys.path, and ends.

The function's Python runs it with `-s -S -P -B -X importtime`, which writes the times to stderr. Imported
modules and their files are written to a file, a line for each module, since the app may write to stdout and
stderr. Arguments: the layers' folder, the folder with the runtime's packages, the file.

sys.path of the managed runtime:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
"""

import importlib
import os
import sys
from types import ModuleType

_import_module = importlib.import_module


def main(layers: str, runtime: str, imported: str) -> None:
    """Import the app and end the process, as Lambda does, even if the app has started threads."""
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[:0] = [task_root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path.append(runtime)
    importlib.import_module = _timed_import
    # The import by name finds the bundle's adapter, not the one that is installed with lambdify.
    _timed_import("lambdify.adapter.entry")
    origins = {name: getattr(module, "__spec__", None) for name, module in sys.modules.copy().items()}
    with open(imported, "w", encoding="utf-8") as file:
        file.writelines(f"{name}\t{getattr(spec, 'origin', '') or ''}\n" for name, spec in origins.items())
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
