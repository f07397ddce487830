"""Commands find setuptools' distutils where the app does: Python 3.12 has none of its own."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from lambdify.adapter.commands import program
from lambdify.adapter.commands.frames import STDERR, STDOUT

from .command_task import CALL
from .test_command_handler import WITHOUT_SITE

ASK = "import distutils.version, sys; print(distutils.__file__, distutils.version.LooseVersion('1.2'))"
BARE = WITHOUT_SITE + CALL
"""As in Lambda, where `site` reads no .pth file of a bundle."""


@pytest.fixture
def setuptools(task):
    """The bundle has setuptools."""
    site = Path(importlib.util.find_spec("setuptools").origin).parents[1]
    for name in ("setuptools", "pkg_resources", "_distutils_hack"):
        if (site / name).is_dir():
            shutil.copytree(site / name, task.root / name, ignore=lambda *_: ["__pycache__"])
    shutil.copy(site / "distutils-precedence.pth", task.root)


@pytest.mark.slow
@pytest.mark.usefixtures("setuptools")
def test_a_command_has_setuptools_distutils(task):
    answer = task.run("python", "-c", ASK, script=BARE)
    assert answer.end["code"] == 0, answer.of(STDERR)
    assert answer.of(STDOUT).decode().split() == [
        str(task.root / "setuptools" / "_distutils" / "__init__.py"),
        "1.2",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("setuptools")
def test_so_has_what_a_command_starts(task):
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {ASK!r}], check=True)"
    answer = task.run("python", "-c", script, script=BARE)
    assert b"setuptools/_distutils" in answer.of(STDOUT), answer.of(STDERR)


def test_without_setuptools_it_has_what_python_has(task):
    answer = task.run("python", "-c", "import os, sys; print(os.environ['PYTHONPATH'])", script=BARE)
    assert "distutils" not in answer.of(STDOUT).decode()


@pytest.mark.parametrize("packed", [False, True])
def test_the_path_of_a_command_begins_with_them_only_where_setuptools_is_packed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, packed: bool
) -> None:
    if packed:
        (tmp_path / "distutils-precedence.pth").touch()
    program._find_shims.cache_clear()
    with monkeypatch.context() as changed:
        changed.setattr(sys, "path", [str(tmp_path)])
        *shims, last = program.write_environ({}, {}, 0)["PYTHONPATH"].split(os.pathsep)
    program._find_shims.cache_clear()
    assert (len(shims), last) == (int(packed), str(tmp_path))
    assert all((Path(folder) / "distutils.py").is_file() for folder in shims)
