"""The files that serve requests, apart from those of commands, builds and workers.

commands and workers ▶ what only they import ▶ the rest, which counts
"""

import re
from collections.abc import Mapping, Sequence

from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.detection.candidate import Candidate

ASIDE = re.compile(
    r"(^|/)(migrations|management|alembic|fabfile|stubs?|tests?|cli|commands)/"
    r"|(^|/)(celery(_\w+)?|celery_tasks|cli|commands|worker|manage|gunicorn\w*|locustfile|conftest|_?build|setup)\.py$"
)
"""Files that a function does not run: workers, builds, and commands for a terminal."""


def select(files: Sequence[CodeFile], app: Candidate) -> list[CodeFile]:
    """Return the files without those that workers and commands are in, or that only these import."""
    aside = {file.path for file in files if ASIDE.search(file.path) and file.path != app.file}
    if app.framework == "django":
        return [file for file in files if file.path not in aside]  # Django imports files by texts, too
    by_module = {file.module: file.path for file in files}
    imported = {file.path: _imported(file, by_module) for file in files}
    behind = _closure(aside, imported, set())
    start = {file.path for file in files if file.path == app.file or file.path not in behind}
    used = _closure(start, imported, aside)
    return [file for file in files if file.path in used]


def _imported(file: CodeFile, by_module: Mapping[str, str]) -> set[str]:
    """Return the files that a file imports, with the packages that they are in."""
    names = (name.split(".") for name in set(file.sites.names.values()))
    modules = {".".join(parts[:count]) for parts in names for count in range(1, len(parts) + 1)}
    return {by_module[module] for module in modules & by_module.keys()}


def _closure(start: set[str], imported: Mapping[str, set[str]], without: set[str]) -> set[str]:
    """Return the files that others lead to, themselves included."""
    found: set[str] = set()
    waiting = [*start]
    while waiting:
        path = waiting.pop()
        if path not in found and path not in without:
            found.add(path)
            waiting += imported[path]
    return found
