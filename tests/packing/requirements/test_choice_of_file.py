"""Which of a project's files says what it depends on: small projects, and the file that has to be taken."""

import subprocess
import sys
from dataclasses import replace

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.sources import App, Need, find_source

PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask>=3", "idna"]\n'
TOOLS_ONLY = "[tool.ruff]\nline-length = 99\n"
UV_LOCK = (
    'version = 1\n[[package]]\nname = "shop"\nversion = "1"\nsource = { virtual = "." }\n'
    '[[package]]\nname = "flask"\nversion = "3.0.3"\n[[package]]\nname = "idna"\nversion = "3.10"\n'
)
WORKSPACE_LOCK = (
    'version = 1\n[manifest]\nmembers = ["lib", "shop-app"]\n'
    '[[package]]\nname = "lib"\nversion = "1"\nsource = { editable = "lib" }\n'
    '[[package]]\nname = "shop-app"\nversion = "1"\nsource = { virtual = "apps/shop" }\n'
    '[[package]]\nname = "flask"\nversion = "3.0.3"\n'
)
WORKSPACE = {
    "uv.lock": WORKSPACE_LOCK,
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "lib"]\n',
}
PIPFILE_LOCK = '{"_meta": {"sources": []}, "default": {"flask": {"version": "==3.0.3"}}}'
ENVIRONMENT = "name: shop\ndependencies:\n  - python=3.12\n  - flask=3.0\n"
SETUP_PY = "from setuptools import setup\nsetup(name='shop', install_requires=['flask'])\n"
SETUP_CFG = "[metadata]\nname = shop\n[options]\ninstall_requires =\n    flask>=3\n"
GIT = {".git/HEAD": ""}

IN_THE_PROJECT = [
    # files, import root, file of the app, what is to be chosen
    ({"backend/requirements.txt": "flask\n"}, "backend", "backend/app/main.py", "backend/requirements.txt"),
    (
        {"backend/requirements.txt": "flask", "requirements.txt": ""},
        "backend",
        "",
        "backend/requirements.txt",
    ),
    ({"backend/uv.lock": UV_LOCK, "backend/pyproject.toml": PYPROJECT}, "backend", "", "backend/uv.lock"),
    ({"backend/app/x.py": "", "requirements.txt": "flask"}, "backend", "", "requirements.txt"),
    ({"pyproject.toml": PYPROJECT}, "src", "src/shop/main.py", "pyproject.toml"),
    ({"app/requirements.txt": "flask"}, "", "app/main.py", "app/requirements.txt"),
    ({"a/requirements.txt": "x", "a/b/requirements.txt": "x"}, "", "a/b/app.py", "a/requirements.txt"),
    ({"backend/pyproject.toml": TOOLS_ONLY, "requirements.txt": "x"}, "backend", "", "requirements.txt"),
    ({"other/requirements.txt": "x"}, "", "app.py", None),
    ({"pdm.lock": "", "pyproject.toml": PYPROJECT}, "", "", "pdm.lock"),
    ({"requirements.lock": "flask==3.0.3", "pyproject.toml": PYPROJECT}, "", "", "requirements.lock"),
    ({"setup.py": SETUP_PY}, "", "", "setup.py"),
    ({"setup.py": "from setuptools import setup\nsetup()\n", "setup.cfg": SETUP_CFG}, "", "", "setup.cfg"),
    ({"setup.py": "import setuptools\nsetuptools.setup(install_requires=read())\n"}, "", "", "setup.py"),
    ({"setup.py": "print 'for Python 2'\n", "requirements.txt": ""}, "", "", "requirements.txt"),
    ({"setup.cfg": "[flake8]\nmax-line-length = 99\n"}, "", "", None),
    ({"setup.cfg": "no = ini\n[x\n", "requirements.txt": ""}, "", "", "requirements.txt"),
    ({"environment.yml": ENVIRONMENT}, "", "", "environment.yml"),
    ({"environment.yaml": ENVIRONMENT}, "", "", "environment.yaml"),
    ({"environment.yml": "name: x\ndependencies: [python=3.12]\n"}, "", "", None),
    ({"environment.yml": "a: [", "requirements.txt": ""}, "", "", "requirements.txt"),
    ({"requirements/production.txt": "", "requirements/dev.txt": ""}, "", "", "requirements/production.txt"),
    ({"requirements/base.txt": "", "requirements/prod.txt": ""}, "", "", "requirements/prod.txt"),
    ({"requirements-prod.txt": "", "requirements-common.txt": ""}, "", "", "requirements-prod.txt"),
    ({"requirements.in": "flask", "requirements-dev.in": "pytest"}, "", "", "requirements.in"),
    ({"requirements/prod.in": "", "requirements/prod.txt": ""}, "", "", "requirements/prod.txt"),
    ({"prod_requirements.txt": "", "test_requirements.txt": ""}, "", "", "prod_requirements.txt"),
    ({"requirements-dev.txt": "", "docs/requirements.txt": ""}, "", "", None),
    ({"pyproject.toml": PYPROJECT, "requirements-prod.txt": ""}, "", "", "pyproject.toml"),
]


