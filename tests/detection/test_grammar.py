"""Code is read with the grammar of the function's Python, whichever runs lambdify."""

import io
import sys
from functools import cache

import pytest

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import choose_app
from lambdify.cli.errors import AppNotFound
from lambdify.cli.packing.target import runtimes
from lambdify.cli.programs import pythons
from lambdify.cli.programs.pythons import RUNNING

FLASK = "from flask import Flask\n"
NEW = {
    # https://peps.python.org/pep-0695/, 0701, 0696, 0758 and 0750: each as the statement that makes the app.
    "type": ("3.12", "type Name = str\napp = Flask(__name__)\n"),
    "generic": ("3.12", "def create_app[T](kind: T = None) -> Flask:\n    return Flask(__name__)\n"),
    "class": ("3.12", "class Shelf[T]:\n    pass\n\n\napp = Flask(__name__)\n"),
    "f-string": ("3.12", """name = "x"\napp = Flask(f"{"-".join([name])}")\n"""),
    "default": ("3.13", "class Shelf[T = int]:\n    pass\n\n\napp = Flask(__name__)\n"),
    "except": (
        "3.14",
        "try:\n    import a\nexcept ImportError, OSError:\n    a = None\napp = Flask(__name__)\n",
    ),
    "t-string": ("3.14", "app = Flask(t'{__name__}')\n"),
}


@cache
def here(minor):
    return pythons.find(minor)


def choose(root, python):
    streams = {"stdin": io.StringIO(), "stdout": io.StringIO(), "stderr": io.StringIO()}
    chosen = choose_app(
        settings.load(root, overrides={"function.python": python}), Console(**streams, environ={})
    )
    return chosen, streams["stderr"].getvalue()


def is_newer(python):
    return tuple(map(int, python.split("."))) > sys.version_info[:2]


@pytest.mark.parametrize("name", NEW)
def test_an_app_in_the_grammar_of_the_functions_python_is_found(project, name):
    python, code = NEW[name]
    if not here(python):
        pytest.skip(f"this machine has no Python {python}")
    chosen, said = choose(project({"app.py": FLASK + code}), python)
    assert (chosen.framework, chosen.file) == ("flask", "app.py")
    assert "is not valid" not in said


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("python", [minor for minor in runtimes() if is_newer(minor)])
def test_a_real_mistake_is_told_by_the_functions_python(project, python, named):
    if not here(python):
        pytest.skip(f"this machine has no Python {python}")
    text = f"{FLASK}type Name = str\n\napp = Flask(__name__)\nreturn (\n"
    files = {"app.py": text, **({"lambdify.toml": 'app = "app:app"\n'} if named else {})}
    with pytest.raises(AppNotFound) as caught:
        choose(project(files), python)
    assert f"app.py, line 5, is not valid Python {python}: '(' was never closed." in caught.value.message


@pytest.mark.parametrize("name", ["type", "f-string"])
@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python does not know that grammar either")
def test_what_is_too_new_for_the_function_is_told_by_a_newer_python_too(project, name):
    if not here("3.11"):
        pytest.skip("this machine has no Python 3.11")
    with pytest.raises(AppNotFound, match=r"is not valid Python 3\.11"):
        choose(project({"app.py": FLASK + NEW[name][1]}), "3.11")


@pytest.mark.skipif(not is_newer(list(runtimes())[-1]), reason="this Python reads all that Lambda's do")
def test_where_no_python_could_read_the_app_the_error_says_so(project, tmp_path, monkeypatch):
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    newest = list(runtimes())[-1]
    with pytest.raises(AppNotFound) as caught:
        choose(project({"app.py": FLASK + NEW["t-string"][1]}), newest)
    assert f"app.py, line 2, is not valid Python {RUNNING}, which runs lambdify" in caught.value.message
    assert f"The function has Python {newest}, and this machine has none" in caught.value.message
    assert caught.value.hint == f"`uv python install {newest}` brings it here."


def test_nothing_of_the_project_is_imported_by_the_functions_python(project, tmp_path):
    python = next((minor for minor in runtimes() if is_newer(minor) and here(minor)), "")
    if not python:
        pytest.skip("this machine has no newer Python that Lambda has")
    spy = f"open({str(tmp_path / 'seen')!r}, 'w')\n"
    files = {"app.py": f"{FLASK}{spy}type A = str\napp = Flask('x')\n", "ast.py": spy, "json.py": spy}
    assert choose(project(files), python)[0].app == "app:app"
    assert not (tmp_path / "seen").exists()
