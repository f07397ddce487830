"""Wheel, sdist and editable install: each is built for real, and works beside a user's own modules."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.index]

NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
KINDS = ("wheel", "sdist", "editable")


def run(*line, cwd=None, **environ):
    """The output of a program that has to succeed."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(each) for each in line],
        cwd=cwd,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the project: builds leave files behind, which are not to lie in the tree."""
    copy = tmp_path_factory.mktemp("sources") / "lambdify"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    return copy


@pytest.fixture(scope="module")
def built(sources, tmp_path_factory):
    """The folder with the wheel (made from the sdist, as `build` does it) and the sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, sources)
    return out


@pytest.fixture(scope="module", params=KINDS)
def bin_folder(request, sources, built, tmp_path_factory):
    """The `bin` of a fresh environment that lambdify is installed in."""
    environment = tmp_path_factory.mktemp(request.param) / "venv"
    run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable, environment)
    what = {
        "wheel": [*built.glob("*.whl")],
        "sdist": [*built.glob("*.tar.gz")],
        "editable": ["--editable", sources],
    }[request.param]
    run(find_uv_bin(), "pip", "install", "--quiet", "--python", environment / "bin" / "python", *what)
    return environment / "bin"


OWN = {
    "cli.py": "WHOSE = 'mine'\n",
    "adapter/__init__.py": "WHOSE = 'mine'\n",
    "tests/__init__.py": "WHOSE = 'mine'\n",
    "app.py": """
import adapter, cli, tests

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{adapter.WHOSE} {cli.WHOSE} {tests.WHOSE}".encode()]
""",
}
"""An app with modules that are called as ours are in the source tree."""

CALL = """
import json, sys
from types import SimpleNamespace
from lambdify.adapter.entry import handler

event = {
    "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
    "headers": {"host": "a.example"},
    "requestContext": {
        "accountId": "1", "apiId": "a", "domainName": "a.example", "domainPrefix": "a", "requestId": "1",
        "http": {
            "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "",
        },
        "routeKey": "$default", "stage": "$default", "time": "23/Nov/2026:00:00:00 +0000", "timeEpoch": 0,
    },
    "isBase64Encoded": False,
}
print(json.dumps(handler(event, SimpleNamespace(aws_request_id="1"))))
"""


@pytest.fixture
def own_modules(tmp_path):
    """A project with modules that are called like ours."""
    for name, text in OWN.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


@pytest.mark.parametrize("command", ["lambdify", "lambdify-cli"])
def test_the_command_runs(bin_folder, command):
    # By the distribution's name too, as uvx starts the command of that name: `uvx lambdify-cli deploy`.
    assert run(bin_folder / command, "--version").startswith("lambdify ")


def needs_more(file):
    """Whether a file imports ministack, which has an environment of its own, or what apps bring along."""
    guests = ("from ministack", "from django", "from sqlalchemy")
    return any(line.startswith(guests) for line in file.read_text().splitlines())


def test_every_module_is_installed(bin_folder, tmp_path):
    code = "import sys, importlib; [importlib.import_module(name) for name in sys.argv[1:]]"
    # These are run rather than imported, in processes of their own; entry needs a bundle, runtime Lambda's.
    started = {
        "adapter/entry.py",
        "adapter/streaming/runtime.py",
        "cli/local/functions/boot.py",
        "cli/local/daemon/daemon.py",
        "cli/local/aws/ministack_bridge.py",
    }
    files = [
        path.relative_to(ROOT).as_posix()
        for room in ("adapter", "cli")
        for path in (ROOT / room).rglob("*.py")
    ]
    names = [
        "lambdify." + file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for file in files
        if file not in started and not needs_more(ROOT / file)
    ]
    run(bin_folder / "python", "-c", code, *names, cwd=tmp_path)


def test_settings_and_their_defaults_load(bin_folder, tmp_path):
    assert run(bin_folder / "lambdify", "init", cwd=tmp_path) == f"{tmp_path}/lambdify.toml\n"


def test_modules_of_the_user_that_are_called_like_ours_stay_theirs(bin_folder, own_modules):
    code = """
import lambdify.adapter, lambdify.cli, adapter, cli, tests
print(adapter.WHOSE, cli.WHOSE, tests.WHOSE)
"""
    assert run(bin_folder / "python", "-c", code, cwd=own_modules) == "mine mine mine\n"


def test_the_command_runs_beside_them(bin_folder, own_modules):
    shown = run(bin_folder / "lambdify", "--version", cwd=own_modules, PYTHONPATH=str(own_modules))
    assert shown.startswith("lambdify ")


def test_they_stay_theirs_in_the_bundle(bin_folder, own_modules, tmp_path):
    packed = json.loads(run(bin_folder / "lambdify", "package", "--json", cwd=own_modules))
    task_root = tmp_path / "task"
    with zipfile.ZipFile(own_modules / packed[-1]["path"]) as archive:
        archive.extractall(task_root)
    # As Lambda runs it: nothing installed, the zip first on the path.
    payload = run(sys.executable, "-S", "-c", CALL, cwd=task_root, LAMBDA_TASK_ROOT=str(task_root))
    assert json.loads(payload)["body"] == "mine mine mine"


# -------------------------------------------------------------------- as a tool, by its published name


def test_a_tool_that_is_installed_by_name_packs_an_app(built, own_modules, tmp_path):
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    line = ("tool", "install", "--quiet", "--find-links", built, "--python", sys.executable, "lambdify-cli")
    run(find_uv_bin(), *line, **folders)
    packed = json.loads(run(tmp_path / "bin" / "lambdify-cli", "package", "--json", cwd=own_modules))
    assert Path(packed[-1]["path"]).is_file()


# W002 is about files with the same content: templates of new projects may have some in common.
@pytest.mark.parametrize("checker", ["twine check --strict", "check-wheel-contents --ignore W002"])
def test_an_index_would_take_what_is_built(built, checker):
    program, *arguments = checker.split()
    files = [*built.glob("*.whl")] if program == "check-wheel-contents" else [*built.iterdir()]
    run(find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable, program, *arguments, *files)


# -------------------------------------------------------------------- what is in the archives


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        f"lambdify/{path.relative_to(ROOT).as_posix()}"
        for room in ("adapter", "cli")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names == expected


def test_a_bare_lambdify_is_a_namespace_that_others_may_share(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        assert "lambdify/__init__.py" not in wheel.namelist()