def find(root, import_root="", file="", needs=None, **build):
    app = App(import_root, file, (lambda: needs) if needs is not None else None)
    return find_source(root, replace(settings.load(root).build, **build), app)


def named(source):
    return source and source.name


@pytest.mark.parametrize(("files", "import_root", "file", "wanted"), IN_THE_PROJECT)
def test_in_the_project_the_nearest_to_the_app_is_taken(project, files, import_root, file, wanted):
    assert named(find(project({**GIT, **files}), import_root, file)) == wanted


ABOVE = [
    ({"Pipfile.lock": PIPFILE_LOCK, "Pipfile": ""}, "../Pipfile.lock"),
    ({"requirements.txt": "flask"}, "../requirements.txt"),
    ({"uv.lock": UV_LOCK, "pyproject.toml": PYPROJECT}, "../uv.lock"),
    ({"pyproject.toml": PYPROJECT}, "../pyproject.toml"),
    ({"pyproject.toml": "not toml"}, None),
    ({"requirements/prod.txt": "flask"}, "../requirements/prod.txt"),
]


@pytest.mark.parametrize(("files", "wanted"), ABOVE)
def test_above_the_project_it_is_looked_for_too(project, files, wanted):
    top = project({**GIT, **files, "web/app.py": ""})
    assert named(find(top / "web")) == wanted


@pytest.mark.parametrize(
    ("above", "below", "wanted"),
    [
        ("Pipfile.lock", "a/b/web", "../../../Pipfile.lock"),
        ("Pipfile.lock", "a/b/c/web", None),
    ],
)
def test_without_a_repository_three_folders_up_are_looked_into(project, above, below, wanted):
    top = project({above: PIPFILE_LOCK, f"{below}/app.py": ""})
    assert named(find(top / below)) == wanted


def test_beyond_the_repository_nothing_counts(project):
    top = project({"requirements.txt": "flask", "mine/.git/HEAD": "", "mine/web/app.py": ""})
    assert find(top / "mine/web") is None


def test_the_users_home_is_no_project(project, monkeypatch):
    home = project({"requirements.txt": "flask", ".git/HEAD": "", "web/app.py": ""})
    monkeypatch.setenv("HOME", str(home))
    assert find(home / "web") is None


def test_a_folder_for_everybody_is_no_project(project):
    top = project({"requirements.txt": "flask", "web/app.py": ""})
    top.chmod(0o1777)
    assert find(top / "web") is None


LOOK = """
import sys
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.requirements.sources import find_inputs, find_source
root = Path(sys.argv[1])
print(find_source(root, settings.load(root).build), len(list(map(fingerprint.digest, find_inputs(root)))) > 0)
"""


