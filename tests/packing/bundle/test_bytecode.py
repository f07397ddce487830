"""Bytecode that the function's Python takes as it is."""

import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import bytecode
from lambdify.cli.packing.bundle.bytecode import Compiler
from lambdify.cli.programs import pythons

SOURCE = b"""\
import os
CASES = {"a", "b", "c"}
def where():
    return os.path.join("x", "y") if "a" in {"a", "b", "c"} else None
"""


def compiler(minor: str = pythons.RUNNING) -> Compiler:
    python = pythons.find(minor)
    if python is None:
        pytest.skip(f"this machine has no Python {minor}")
    return Compiler(python=python, minor=minor, mount="/opt")


def run(compiler: Compiler, program: str) -> str:
    """What the function's Python prints, with code that it cannot write to, as on Lambda."""
    command = [compiler.python, "-I", "-S", "-B", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14"])
def test_the_functions_python_imports_it_without_its_source(minor, tmp_path):
    made = bytecode.build(compiler(minor), [Member("python/shop.py", SOURCE)])["python/shop.py"]
    assert made.name == f"python/__pycache__/shop.cpython-{minor.replace('.', '')}.pyc"
    path = tmp_path / Path(made.name).relative_to("python")
    path.parent.mkdir()
    path.write_bytes(archive.inflate(made))
    # The source beside it would raise: were it looked at, this would not print anything.
    (tmp_path / "shop.py").write_text("raise SystemExit('compiled again')")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import shop; print(shop.where())"
    assert run(compiler(minor), program) == "x/y"


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14"])
def test_it_holds_the_path_that_the_module_has_on_lambda(minor, tmp_path):
    made = bytecode.build(compiler(minor), [Member("python/shop.py", SOURCE)])["python/shop.py"]
    (tmp_path / "shop.pyc").write_bytes(archive.inflate(made))
    program = f"import marshal; code = marshal.loads(open({str(tmp_path / 'shop.pyc')!r}, 'rb').read()[16:])"
    assert run(compiler(minor), f"{program}; print(code.co_filename)") == "/opt/python/shop.py"
    assert str(tmp_path).encode() not in archive.inflate(made)


def test_it_is_hash_based_and_unchecked():
    made = archive.inflate(bytecode.build(compiler(), [Member("shop.py", SOURCE)])["shop.py"])
    assert made[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(made[4:8], "little") == 0b01  # PEP 552: bit 0 hash-based, bit 1 checked
    assert made[8:16] == importlib.util.source_hash(SOURCE)


def test_asserts_and_docstrings_stay():
    source = b'"""Doc."""\nassert False\n'
    made = archive.inflate(bytecode.build(compiler(), [Member("shop.py", source)])["shop.py"])
    code = marshal.loads(made[16:])
    assert "Doc." in code.co_consts
    with pytest.raises(AssertionError):
        exec(code, {})


def test_what_does_not_compile_has_none_and_the_rest_has():
    members = [
        Member("good.py", SOURCE),
        Member("template.py", b"{% if %}"),
        Member("null.py", b"a = 1\0"),
        Member("latin.py", b"x = '\xe9'\n"),
        Member("page.html", b"x = 1"),
    ]
    assert set(bytecode.build(compiler(), members)) == {"good.py"}


def test_without_a_compiler_there_is_none():
    assert bytecode.build(None, [Member("shop.py", SOURCE)]) == {}


@pytest.mark.slow
def test_the_bytes_depend_on_nothing_but_source_and_path():
    library = Path(os.__file__).parent
    modules = [Member(path.name, path.read_bytes()) for path in sorted(library.glob("[a-f]*.py"))]
    # Enough for several workers, each of which has a hash seed of its own.
    assert sum(len(module.content) for module in modules) > 2 * bytecode.BYTES_PER_WORKER
    one_way = bytecode.build(compiler(), modules)
    other_way = bytecode.build(compiler(), modules[::-1])
    alone = bytecode.build(compiler(), modules[:1])
    assert one_way == other_way
    assert alone.items() <= one_way.items()


def test_the_bytecode_of_a_module_leads_back_to_it():
    assert bytecode.source_path(bytecode.cache_path("a/b.py", "3.13")) == "a/b.py"
    assert bytecode.source_path("a/b.py") == "a/b.py"


def test_an_interpreter_that_dies_is_named(tmp_path):
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\ncat > /dev/null\necho 'out of luck' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(BuildError, match=r"python3\.13 died .* 3\): out of luck"):
        bytecode.build(Compiler(python=broken, minor="3.13", mount="/opt"), [Member("a.py", b"")])


def test_the_environment_has_no_say(monkeypatch):
    plain = bytecode.build(compiler(), [Member("shop.py", SOURCE)])
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert sys.flags.optimize == 0
    assert bytecode.build(compiler(), [Member("shop.py", SOURCE)]) == plain
