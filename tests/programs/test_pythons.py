"""Finding an interpreter of the function's version."""

import os
import sys
from pathlib import Path

import pytest

from lambdify.cli.errors import PythonNotFound
from lambdify.cli.programs import pythons

ABSENT = "3.99"


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is found."""
    return {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv"), "HOME": str(tmp_path)}


def test_the_interpreter_that_runs_lambdify_comes_first():
    assert pythons.find("{}.{}".format(*sys.version_info)) == Path(sys.executable)


def test_where_there_is_none_there_is_none(bare):
    assert pythons.find(ABSENT, bare) is None


def test_one_on_path_is_taken_if_it_runs(bare, tmp_path):
    good = program(tmp_path / "bin" / f"python{ABSENT}", f"echo {ABSENT}")
    assert pythons.find(ABSENT, bare) == good


def test_a_shim_that_fails_is_passed_over_for_the_next_place(bare, tmp_path):
    program(tmp_path / "bin" / f"python{ABSENT}", "echo 'pyenv: command not found' >&2; exit 127")
    second = program(tmp_path / "more" / f"python{ABSENT}", f"echo {ABSENT}")
    assert pythons.find(ABSENT, bare | {"PATH": f"{bare['PATH']}{os.pathsep}{tmp_path / 'more'}"}) == second


def test_one_that_says_another_version_or_is_no_program_is_passed_over(bare, tmp_path):
    program(tmp_path / "bin" / f"python{ABSENT}", "echo 2.7")
    broken = tmp_path / "more" / f"python{ABSENT}"
    broken.parent.mkdir()
    broken.write_bytes(b"\0\1\2")
    broken.chmod(0o755)
    path = f"{bare['PATH']}{os.pathsep}{broken.parent}"
    assert pythons.find(ABSENT, bare | {"PATH": path}) is None


def test_the_working_directory_is_never_on_path(bare, tmp_path, monkeypatch):
    program(tmp_path / f"python{ABSENT}", f"echo {ABSENT}")
    monkeypatch.chdir(tmp_path)
    assert pythons.find(ABSENT, bare | {"PATH": ""}) is None


def test_pyenvs_versions_are_found_without_its_shims(bare, tmp_path):
    good = program(tmp_path / f"pyenv/versions/{ABSENT}.1/bin/python{ABSENT}", f"echo {ABSENT}")
    assert pythons.find(ABSENT, bare) == good


def test_where_none_can_be_had_the_error_names_the_choices(bare, console):
    with pytest.raises(PythonNotFound) as refused:
        pythons.fetch(ABSENT, console, bare | {"UV_PYTHON_DOWNLOADS": "never"})
    assert f"no Python {ABSENT}" in refused.value.message
    assert f"python{ABSENT} is on PATH or under pyenv" in refused.value.hint
    assert "[function] python" in refused.value.hint


def test_an_interpreter_is_told_with_its_own_places():
    found = pythons.find_interpreter(pythons.RUNNING)
    assert found == pythons.locate(Path(sys.executable))
    assert found is not None
    assert found.file.is_file()
    assert not found.file.is_symlink()
    assert Path(os.__file__).resolve().parent == found.library
    # Through a link, as a shim or a virtual environment has one, it says the same of itself.
    assert pythons.locate(found.file) == found


def test_where_there_is_no_interpreter_there_is_nothing_to_tell(bare, tmp_path):
    assert pythons.find_interpreter(ABSENT, bare) is None
    program(tmp_path / "bin" / f"python{ABSENT}", f"echo {ABSENT}")
    assert pythons.find_interpreter(ABSENT, bare) is None
