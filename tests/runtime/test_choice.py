"""Which Python a project gets: a table of small projects, and what is said of each."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import PythonRefused, SettingsError
from lambdify.cli.packing.target import runtimes
from lambdify.cli.runtime import choice

OLDEST, *_, USUAL, NEWEST = runtimes()


def pyproject(bound):
    return f'[project]\nname = "shop"\nrequires-python = "{bound}"\n'


def poetry(bound):
    return f'[tool.poetry.dependencies]\npython = "{bound}"\n'


UV_LOCK = 'version = 1\nrequires-python = ">=3.14"\n\n[[package]]\nname = "a"\nversion = "1"\n'
POETRY_LOCK = """\
[[package]]
name = "click"
version = "8"
python-versions = ">=3.14"

[metadata]
lock-version = "2.1"
python-versions = ">=3.11,<3.13"
"""
PDM_LOCK = """\
[metadata]
lock_version = "4.5.0"

[[metadata.targets]]
requires_python = "==3.11.*"

[[metadata.targets]]
requires_python = "~=3.12.0"

[[package]]
name = "click"
requires_python = ">=3.14"
"""
STAGES = """\
ARG PYTHON=3.12
FROM node:22 AS front
FROM --platform=linux/amd64 python:${PYTHON}-slim AS base
FROM python:3.11 AS docs
FROM base
COPY --from=front /site /site
"""
CASES = {
    "nothing": ({}, USUAL, "Lambda's newest but one"),
    # ------------------------------------------------------------ bounds
    "from": (
        {"pyproject.toml": pyproject(">=3.14")},
        "3.14", 'as pyproject.toml asks (requires-python ">=3.14")',
    ),
    "from-usual": (
        {"pyproject.toml": pyproject(">=3.13")},
        "3.13",
        'as pyproject.toml asks (requires-python ">=3.13")',
    ),
    "wide": ({"pyproject.toml": pyproject(">=3.9")}, USUAL, "Lambda's newest but one"),
    "below": (
        {"pyproject.toml": pyproject(">=3.9,<3.13")},
        "3.12",
        'as pyproject.toml asks (requires-python ">=3.9,<3.13")',
    ),
    "patch": ({"pyproject.toml": pyproject("==3.12.4")}, "3.12", None),
    "later-patch": ({"pyproject.toml": pyproject(">=3.11.50,<3.12")}, "3.11", None),
    "not-one": ({"pyproject.toml": pyproject(">=3.11,!=3.13.*")}, "3.12", None),
    "not-minor": ({"pyproject.toml": pyproject("3.12")}, "3.12", None),
    "broken-bound": ({"pyproject.toml": pyproject("about 3")}, USUAL, "Lambda's newest but one"),
    "caret": ({"pyproject.toml": poetry("^3.14")}, "3.14", None),
    "tilde": (
        {"pyproject.toml": poetry("~3.12")},
        "3.12",
        'as pyproject.toml asks (python of [tool.poetry.dependencies] "~3.12")',
    ),
    "spaces": ({"pyproject.toml": poetry(">=3.9 <3.12")}, "3.11", None),
    "either": ({"pyproject.toml": poetry("~3.9 || ~3.12")}, "3.12", None),
    "star": ({"pyproject.toml": poetry("3.11.*")}, "3.11", None),
    "any": ({"pyproject.toml": poetry("*")}, USUAL, None),
    "uv.lock": ({"uv.lock": UV_LOCK}, "3.14", 'as uv.lock asks (requires-python ">=3.14")'),
    "uv.lock-crlf": ({"uv.lock": UV_LOCK.replace("\n", "\r\n")}, "3.14", None),
    "poetry.lock": ({"poetry.lock": POETRY_LOCK}, "3.12", None),
    "pdm.lock": ({"pdm.lock": PDM_LOCK}, "3.12", None),
    "setup.cfg": ({"setup.cfg": "[options]\npython_requires = >=3.14 # new\n"}, "3.14", None),
    "setup.py": ({"setup.py": "setup(\n    python_requires='<3.12',\n)\n"}, "3.11", None),
    "lock-and-project": ({"pyproject.toml": pyproject(">=3.9"), "uv.lock": UV_LOCK}, "3.14", None),
    # ------------------------------------------------------------ wishes
    ".python-version": ({".python-version": "3.12.4\n"}, "3.12", "as .python-version asks"),
    "uvs": ({".python-version": "cpython-3.12.4-linux-x86_64-gnu\n"}, "3.12", None),
    "free-threaded": ({".python-version": "3.14t\n"}, "3.14", None),
    "several": ({".python-version": "# ours\n3.12\n3.11\n"}, "3.12", None),
    "pyenv-environment": ({".python-version": "3.12.4/envs/shop\n"}, "3.12", None),
    "environment-name": ({".python-version": "shop\n"}, USUAL, None),
    "pypy": ({".python-version": "pypy3.11-7.3\n"}, USUAL, None),
    "three": ({".python-version": "3\n"}, USUAL, None),
    "mark": ({".python-version": b"\xef\xbb\xbf3.12\r\n"}, "3.12", None),
    "utf-16": ({".python-version": "\ufeff3.12\r\n".encode("utf-16-le")}, "3.12", None),
    "asdf": ({".tool-versions": "nodejs 22.1.0\npython 3.12.1 3.11.9\n"}, "3.12", "as .tool-versions asks"),
    "asdf-latest": ({".tool-versions": "python latest:3.12\n"}, "3.12", None),
    "mise": ({"mise.toml": '[tools]\nnode = "22"\npython = ["3.12", "3.11"]\n'}, "3.12", "as mise.toml asks"),
    "pipenv": ({"Pipfile": '[requires]\npython_version = "3.12"\n'}, "3.12", "as Pipfile asks"),
    "pipenv-full": ({"Pipfile": '[requires]\npython_full_version = "3.12.4"\n'}, "3.12", None),
    "heroku": ({"runtime.txt": "python-3.12.4\n"}, "3.12", "as runtime.txt asks"),
    "image": ({"Dockerfile": "FROM python:3.12-slim\n"}, "3.12", "as Dockerfile asks"),
    "image-of-production": (
        {"Dockerfile.prod": "FROM python:3.12-bullseye\n"},
        "3.12",
        "as Dockerfile.prod asks",
    ),
    "image-of-cookiecutter-django": (
        {"compose/production/django/Dockerfile": "FROM docker.io/python:3.12-slim-bookworm\n"},
        "3.12",
        None,
    ),
    "uvs-image": ({"Dockerfile": "from ghcr.io/astral-sh/uv:0.9-python3.12-trixie as b\n"}, "3.12", None),
    "aws-image": ({"Dockerfile": "FROM public.ecr.aws/lambda/python:3.12@sha256:00\n"}, "3.12", None),
    "last-stage": ({"Dockerfile": STAGES}, "3.12", None),
    "other-image": ({"Dockerfile": "FROM debian:12\nRUN apt install python3.12\n"}, USUAL, None),
    "commented": ({"Dockerfile": "# FROM python:3.11\nFROM python:3.12\n"}, "3.12", None),
    "zappa": (
        {"zappa_settings.json": '{"dev": {"runtime": "python3.12"}}'},
        "3.12", "as zappa_settings.json asks",
    ),
    "serverless": ({"serverless.yml": "provider:\n  runtime: python3.12\n"}, "3.12", None),
    "sam": ({"template.yaml": "Globals:\n  Function:\n    Runtime: python3.12\n"}, "3.12", None),
    "sam-node": ({"template.yaml": "Globals:\n  Function:\n    Runtime: nodejs22.x\n"}, USUAL, None),
    "app-engine": ({"app.yaml": "runtime: python312\n"}, "3.12", None),
    "conda": ({"environment.yml": "dependencies:\n  - python=3.12\n  - pip\n"}, "3.12", None),
    "two-wishes": (
        {".python-version": "3.12\n", "Dockerfile": "FROM python:3.11\n"},
        "3.12",
        "as .python-version asks (Dockerfile: 3.11)",
    ),
    "wish-in-bound": ({"pyproject.toml": pyproject(">=3.11"), "runtime.txt": "python-3.11.9"}, "3.11", None),
    "older-wish": (
        {".python-version": "3.9\n"},
        OLDEST, "the nearest to 3.9, which .python-version asks for",
    ),
    # ------------------------------------------------------------ places
    "above": (
        {".git/HEAD": "", ".python-version": "3.12\n", "shop/app.py": ""},
        "3.12", "as ../.python-version asks",
    ),
    "not-above-the-repository": ({".python-version": "3.12\n", "shop/.git/HEAD": ""}, USUAL, None),
    "no-repository": ({".python-version": "3.12\n", "shop/app.py": ""}, USUAL, None),
    "inner": ({"backend/.python-version": "3.12\n"}, "3.12", "as backend/.python-version asks"),
    "inner-bound": ({"backend/pyproject.toml": pyproject("<3.13")}, "3.12", None),
    "workspace": (
        {
            ".git/HEAD": "",
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["shop"]\n',
            "uv.lock": UV_LOCK,
            "shop/pyproject.toml": pyproject(">=3.11"),
        },
        "3.14",
        'as ../uv.lock asks (requires-python ">=3.14")',
    ),
    "no-workspace": (
        {".git/HEAD": "", "uv.lock": UV_LOCK, "shop/pyproject.toml": pyproject(">=3.11")},
        USUAL, None,
    ),
}  # fmt: skip
REFUSED = {
    "set-against-bound": {
        "pyproject.toml": pyproject(">=3.12"),
        "lambdify.toml": '[function]\npython = "3.11"\n',
    },
    "set-in-pyproject": {
        "pyproject.toml": pyproject("<3.12") + '[tool.lambdify.function]\npython = "3.13"\n'
    },
    "set-against-lock": {"poetry.lock": POETRY_LOCK, "lambdify.toml": '[function]\npython = "3.13"\n'},
    "wish-against-bound": {"pyproject.toml": pyproject(">=3.12"), ".python-version": "3.11\n"},
    "newer-wish": {".python-version": "3.99\n"},
    "python-2": {"runtime.txt": "python-2.7.18\n"},
    "none": {"pyproject.toml": pyproject(">=3.8,<3.11")},
    "two-bounds": {"pyproject.toml": pyproject(">=3.13"), "poetry.lock": POETRY_LOCK},
}


def make(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root / "shop" if (root / "shop").is_dir() else root


@pytest.mark.parametrize("name", CASES)
def test_the_python_is_what_the_project_says_with_its_reason(tmp_path, name):
    files, python, reason = CASES[name]
    settled, chosen = choice.settle(settings.load(make(tmp_path, files)))
    assert settled.function.python == chosen.python == python
    assert reason in (chosen.reason, None)


@pytest.mark.parametrize("name", REFUSED)
def test_a_contradiction_is_refused_with_the_line_to_write(tmp_path, golden, name):
    with pytest.raises(PythonRefused) as caught:
        choice.settle(settings.load(make(tmp_path, REFUSED[name])))
    golden(f"refused-{name}.txt", f"error: {caught.value.message}\nhint: {caught.value.hint}\n")


def test_the_setting_goes_before_all_wishes_and_needs_no_word(tmp_path, console, story):
    files = {".python-version": "3.12\n", "lambdify.toml": '[function]\npython = "3.11"\n'}
    settled, chosen = choice.settle(settings.load(make(tmp_path, files)))
    choice.tell(chosen, console)
    assert (settled.function.python, story.getvalue()) == ("3.11", "")


@pytest.mark.parametrize(
    ("files", "deployed", "python"),
    [
        ({}, "3.11", "3.11"),
        ({"pyproject.toml": pyproject(">=3.12")}, "3.14", "3.14"),
        ({"pyproject.toml": pyproject(">=3.12")}, "3.11", USUAL),
        ({".python-version": "3.12\n"}, "3.11", "3.12"),
        ({}, "3.9", USUAL),
    ],
)
def test_what_is_deployed_stays_where_the_project_allows_it_and_asks_for_none(
    tmp_path, files, deployed, python
):
    _, chosen = choice.settle(settings.load(make(tmp_path, files)), deployed=deployed)
    assert chosen.python == python


def test_an_old_wish_is_told(tmp_path, console, story):
    _, chosen = choice.settle(settings.load(make(tmp_path, {".python-version": "3.9.18\n"})))
    choice.tell(chosen, console)
    assert "Lambda has none before 3.11: the function gets Python 3.11." in story.getvalue()


def test_other_settings_are_held_against_the_python_that_is_taken(tmp_path):
    files = {".python-version": "3.11\n", "lambdify.toml": "[function]\nsnapstart = true\n"}
    with pytest.raises(SettingsError, match=r'python = "3\.11"'):
        choice.settle(settings.load(make(tmp_path, files)))


def test_a_folder_of_that_name_and_a_file_that_nobody_may_read_say_nothing(tmp_path):
    (tmp_path / ".python-version").mkdir()
    (tmp_path / "pyproject.toml").symlink_to(tmp_path / "nowhere")
    assert choice.settle(settings.load(tmp_path))[1].python == USUAL
