"""What of an installed distribution never runs on Lambda, and so is not packed.

Each rule was tried on popular packages: every module of numpy, pandas, scipy, scikit-learn, Django, FastAPI,
SQLAlchemy and others was imported from the full tree and from the stripped one, and none broke.

Never stripped: METADATA and entry points (importlib.metadata finds plug-ins through them), licences, data,
compiled translations, and modules such as `numpy.testing` that code imports at run time. A test suite that
code outside of it imports stays too.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

FORMAT = 1
"""Raise it when a rule changes: it is part of every name that a stripped distribution is kept under."""


class Rule(NamedTuple):
    """Paths that are left out, and why."""

    why: str
    pattern: re.Pattern[str]
    """Searched in a path relative to site-packages."""


RULES = (
    Rule("bytecode that no longer fits", re.compile(r"(^|/)__pycache__/|\.py[co]$")),
    Rule("type stubs", re.compile(r"\.pyi$|(^|/)py\.typed$")),
    Rule("sources of compiled code", re.compile(r"\.(c|cc|cpp|cxx|h|hh|hpp|hxx|pyx|pxd|pxi|f|f90|a|cmake)$")),
    # They list files that are not packed, and direct_url.json and uv_cache.json name folders of this machine.
    Rule(
        "records of the installation",
        re.compile(r"\.dist-info/(RECORD(\.\w+)?|INSTALLER|REQUESTED|WHEEL|(direct_url|uv_\w+)\.json)$"),
    ),
    Rule("bills of materials", re.compile(r"\.dist-info/sboms/")),
    # Their first line names this machine's interpreter.
    Rule("console scripts", re.compile(r"^bin/")),
    Rule("translations before they are compiled", re.compile(r"/locale/.+\.po$")),
)
TESTS = Rule("test suites", re.compile(r"^[^/]+/(.+/)?tests/"))
# Where a statement that imports it may be: on one line, on lines joined by backslashes, or in parentheses.
# Each begins with a word, which is found much faster than a choice of words.
_IMPORTS_OF_TESTS = (
    re.compile(rb"tests\b(?:\\\r?\n|[^\n])*?\bimport\b"),
    re.compile(rb"import\b(?:\\\r?\n|[^\n])*?\btests\b"),
    re.compile(rb"import\b[\s\\]*\((?:#[^\n]*|[^)#])*?\btests\b"),
)
NEVER_STRIPPED = re.compile(
    r"\.dist-info/(METADATA$|entry_points\.txt$|top_level\.txt$|licenses/|LICEN[CS]E|NOTICE|COPYING)"
)


def select_files(sources: Mapping[str, bytes], paths: Iterable[str]) -> tuple[str, ...]:
    """The paths of one distribution that are packed, sorted.

    `sources` is the content of its modules; those in test suites have no say.
    """
    paths = tuple(paths)
    # Most packages have no test suite in their wheel, and none of their modules has to be looked at.
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
    """The folders of test suites that are imported from outside: "scipy/special/tests"."""
    return frozenset(
        "/".join(parts[: parts.index("tests") + 1])
        for path, source in sources.items()
        # Few modules have the word in an import; only those are parsed.
        if b"tests" in source and not TESTS.pattern.match(path)
        if any(pattern.search(source) for pattern in _IMPORTS_OF_TESTS)
        for module in _imports(path, source)
        if "tests" in (parts := module.split("."))
    )


def _imports(path: str, source: bytes) -> Iterator[str]:
    """Every module or attribute that a module imports, by its absolute name."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        # Written for a newer Python than this one, or a template. Every suite stays: the safe side.
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
