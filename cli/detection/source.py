"""Python files as they are: of any encoding, and perhaps with statements that this Python cannot read.

One statement that is not valid, or newer than the Python that runs lambdify, must not hide the rest of a
file. It is left out, and the first of them is kept as the flaw of the file, to be told where it matters.
"""

import ast
import io
import re
import tokenize
import warnings
from functools import lru_cache
from typing import NamedTuple

from lambdify.cli.programs.pythons import RUNNING
from lambdify.cli.storage import texts

MAX_FLAWS = 20
"""Statements of a file that are left out at most; a file with more of them is no Python."""
BEGINNING = re.compile(r"(?!(?:elif|else|except|finally)\b)[^\s#)\]}]")
"""The first character of a line where a statement at the top level begins."""


MOST_KEPT = 8192
"""Files whose trees are kept while lambdify runs: its steps read the same ones."""


class Flaw(NamedTuple):
    """Why Python cannot read a file."""

    line: int
    why: str
    newer: bool
    """Whether a newer Python might read it."""
    python: str = RUNNING
    """Whose grammar says so."""


@lru_cache(MOST_KEPT)
def parse(data: bytes, grammar: tuple[int, int] | None = None) -> tuple[ast.Module | None, Flaw | None]:
    """Return what can be read of a file, and what is wrong with it; no tree if nothing can be read.

    A file is parsed once in a run, so nobody may change a tree.
    `grammar` is that of an older Python, such as (3, 11); it is applied as far as the running one knows it.
    """
    if mark := _wide_encoding(data):
        tree, _ = _parse_text(decode(data))
        return tree, Flaw(1, f"the file is {mark}, which Python does not read. Save it as UTF-8", newer=False)
    try:
        return _parse(data, grammar), None
    except SyntaxError as error:
        if error.lineno is None or b"\0" in data:
            return None, Flaw(error.lineno or 1, error.msg, newer=False)
        tree, _ = _parse_text(_decode_python(data))
        judge = "{}.{}".format(*grammar) if grammar else RUNNING
        return tree, Flaw(error.lineno, error.msg, newer=True, python=judge)
    except (ValueError, RecursionError, MemoryError) as error:
        return None, Flaw(1, str(error), newer=False)


def decode(data: bytes) -> str:
    """Return the text of a file that is no code, by its byte order mark; UTF-8 without one."""
    return texts.decode(data, errors="replace")


def _wide_encoding(data: bytes) -> str:
    name = texts.find_mark(data)
    return name.upper() if name in {"utf-16", "utf-32"} else ""


def _decode_python(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return data.decode(encoding, errors="replace")


def _parse(code: bytes | str, grammar: tuple[int, int] | None = None) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those of "\d": the project's Python tells them
        return ast.parse(code, feature_version=grammar)


def _parse_text(text: str) -> tuple[ast.Module | None, int]:
    """Return the tree of the statements that can be read, and how many were left out."""
    lines = text.removeprefix("\ufeff").splitlines()
    if lines and re.match(r"[ \t\f]*#.*?coding[:=]", lines[0]):
        lines[0] = ""
    for left_out in range(MAX_FLAWS):
        try:
            return _parse("\n".join(lines) + "\n"), left_out
        except SyntaxError as error:
            _blank(lines, error.lineno or 1)
        except (ValueError, RecursionError, MemoryError):
            break
    return None, MAX_FLAWS


def _blank(lines: list[str], number: int) -> None:
    """Empty the statement at the top level that a line belongs to, with its decorators."""
    number = min(number, len(lines)) - 1
    starts = [index for index, line in enumerate(lines) if BEGINNING.match(line)]
    first = max((index for index in starts if index <= number), default=0)
    end = min((index for index in starts if index > number), default=len(lines))
    while first > 0 and lines[first - 1].startswith("@"):
        first -= 1
    lines[first:end] = [""] * (end - first)
