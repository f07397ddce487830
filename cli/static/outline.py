"""The outline of a Python file: all of it but the bodies of functions that did not run.

What a body says is without effect until it runs. All else counts: module and classes, decorators, defaults,
annotations, and what can be seen of a function from outside, such as its docstring. Comments do not.

Functions are told apart by their number: the order in which they are met, where bodies are left out. So two
files of the same outline have the same numbers. Places, as code objects have them, are for one file only.

`outlines` runs this file as a script in the function's Python as well. The standard library alone: no package
of lambdify is on that interpreter's path.
"""

import ast
import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from typing import Any, NamedTuple

Place = tuple[int, str]
"""First line and name of a function, as its code object has them."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
INNER = ("<", "__annotate__")
"""What the code that belongs to a statement is called, such as that of a comprehension or of annotations."""


class Job(NamedTuple):
    """A file whose outline is wanted, in what JSON can hold."""

    content: str
    """Hexadecimal."""
    places: Sequence[Sequence[Any]] | None
    """Those of the functions that ran; None if their numbers are known."""
    numbers: list[int]


def draw(content: bytes, ran: Set[Place]) -> tuple[list[int], str]:
    """Return the numbers of the functions that ran at these places, and the digest of the outline.

    The digest is "" if this Python cannot read the file.
    """
    tree = _parse(content, check=False)  # it was imported
    if tree is None:
        return [], ""
    functions = (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))
    # Who has changed the code of a module, or of a function, may have given it another name.
    others = ran - set(map(_place, functions))
    strange = [line for line, name in others if name == "<lambda>" or not name.startswith(INNER)]
    numbers: list[int] = []

    def did_run(node: ast.AST, number: int) -> bool:
        found = _place(node) in ran or any(_first(node) <= line <= _last(node) for line in strange)
        if found:
            numbers.append(number)
        return found

    digest = _digest(tree, did_run)
    return numbers, digest


def redraw(content: bytes, numbers: Collection[int]) -> str:
    """Return the digest of the outline if the functions of these numbers ran; "" if it cannot be imported."""
    tree, known = _parse(content, check=True), frozenset(numbers)
    return _digest(tree, lambda _, number: number in known) if tree else ""


def _parse(content: bytes, *, check: bool) -> ast.Module | None:
    """Return the tree of a file; None if it has none, or if it is checked and cannot be compiled."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as those of "\d"
            tree = ast.parse(content)
            if check:
                # Some errors, such as an `await` outside of a coroutine, are no matter of the grammar.
                compile(tree, "", "exec", dont_inherit=True)
            return tree
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _digest(tree: ast.AST, did_run: Callable[[ast.AST, int], bool]) -> str:
    try:
        text = "\n".join(_encode(tree, did_run))
    except ValueError:  # an integer of more than 4,300 digits
        return ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _encode(tree: ast.AST, did_run: Callable[[ast.AST, int], bool]) -> Iterator[str]:
    """Yield the kinds and values of a tree in their order, each on a line; without recursion."""
    waiting: list[object] = [tree]
    number = 0
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.AST):
            yield type(node).__name__
            fields = {name: getattr(node, name) for name in node._fields}
            if isinstance(node, FUNCTIONS):
                if not did_run(node, number):
                    fields["body"] = _face(node)
                number += 1
            waiting += reversed(fields.values())
        elif isinstance(node, list):
            yield f"[{len(node)}"
            waiting += reversed(node)
        else:
            yield repr(node)


def _face(node: ast.AST) -> list[object]:
    """Return what can be seen of a body that does not run: its docstring, and whether it yields."""
    text = None if isinstance(node, ast.Lambda) else ast.get_docstring(node, clean=False)  # type: ignore[arg-type]
    return [text, any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own(node))]


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body that are not in another one."""
    waiting = _body(function)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _body(function: ast.AST) -> list[ast.AST]:
    body = function.body  # type: ignore[attr-defined]
    return list(body) if isinstance(body, list) else [body]


def _place(function: ast.AST) -> Place:
    """Return where a function's code object begins: with its first decorator."""
    decorators: Iterable[ast.expr] = getattr(function, "decorator_list", ())
    first = next(iter(decorators), function)
    return first.lineno, getattr(function, "name", "<lambda>")  # type: ignore[attr-defined]


def _first(function: ast.AST) -> int:
    return _body(function)[0].lineno  # type: ignore[attr-defined, no-any-return]


def _last(function: ast.AST) -> int:
    return _body(function)[-1].end_lineno  # type: ignore[attr-defined, no-any-return]


def answer(jobs: Sequence[Job]) -> list[tuple[list[int], str]]:
    """Return numbers and digest for each job; the digest is "" if this Python cannot read the file."""
    return [_answer(*job) for job in jobs]


def _answer(
    content: str, places: Sequence[Sequence[Any]] | None, numbers: list[int]
) -> tuple[list[int], str]:
    data = bytes.fromhex(content)
    if places is None:
        return numbers, redraw(data, numbers)
    return draw(data, {(line, name) for line, name in places})


if __name__ == "__main__":
    with open(sys.argv[1], encoding="ascii") as file:
        answers = answer(json.load(file))
    with open(1, "w", encoding="ascii") as output:
        json.dump(answers, output)
