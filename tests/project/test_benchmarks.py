"""The benchmarks name parts of lambdify in programs that they hand to an interpreter: those parts exist.

`make bench-packaging` takes a quarter of an hour, so nobody would see for weeks that a module has moved.
"""

import ast
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def imports_of_programs():
    """Yield each (file, module, name) that a program in a string of the benchmarks imports of lambdify."""
    for file in [*BENCHMARKS.glob("*.py"), *BENCHMARKS.glob("race/*.py"), *BENCHMARKS.glob("packers/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and "from lambdify" in str(node.value):
                for line in node.value.splitlines():
                    if line.startswith("from lambdify"):
                        found = ast.parse(line).body[0]
                        yield from ((file.name, found.module, alias.name) for alias in found.names)


@pytest.mark.parametrize(("file", "module", "name"), [*imports_of_programs()])
def test_what_a_program_of_the_benchmarks_imports_is_there(file, module, name):
    found = importlib.import_module(module)
    assert hasattr(found, name) or importlib.import_module(f"{module}.{name}")
