"""Where a file of a traceback lies: in the project, in a distribution, in Python, or in what runs the app.

    /var/task/app.py                 the project, or a distribution, as both may be in one zip
    /opt/python/flask/app.py         a distribution, in the layer
    /var/lang/lib/python3.13/os.py   Python
    /var/runtime, lambdify/adapter   what runs the app: left out of every traceback

The local cloud unpacks the same zips into folders named by digests.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

Owns = Callable[[str], bool]
"""Whether the project has the file, given by its path in the function's folder."""

PYTHON = "Python"
"""The owner of the standard library's frames."""
MACHINERY = ""
"""The owner of frames that tell nothing: Python's import system, Lambda's client and our adapter."""

_TASK = re.compile(r"(?:/var/task|.*/code-[0-9a-f]{32})/(?P<rest>.+)")
_PACKAGES = re.compile(
    r"(?:/opt|.*/layers-[0-9a-f]{32})/python/(?:lib/python3\.\d+/site-packages/)?(?P<rest>.+)"
    r"|.*/(?:site|dist)-packages/(?P<installed>.+)"
)
_PYTHON = re.compile(r"<frozen (?P<frozen>[\w.]+)>|.*/(?:lib|lib64)/python3\.\d+/(?P<rest>.+)")
_MACHINERY = re.compile(
    r"<frozen (importlib|runpy|zipimport)|(.*/python3\.\d+/)?(importlib/|runpy\.py)|/var/runtime/"
    r"|(.*/)?awslambdaric/|(.*/)?lambdify/(adapter|cli)/"
)


def files_of(root: Path) -> Owns:
    """Return whether the project in that folder has a file, given by its path in the function's folder."""
    return lambda path: (root / path).is_file()


def locate(path: str, owns: Owns) -> tuple[str, bool]:
    """Return the path as the project, the distribution or Python has it, and whether it is the project's.

    Other paths come back as they are.
    """
    if found := _TASK.fullmatch(path):
        rest = found["rest"]
        return rest, not _MACHINERY.match(rest) and owns(rest)
    if found := _PACKAGES.fullmatch(path):
        return found["rest"] or found["installed"], False
    found = _PYTHON.fullmatch(path)
    return (found["rest"] or path if found else path), False


def owner(path: str) -> str:
    """Return whose a foreign file is: the package's name, PYTHON or MACHINERY."""
    if _MACHINERY.match(path):
        return MACHINERY
    if path.startswith("<") or (_PYTHON.fullmatch(path) and not _PACKAGES.fullmatch(path)):
        return PYTHON
    located, _ = locate(path, lambda _: False)
    first = located.lstrip("/").partition("/")[0].removesuffix(".py")
    # The rehearsal has paths of the standard library that begin there.
    return PYTHON if first in sys.stdlib_module_names else first
