"""Which program the first word of a command means, and the environment that it runs in.

    python             the function's own
    flask, alembic     a console script of a packed distribution, whose bin/ folder is not packed
    anything else      a program of the project or of the system

It can import what the app imports: PYTHONPATH holds the path, and a folder with the distutils of setuptools
where that is packed, as the app has them. No shell stands between.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from lambdify.adapter import loading

PYTHON = ("python", "python3")
SCRIPT = "import sys; from {module} import {begin}; sys.argv[0] = {name!r}; sys.exit({function}())"

DISTUTILS = """\
import importlib, sys
__import__("_distutils_hack").add_shim()
del sys.modules[__name__]
importlib.import_module(__name__)
"""
"""A module in the place of distutils: the next import of that name finds those of setuptools."""


def find(words: Sequence[str]) -> list[str]:
    """Return the words with which the system can run the command."""
    name, *rest = words
    if name in PYTHON:
        return [*_python(), *rest]
    for script in () if "/" in name else entry_points(group="console_scripts", name=name):
        begin = script.attr.partition(".")[0]
        code = SCRIPT.format(module=script.module, begin=begin, name=name, function=script.attr)
        return [*_python(), "-c", code, *rest]
    return list(words)


def write_environ(given: Mapping[str, str], bundle: Mapping[str, Any], deadline: float) -> dict[str, str]:
    """Return the variables of the command: the function's, then those that are `given` for this run.

    `deadline` is when it is asked to end, in seconds since 1970.
    """
    environ = {
        **({"FLASK_APP": bundle["app"]} if "app" in bundle else {}),
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [*_find_shims(), *sys.path])),
        "LAMBDIFY_DEADLINE": str(int(deadline)),
    }
    return {**environ, **given}


@cache
def _find_shims() -> tuple[str, ...]:
    """Return the folder with the module in the place of distutils; () where setuptools is not packed.

    It stands before Python's own modules: so the app has it, too, and Python 3.11 still has distutils.
    """
    if not loading.brings_distutils():
        return ()
    folder = tempfile.mkdtemp(prefix="lambdify-")
    with open(os.path.join(folder, "distutils.py"), "w", encoding="utf-8") as file:
        file.write(DISTUTILS)
    return (folder,)


def _python() -> list[str]:
    # In the local cloud the function has no site-packages of its own, so `python` has none either.
    return [sys.executable, *(["-S"] if sys.flags.no_site else [])]
