"""The outline of a Python file: which function ran is known by its number when lines have moved."""

import pytest

from lambdify.cli.static import outline

CODE = b"""
import os

def first():
    return 1

class Page:
    @property
    def size(self):
        return 2

def second(key=lambda: 3):
    def inner():
        return 4
    return inner
"""
RAN = frozenset({(12, "second")})


def test_lines_may_move_and_the_same_functions_are_meant() -> None:
    numbers, digest = outline.draw(CODE, RAN)
    assert numbers == [2]
    moved = CODE.replace(b"import os\n", b"import os  # for later\n\n\n").replace(
        b"return 1", b"x = 1\n    return x"
    )
    assert outline.redraw(moved, numbers) == digest
    assert outline.redraw(moved.replace(b"return inner", b"return inner()"), numbers) != digest


def test_a_function_before_the_one_that_ran_changes_the_outline() -> None:
    numbers, digest = outline.draw(CODE, RAN)
    more = CODE.replace(b"class Page", b"def third(): pass\n\nclass Page")
    assert outline.redraw(more, numbers) != digest
    # One that is in a body that did not run is not met.
    inner = CODE.replace(b"return 1", b"return [lambda: 1, lambda: 2]")
    assert outline.redraw(inner, numbers) == digest


def test_a_function_begins_with_its_first_decorator() -> None:
    numbers, _ = outline.draw(CODE, {(8, "size")})
    assert numbers == [1]


def test_what_ran_in_a_body_by_another_name_counts_with_that_body() -> None:
    numbers, _ = outline.draw(CODE, {(15, "made by another name")})
    assert numbers == [2]


@pytest.mark.parametrize(
    "content",
    [b"def f(:\n", b"x = '\0'\n", b"# coding: none\n", b"\xff\n", b"return 1\n", b"(" * 1000 + b")" * 1000],
    ids=["syntax", "a null byte", "an encoding", "no UTF-8", "no function", "too deep"],
)
def test_a_file_that_python_cannot_import_has_none(content: bytes) -> None:
    assert outline.redraw(content, []) == ""


def test_of_functions_on_a_line_only_lambdas_are_taken_for_each_other() -> None:
    code = b"def one(): return 1\ndef two(key=lambda: 2, other=lambda: 3): return 4\n"
    assert outline.draw(code, {(2, "two")})[0] == [1]
    assert outline.draw(code, {(2, "<lambda>")})[0] == [2, 3]


def test_a_long_sum_and_odd_texts_have_one() -> None:
    content = b"X = " + b"+".join([b"1"] * 900) + b"\nY = '\\ud800\\n' + '\\d'\n"
    assert outline.draw(content, set())[1]
