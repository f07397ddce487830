"""Code as another Python reads it."""

import ast
import sys
from pathlib import Path

import pytest

from lambdify.cli.programs import syntax

PYTHON = Path(sys.executable)
EVERYTHING = """
import a.b as c
from . import d
X: int = 1_000; y = -1.5; z = 2j; big = 0xffffffffffffffffffffffffffffffffff
s, b, e, none = "\\u20ac\\ud800", b"\\x00\\xff", ..., None
true = True and not False
inf = 1e999
async def f(p, /, q, *r, s=1, **t) -> "x":
    async with a as b, c: await d
    return [i async for i in x if i] or {**a, 1: 2} or {*a} or (yield)
@decorated
class A(B, metaclass=C):
    def g(self): lambda x: f"{x!r:>{width}} {{}}"
match a:
    case {"x": [1, *_], **rest} | A(b=1) if x: pass
try: pass
except* OSError as e: raise e from None
"""


def test_the_tree_is_the_one_that_this_python_has(tmp_path):
    file = tmp_path / "code.py"
    file.write_text(EVERYTHING)
    read = syntax.parse(PYTHON, file)
    assert isinstance(read, ast.Module)
    expected = ast.dump(ast.parse(EVERYTHING), include_attributes=True)
    assert ast.dump(read, include_attributes=True) == expected


def test_what_that_python_cannot_read_is_told_with_its_line(tmp_path):
    file = tmp_path / "code.py"
    file.write_text("a = 1\nb = = 2\n")
    assert syntax.parse(PYTHON, file) == syntax.Invalid(2, "invalid syntax")


def test_an_interpreter_is_asked_once_about_a_file_until_it_changes(tmp_path):
    file, asked = tmp_path / "code.py", tmp_path / "asked"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho >> {asked}\nexec {PYTHON} "$@"\n')
    python.chmod(0o755)
    for text, times in (("a = 1\n", 1), ("a = 1\n", 1), ("a = 11\n", 2)):
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        read = syntax.parse(python, file)
        assert isinstance(read, ast.Module)
        assert ast.unparse(read) == text.strip()
        assert len(asked.read_text().splitlines()) == times


@pytest.mark.parametrize("script", ["exit 3", "echo no JSON", "echo '{}'", "echo '{\"tree\": 1}'"])
def test_an_interpreter_that_gives_no_answer_says_nothing(tmp_path, script):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    assert syntax.parse(python, tmp_path) is None
    assert syntax.parse(python, tmp_path / "missing") is None
