"""Findings in code that only the function's Python can read, not the one that runs lambdify."""

import pytest

from lambdify.cli.packing.target import runtimes
from lambdify.cli.programs import pythons
from lambdify.cli.programs.pythons import RUNNING

NEWER = [minor for minor in runtimes() if minor > RUNNING]


@pytest.mark.slow
@pytest.mark.skipif(RUNNING >= "3.12", reason="this Python reads the code itself")
@pytest.mark.skipif(not any(map(pythons.find, NEWER)), reason="this machine has no newer Python of Lambda's")
def test_what_an_older_python_cannot_read_is_examined_too(lambdify, project):
    python, interpreter = next((minor, found) for minor in NEWER if (found := pythons.find(minor)))
    files = {
        "app.py": "from flask import Flask\nimport kept\napp = Flask(__name__)\n",
        "kept.py": "type Name = str\n\n\ndef keep[T](value: T) -> T:\n    open('x', 'w')\n\n\nkeep(1)\n",
        "lambdify.toml": f'[function]\npython = "{python}"\n',
    }
    done = lambdify("check", "--no-rehearsal", cwd=project(files), env={"PATH": str(interpreter.parent)})
    assert "files  kept.py:5" in done.stdout