def test_what_may_not_be_read_above_is_passed_over(project, for_whom_rights_count):
    top = project({**GIT, "requirements.txt": "flask", "web/app.py": ""})
    (top / "requirements.txt").chmod(0)
    words = [*for_whom_rights_count, sys.executable, "-c", LOOK, top / "web"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "None True\n"


def need(module, *distributions, place="app.py:1"):
    return Need(module, frozenset(distributions or {module}), place)


FLASK, YAML, IDNA = need("flask"), need("yaml", "pyyaml", place="db.py:4"), need("idna")


def test_above_the_project_a_file_without_an_import_of_the_app_does_not_count(project):
    top = project({**GIT, "requirements.txt": "mkdocs\n", "web/app.py": ""})
    assert find(top / "web", needs=[FLASK]) is None
    assert named(find(top / "web", needs=[need("mkdocs")])) == "../requirements.txt"


MEMBER = '[project]\nname = "shop-app"\nversion = "1"\ndependencies = ["flask"]\n'


@pytest.mark.parametrize(
    ("below", "files", "import_root", "wanted"),
    [
        ("apps/shop", {"apps/shop/pyproject.toml": MEMBER}, "", ("../../uv.lock", "shop-app")),
        ("apps/shop", {"apps/shop/pyproject.toml": MEMBER}, "src", ("../../uv.lock", "shop-app")),
        ("", {"apps/shop/pyproject.toml": MEMBER}, "apps/shop", ("uv.lock", "shop-app")),
        # A member that requires nothing is a member.
        (
            "apps/shop",
            {"apps/shop/pyproject.toml": MEMBER.replace('"flask"', "")},
            "",
            ("../../uv.lock", "shop-app"),
        ),
        # A folder of the workspace that is not one of its members has its own file.
        ("apps/new", {"apps/new/pyproject.toml": MEMBER}, "", ("pyproject.toml", "")),
        (
            "apps/shop",
            {"apps/shop/pyproject.toml": MEMBER, "apps/shop/uv.lock": UV_LOCK},
            "",
            ("uv.lock", ""),
        ),
    ],
)
def test_in_a_member_of_a_workspace_the_lock_is_the_workspaces(project, below, files, import_root, wanted):
    top = project({**GIT, **WORKSPACE, **files, f"{below or '.'}/app.py": ""})
    source = find(top / below, import_root)
    assert (source.name, source.member) == wanted


def test_a_workspaces_lock_that_the_setting_names_is_that_of_the_member(project):
    top = project({**GIT, **WORKSPACE, "apps/shop/pyproject.toml": MEMBER})
    source = find(top / "apps/shop", requirements="../../uv.lock")
    assert (source.name, source.member) == ("../../uv.lock", "shop-app")


DISAGREEING = [
    # files, imports, what is to be chosen, of what the reason speaks
    ({"requirements.txt": "gunicorn\n", "pyproject.toml": PYPROJECT}, [FLASK], "pyproject.toml", "no flask"),
    ({"requirements.txt": "flask\n", "pyproject.toml": PYPROJECT}, [FLASK], "requirements.txt", ""),
    (
        {"requirements.txt": "flask\n", "pyproject.toml": PYPROJECT},
        [FLASK, IDNA],
        "pyproject.toml",
        "no idna",
    ),
    ({"requirements.txt": "PyYAML\n", "pyproject.toml": PYPROJECT}, [FLASK, YAML], "requirements.txt", ""),
    (
        {"requirements.txt": "pytest\n", "environment.yml": ENVIRONMENT},
        [FLASK],
        "environment.yml",
        "no flask",
    ),
    (
        {"requirements.txt": "-r more.txt", "more.txt": "flask", "setup.py": SETUP_PY},
        [FLASK],
        "requirements.txt",
        "",
    ),
    ({"requirements.txt": "-e .\n", "pyproject.toml": PYPROJECT}, [FLASK], "requirements.txt", ""),
    ({"requirements.txt": "./lib\n", "pyproject.toml": PYPROJECT}, [FLASK], "requirements.txt", ""),
    ({"requirements.txt": "mkdocs\n", "setup.cfg": SETUP_CFG}, [FLASK], "setup.cfg", "no flask"),
    (
        {"requirements.txt": "x\n", "requirements-prod.txt": "PyYAML"},
        [YAML],
        "requirements-prod.txt",
        "no yaml, which db.py:4",
    ),
    ({"requirements.txt": "x\n", "requirements-dev.txt": "PyYAML"}, [YAML], "requirements.txt", ""),
    (
        {"requirements.txt": "flask\n", "requirements-prod.txt": "-r requirements.txt\nPyYAML"},
        [FLASK, YAML],
        "requirements-prod.txt",
        "no yaml, which db.py:4",
    ),
    (
        {"requirements.txt": "flask\n", "requirements-prod.txt": "flask\nPyYAML"},
        [FLASK, YAML],
        "requirements.txt",
        "",
    ),
    ({"Pipfile.lock": PIPFILE_LOCK, "requirements.txt": "idna"}, [FLASK], "Pipfile.lock", ""),
    (
        {"Pipfile.lock": PIPFILE_LOCK, "requirements.txt": "flask\nidna"},
        [FLASK, IDNA],
        "requirements.txt",
        "no idna",
    ),
    # A lock that lacks what its own pyproject.toml has is older: that is told, and nothing else resolved.
    ({"uv.lock": "version = 1\n", "pyproject.toml": PYPROJECT}, [FLASK], "uv.lock", ""),
    ({"requirements.txt": "nothing\n", "environment.yml": "a: ["}, [FLASK], "requirements.txt", ""),
    ({"requirements.txt": "nothing\n", "pyproject.toml": PYPROJECT}, [], "requirements.txt", ""),
]


@pytest.mark.parametrize(("files", "needs", "wanted", "reason"), DISAGREEING)
def test_of_two_that_disagree_the_one_with_the_apps_imports_is_taken(project, files, needs, wanted, reason):
    source = find(project({**GIT, **files}), needs=needs)
    assert source.name == wanted
    assert reason in source.reason
    assert bool(reason) == bool(source.reason)


FAR = [
    # the file beside the app, and others; what is to be chosen for an app that imports flask and idna
    ("uvicorn\n", {"pyproject.toml": PYPROJECT}, "pyproject.toml"),
    ("flask\n", {"pyproject.toml": PYPROJECT}, "backend/requirements.txt"),
    ("flask\n", {"backend/environment.yml": "dependencies: [flask, idna]"}, "backend/requirements.txt"),
    ("flask\n", {"backend/requirements-all-of-it.txt": "flask\nidna"}, "backend/requirements.txt"),
    ("flask\n", {"backend/pyproject.toml": PYPROJECT}, "backend/pyproject.toml"),
]


@pytest.mark.parametrize(("near", "others", "wanted"), FAR)
def test_a_file_of_less_weight_wins_only_over_one_without_any_import(project, near, others, wanted):
    root = project({**GIT, "backend/requirements.txt": near, **others})
    assert named(find(root, "backend", needs=[FLASK, IDNA])) == wanted


POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\nidna = "*"\n'


def test_what_only_poetry_reads_is_asked_for_if_nothing_else_has_an_import(project):
    root = project({**GIT, "requirements.txt": "flask\n", "pyproject.toml": POETRY})
    assert named(find(root, needs=[FLASK, IDNA])) == "requirements.txt"
    (root / "requirements.txt").write_text("gunicorn\n")
    with pytest.raises(RequirementsError, match=r"pyproject\.toml .* not been locked"):
        find(root, needs=[FLASK, IDNA])


def test_what_the_dockerfile_installs_loses_only_if_it_has_no_import(project):
    files = {**GIT, "Dockerfile": "RUN pip install -r requirements-b.txt", "pyproject.toml": PYPROJECT}
    some, none = (
        project({**files, "requirements-b.txt": "flask"}),
        project({**files, "requirements-b.txt": "gunicorn"}, "other"),
    )
    assert named(find(some, needs=[FLASK, IDNA])) == "requirements-b.txt"
    assert named(find(none, needs=[FLASK, IDNA])) == "pyproject.toml"


def test_what_is_not_used_is_named(project):
    root = project({**GIT, "backend/requirements.txt": "flask", "pyproject.toml": PYPROJECT})
    assert find(root, "backend").others == ("pyproject.toml",)


INSTALLED = [
    # Dockerfile, further files, what is to be chosen, and with it
    (
        "RUN pip install -r requirements-prod.txt",
        {"requirements-common.txt": ""},
        "requirements-prod.txt",
        [],
    ),
    ("RUN pip install -r requirements/base.txt", {"requirements/prod.txt": ""}, "requirements/base.txt", []),
    (
        "COPY requirements/live.txt /tmp/r.txt\nRUN pip install -r /tmp/r.txt",
        {"requirements/prod.txt": ""},
        "requirements/live.txt",
        [],
    ),
    (
        "ARG ENV=live\nCOPY requirements /r\nRUN pip install -r /r/$ENV.txt",
        {"requirements/prod.txt": ""},
        "requirements/live.txt",
        [],
    ),
    (
        "RUN pip install -U pip && \\\n  pip install -r a.txt -r b.txt",
        {"a.txt": "", "requirements.txt": ""},
        "a.txt",
        ["b.txt"],
    ),
    (
        "WORKDIR /app\nCOPY . .\nRUN uv pip install --system -r requirements-live.txt",
        {"requirements.txt": ""},
        "requirements-live.txt",
        [],
    ),
    ("RUN pip install .", {"requirements.txt": "mkdocs", "pyproject.toml": PYPROJECT}, "pyproject.toml", []),
    ("RUN pip install -r gone.txt", {"requirements.txt": ""}, "requirements.txt", []),
    ("RUN pip install -r ../../etc/passwd", {"requirements.txt": ""}, "requirements.txt", []),
    ("RUN pip install -r requirements-prod.txt", {"Pipfile.lock": PIPFILE_LOCK}, "Pipfile.lock", []),
    ("# RUN pip install -r requirements-prod.txt", {"requirements.txt": ""}, "requirements.txt", []),
]


@pytest.mark.parametrize(("dockerfile", "files", "wanted", "more"), INSTALLED)
def test_what_the_dockerfile_installs_is_taken(project, dockerfile, files, wanted, more):
    written = {path: "" for path in (wanted, *more) if path not in files}
    root = project({**GIT, "Dockerfile": f"FROM python:3.12\n{dockerfile}\n", **written, **files})
    source = find(root)
    assert source.name == wanted
    assert [path.name for path in source.more] == more


def test_the_dockerfile_of_another_service_does_not_decide(project):
    files = {
        **GIT,
        "Dockerfile": "COPY admin/requirements.txt r.txt\nRUN pip install -r r.txt\n",
        "admin/requirements.txt": "",
        "backend/requirements.txt": "",
        "backend/requirements-live.txt": "",
    }
    assert named(find(project(files), "backend")) == "backend/requirements.txt"
    own = {**files, "Dockerfile": "RUN pip install -r backend/requirements-live.txt\n"}
    assert named(find(project(own), "backend")) == "backend/requirements-live.txt"


def test_the_dockerfile_of_development_does_not_decide(project):
    root = project(
        {
            **GIT,
            "Dockerfile": "RUN pip install -r requirements-b.txt\n",
            "Dockerfile.dev": "RUN pip install -r requirements-c.txt\n",
            "requirements-a.txt": "",
            "requirements-b.txt": "",
            "requirements-c.txt": "",
        }
    )
    assert (named(find(root)), find(root).reason) == ("requirements-b.txt", "which the Dockerfile installs")


def test_a_dockerfile_as_windows_writes_it_is_read(project):
    text = "\ufeffRUN pip install \\\r\n  -r requirements-live.txt\r\n".encode("utf-16-le")
    root = project({**GIT, "Dockerfile": text, "requirements-live.txt": "", "requirements.txt": ""})
    assert named(find(root)) == "requirements-live.txt"


def test_pipenv_without_a_lock_is_refused_in_a_folder_of_the_project_too(project):
    root = project({**GIT, "backend/Pipfile": '[packages]\nflask = "*"\n'})
    with pytest.raises(RequirementsError, match=r"backend/Pipfile .* not been locked"):
        find(root, "backend")
