"""Rules for the files of a distribution that are not packed, since they are never used on Lambda.

Each rule was tested with popular packages: every module of numpy, pandas, scipy, scikit-learn, Django,
FastAPI, SQLAlchemy and others was imported with all files and with the stripped ones, and none failed.

These are always packed: METADATA and entry points (importlib.metadata finds plug-ins by them), licences,
data, compiled translations, and modules such as `numpy.testing`, which code imports at run time. A test suite
is packed if code outside of it imports it.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

FORMAT = 1
"""The version of the rules, part of every fragment's name; increase it when a rule changes."""


class Rule(NamedTuple):
    """A pattern of paths that are left out, and the reason."""

    why: str
    pattern: re.Pattern[str]
    """Searched in a path relative to site-packages."""


RULES = (
    Rule("bytecode that no longer fits", re.compile(r"(^|/)__pycache__/|\.py[co]$")),
    Rule("type stubs", re.compile(r"\.pyi$|(^|/)py\.typed$")),
    Rule("sources of compiled code", re.compile(r"\.(c|cc|cpp|cxx|h|hh|hpp|hxx|pyx|pxd|pxi|f|f90|a|cmake)$")),
    # These list files that are not packed, and some of them name folders of this machine.
    Rule(
        "records of the installation",
        re.compile(r"\.dist-info/(RECORD(\.\w+)?|INSTALLER|REQUESTED|WHEEL|(direct_url|uv_\w+)\.json)$"),
    ),
    Rule("bills of materials", re.compile(r"\.dist-info/sboms/")),
    # Their first line is the path of this machine's interpreter.
    Rule("console scripts", re.compile(r"^bin/")),
    Rule("translations before they are compiled", re.compile(r"/locale/.+\.po$")),
)
TESTS = Rule("test suites", re.compile(r"^[^/]+/(.+/)?tests/"))
# Statements that import tests: on one line, on lines joined by backslashes, or in parentheses.
# Each pattern begins with a fixed word, which makes the search much faster.
_IMPORTS_OF_TESTS = (
    re.compile(rb"tests\b(?:\\\r?\n|[^\n])*?\bimport\b"),
    re.compile(rb"import\b(?:\\\r?\n|[^\n])*?\btests\b"),
    re.compile(rb"import\b[\s\\]*\((?:#[^\n]*|[^)#])*?\btests\b"),
)
NEVER_STRIPPED = re.compile(
    r"\.dist-info/(METADATA$|entry_points\.txt$|top_level\.txt$|licenses/|LICEN[CS]E|NOTICE|COPYING)"
)


def select_files(sources: Mapping[str, bytes], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of a distribution that are packed, sorted.

    `sources` are the contents of its modules outside of test suites.
    """
    paths = tuple(paths)
    # Most wheels contain no test suite. Then no module has to be searched for imports.
    imported = _imported_tests(sources) if any(map(TESTS.pattern.match, paths)) else frozenset()
    return tuple(
        sorted(path for path in paths if NEVER_STRIPPED.search(path) or not _is_stripped(path, imported))
    )


def _is_stripped(path: str, imported: frozenset[str]) -> bool:
    if any(rule.pattern.search(path) for rule in RULES):
        return True
    suite = TESTS.pattern.match(path)
    return bool(suite) and not any(f"/{folder}/" in f"/{path}" for folder in imported)


def _imported_tests(sources: Mapping[str, bytes]) -> frozenset[str]:
    """Return the folders of test suites that are imported from outside, such as "scipy/special/tests"."""
    return frozenset(
        "/".join(parts[: parts.index("tests") + 1])
        for path, source in sources.items()
        # Only the few modules with this word in an import are parsed.
        if b"tests" in source and not TESTS.pattern.match(path)
        if any(pattern.search(source) for pattern in _IMPORTS_OF_TESTS)
        for module in _imports(path, source)
        if "tests" in (parts := module.split("."))
    )


def _imports(path: str, source: bytes) -> Iterator[str]:
    """Yield the absolute name of every module or attribute that a module imports."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        # The module is for a newer Python, or is a template. To be safe, every test suite is packed.
        yield "tests"
        return
    package = path.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, *(node.module or "").split(".")] if node.module else above
            yield from (".".join([*base, alias.name]) for alias in node.names)
