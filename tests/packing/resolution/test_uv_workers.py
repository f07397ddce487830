"""Interpreters that uv starts for itself: they are kept apart as backends are, and still do their work."""

import sys

import pytest

from lambdify.cli.packing.resolution.uv import run_uv


@pytest.mark.index
def test_what_is_installed_can_be_compiled(tmp_path):
    words = ["pip", "install", "--python", sys.executable, "--target", str(tmp_path / "there")]
    done = run_uv(
        [*words, "--compile-bytecode", "--no-deps", "iniconfig"],
        cwd=tmp_path,
        extra={"UV_COMPILE_BYTECODE_TIMEOUT": "30"},
    )
    assert done.succeeded, done.errors
    assert list((tmp_path / "there").rglob("*.pyc"))
