"""Every kind of file that is read as requirement lines, and what is taken of it."""

import subprocess
from dataclasses import replace

import pytest
from packing.packages import sha256, source_tree

from lambdify.cli import settings
from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements import declared
from lambdify.cli.packing.requirements.formats import conda, setup_files
from lambdify.cli.packing.requirements.formats.pdm import read_pdm_lock
from lambdify.cli.packing.requirements.sources import App, find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.resolution.uv import find_uv
from lambdify.cli.packing.target import Target

TARGET = Target(python="3.12")
HASH = f'files = [{{file = "x.whl", hash = "sha256:{"a" * 64}"}}]\n'


def package(name, version="1.0", **more):
    lines = "".join(f"{key} = {value!r}\n" for key, value in more.items())
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{lines}{HASH}'


class TestPdm:
    """pdm.lock, with what pdm says of each package, or without."""

    INHERITED = (
        package("flask", "3.0.3", groups=["default"], requires_python=">=3.8")
        + package("Uvicorn", "0.30", groups=["default", "dev"])
        + package("uvicorn", "0.30", groups=["default"], extras=["standard"], dependencies=["httptools"])
        + package("httptools", groups=["default"])
        + package("colorama", groups=["default"], marker='sys_platform == "win32"')
        + package("tomli", groups=["default"], requires_python="<3.11")
        + package("pg8000", groups=["pg"])
        + package("pytest", groups=["dev"])
    )
    FLAT = (
        package("flask", "3.0.3", dependencies=["click>=8", "colorama; sys_platform == 'win32'"])
        + package("click", "8.1")
        + package("colorama")
        + package("uvicorn", "0.30", dependencies=["click"])
        + package("uvicorn", "0.30", extras=["standard"], dependencies=["httptools", "uvicorn==0.30"])
        + package("httptools")
        + package("pg8000")
        + package("pytest")
    )
    PYPROJECT = (
        '[project]\nname = "shop"\ndependencies = ["Flask>=3", "uvicorn[standard]"]\n'
        '[project.optional-dependencies]\npg = ["pg8000"]\n[dependency-groups]\ndev = ["pytest"]\n'
    )

    @pytest.fixture(params=["INHERITED", "FLAT"])
    def lock(self, request, project):
        root = project({"pdm.lock": getattr(self, request.param), "pyproject.toml": self.PYPROJECT})
        return root / "pdm.lock"

    def names(self, path, **chosen):
        chosen = {"extras": (), "groups": ()} | chosen
        return {line.partition("==")[0] for line in read_pdm_lock(path, TARGET, **chosen)}

    def test_what_the_function_needs(self, lock):
        assert self.names(lock) - {"click"} == {"flask", "uvicorn", "httptools"}

    def test_extras_and_groups_add_theirs(self, lock):
        assert self.names(lock, extras=("pg",)) - self.names(lock) == {"pg8000"}
        assert self.names(lock, groups=("dev",)) - self.names(lock) == {"pytest"}

    def test_versions_are_pinned_with_their_hashes(self, lock):
        line = next(line for line in read_pdm_lock(lock, TARGET, extras=(), groups=()) if "flask" in line)
        assert line == f"flask==3.0.3 --hash=sha256:{'a' * 64}"

    def test_places_are_kept(self, project):
        root = project(
            {
                "pdm.lock": '[[package]]\nname = "a"\ngroups = ["default"]\n'
                'git = "https://host/a"\nrevision = "abc"\n'
                '[[package]]\nname = "b"\ngroups = ["default"]\npath = "./lib"\n'
                '[[package]]\nname = "shop"\ngroups = ["default"]\npath = "."\n'
                '[[package]]\nname = "c"\ngroups = ["default"]\nurl = "https://host/c.whl"\n'
            }
        )
        assert read_pdm_lock(root / "pdm.lock", TARGET, extras=(), groups=()) == (
            "a @ git+https://host/a@abc",
            f"b @ {(root / 'lib').as_uri()}",
            "c @ https://host/c.whl",
        )

    @pytest.mark.parametrize(
        "text", ["[[package]]\nversion = '1'\n", "package = 3\n", "[[package]]\nname = 3\n"]
    )
    def test_one_that_is_not_pdms_is_told(self, project, text):
        root = project({"pdm.lock": text, "pyproject.toml": self.PYPROJECT})
        with pytest.raises(RequirementsError, match=r"pdm\.lock"):
            read_pdm_lock(root / "pdm.lock", TARGET, extras=(), groups=())


SETUP_CFG = [
    (
        "[options]\ninstall_requires =\n    flask>=3\n    # no\n    tomli; python_version < '3.11'\n",
        ("flask>=3", "tomli; python_version < '3.11'"),
    ),
    ("[options]\ninstall_requires = flask; idna\n", ("flask", "idna")),
    ("[options]\ninstall_requires = file: requirements.txt\n", None),
    ("[metadata]\nname = shop\n", ()),
    ("no = ini\n", None),
]
SETUP_PY = [
    (
        "from setuptools import setup\nsetup(name='x', install_requires=['flask>=3', 'idna'])\n",
        ("flask>=3", "idna"),
    ),
    ("import setuptools\nNEEDED = ('flask',)\nsetuptools.setup(install_requires=NEEDED)\n", ("flask",)),
    ("from setuptools import setup\nsetup(install_requires='''\nflask\nidna\n''')\n", ("flask", "idna")),
    ("from setuptools import setup\nsetup(install_requires=open('r.txt').read().split())\n", None),
    ("from setuptools import setup\nsetup(**settings)\n", None),
    ("from setuptools import setup\nsetup()\n", ()),
    ("print 'Python 2'\n", None),
]


@pytest.mark.parametrize(("text", "lines"), SETUP_CFG)
def test_a_setup_cfg(project, text, lines):
    assert setup_files.read_setup_cfg(project({"setup.cfg": text}) / "setup.cfg").requires == lines


@pytest.mark.parametrize(("text", "lines"), SETUP_PY)
def test_a_setup_py(project, text, lines):
    assert setup_files.read_setup_py(project({"setup.py": text}) / "setup.py").requires == lines


CONDA = [
    ("flask", "flask"),
    ("flask=3.0", "flask==3.0.*"),
    ("flask=3.0.*", "flask==3.0.*"),
    ("flask ==3.0.3", "flask==3.0.3"),
    ("flask=3.0.3=pyhd8ed1ab_0", "flask==3.0.3"),
    ("flask>=3,<4", "flask>=3,<4"),
    ("flask 3.0", "flask==3.0.*"),
    ("flask=3.0|3.1", "flask"),
    ("conda-forge::Flask", "flask"),
    ("pytorch=2.4", "torch==2.4.*"),
]


@pytest.mark.parametrize(("spec", "line"), CONDA)
def test_a_package_of_conda(project, spec, line):
    root = project({"environment.yml": f"dependencies:\n  - python=3.12\n  - {spec}\n  - pip\n"})
    found = conda.read_environment(root / "environment.yml")
    assert (found.conda, found.lines, found.skipped) == ((line,), (), ())


def test_the_part_for_pip_is_taken_as_it_is(project):
    text = "dependencies:\n- nodejs\n- libpq=16\n- pip:\n  - flask==3.0.3\n  - -r more.txt\n"
    found = conda.read_environment(project({"environment.yml": text}) / "environment.yml")
    assert found.lines == ("flask==3.0.3", "-r more.txt")
    assert (found.conda, found.skipped) == ((), ("nodejs", "libpq"))


def check(project, files, kind, member=""):
    root = project(files)
    return declared.check_lock(kind, root / kind, member)


DECLARING = (
    '[project]\nname = "shop"\ndependencies = ["flask>=3", "idna; python_version < \'3\'", "lambdify"]\n'
)
OLDER = [
    ("uv.lock", {"uv.lock": package("shop"), "pyproject.toml": DECLARING}, "uv lock"),
    ("pdm.lock", {"pdm.lock": package("shop"), "pyproject.toml": DECLARING}, "pdm lock"),
    (
        "Pipfile.lock",
        {"Pipfile.lock": '{"default": {}}', "Pipfile": "[packages]\nFlask = '*'\n"},
        "pipenv lock",
    ),
]


@pytest.mark.parametrize(("kind", "files", "command"), OLDER)
def test_a_lock_that_lacks_what_is_required_is_refused(project, kind, files, command):
    with pytest.raises(
        RequirementsError, match=f"{kind} has no flask, which .* requires: it is older"
    ) as caught:
        check(project, files, kind)
    assert caught.value.hint == f"`{command}` brings it up to date."


@pytest.mark.parametrize("kind", ["uv.lock", "pdm.lock"])
def test_a_lock_with_a_version_that_is_no_longer_allowed_is_told(project, kind):
    (note,) = check(project, {kind: package("flask", "2.3"), "pyproject.toml": DECLARING}, kind)
    assert note.startswith(f"{kind} has flask 2.3, and pyproject.toml asks for >=3: the lock is older")


def test_a_lock_that_is_up_to_date_is_silent(project):
    files = {"uv.lock": package("flask", "3.1.0rc1"), "pyproject.toml": DECLARING}
    assert check(project, files, "uv.lock") == ()


def test_of_a_workspace_the_members_own_file_is_compared(project):
    member = '[[package]]\nname = "shop"\nversion = "1"\nsource = { virtual = "apps/shop" }\n'
    with pytest.raises(RequirementsError, match="has no flask"):
        check(project, {"uv.lock": member, "apps/shop/pyproject.toml": DECLARING}, "uv.lock", "shop")


@pytest.fixture
def shelf(index, monkeypatch, tmp_path):
    """An index with a few packages, which uv asks by default."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    index.add_wheel("web", "1.0")
    index.add_wheel("web", "2.0", requires=("idna",))
    index.add_wheel("idna", "3.10")
    return index


def planned(root, app=None, **build):
    chosen = replace(settings.load(root).build, **build)
    plan = make_plan(find_source(root, chosen, app or App()), root, TARGET, chosen, ())
    return {each.name: each.version for each in plan.packages}, plan.notes


SETUP = "from setuptools import setup\nsetup(name='shop', {})\n"
RESOLVED = [
    ({"requirements.lock": "-e file:.\nweb==1.0\n", "setup.py": ""}, {"web": "1.0"}),
    ({"setup.py": SETUP.format("install_requires=['web<2']")}, {"web": "1.0"}),
    ({"setup.cfg": "[options]\ninstall_requires = web\n"}, {"web": "2.0", "idna": "3.10"}),
    ({"environment.yml": "dependencies: [python, web=1, no-such-thing, nodejs]\n"}, {"web": "1.0"}),
    ({"environment.yml": "dependencies: [idna, {pip: [web==1.0]}]\n"}, {"web": "1.0", "idna": "3.10"}),
    ({"requirements/production.txt": "-r base.txt\n", "requirements/base.txt": "web==1.0"}, {"web": "1.0"}),
    (
        {"Dockerfile": "RUN pip install -r a.txt -r b.txt", "a.txt": "web==1.0", "b.txt": "idna"},
        {"web": "1.0", "idna": "3.10"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("files", "versions"), RESOLVED)
def test_versions_are_those_that_the_file_allows(project, shelf, files, versions):
    assert planned(project(files))[0] == versions


@pytest.mark.slow
def test_what_conda_has_and_the_index_has_not_is_named(project, shelf):
    text = "dependencies: [python, web=1, no-such-thing, nodejs]\n"
    _, notes = planned(project({"environment.yml": text}))
    assert notes[0] == ("conda's no-such-thing, nodejs: not on the package index, so not packed")


@pytest.mark.slow
def test_pdms_lock_is_kept_to_with_its_hashes(project, shelf):
    wheel = shelf.folder / "simple" / "web" / "web-1.0-py3-none-any.whl"
    lock = package("web", groups=["default"]).replace("a" * 64, sha256(wheel))
    root = project({"pdm.lock": lock, "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["web"]\n'})
    assert planned(root)[0] == {"web": "1.0"}
    (root / "pdm.lock").write_text(package("web", groups=["default"]))
    with pytest.raises(RequirementsError, match=r"which pdm\.lock does not allow"):
        planned(root)


@pytest.mark.slow
def test_a_path_starts_in_the_folder_of_its_file(project, shelf):
    tree = {f"backend/lib/{path}": text for path, text in source_tree("lib", "1.0").items()}
    root = project({"backend/requirements.txt": "./lib\nweb==1.0\n", **tree})
    assert planned(root, App("backend"))[0] == {"lib": "", "web": "1.0"}


BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder, "shop-1.dist-info")
    info.mkdir()
    needs = 'Requires-Dist: web<2\\nRequires-Dist: idna; extra == "names"\\n'
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n" + needs)
    return info.name
"""
INSTALLED = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.mark.slow
def test_what_a_setup_py_computes_comes_from_the_backend(project, shelf):
    root = project(
        {
            "setup.py": SETUP.format("install_requires=open('needs.txt').read().split()"),
            "pyproject.toml": INSTALLED,
            "backend.py": BACKEND,
        }
    )
    assert planned(root)[0] == {"web": "1.0"}
    assert planned(root, extras=("names",))[0] == {"web": "1.0", "idna": "3.10"}


@pytest.mark.slow
def test_a_workspaces_lock_is_kept_to_in_each_member(project, shelf):
    """lib and shop are members; the lock is from the time when web had no 2.0."""
    member = '[project]\nname = "{}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'
    top = project(
        {
            ".git/HEAD": "",
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["lib", "shop"]\n',
            "lib/pyproject.toml": member.format("lib", '"idna"') + INSTALLED,
            "shop/pyproject.toml": member.format("shop", '"web", "lib"')
            + "[tool.uv.sources]\nlib = { workspace = true }\n",
        }
    )
    subprocess.run([find_uv(), "lock", "--quiet", "--upgrade-package", "web==1.0"], cwd=top, check=True)
    shelf.add_wheel("idna", "3.11")
    versions, notes = planned(top / "shop")
    assert {name: version for name, version in versions.items() if name != "lib"} == {
        "web": "1.0",
        "idna": "3.10",
    }
    assert "lib" in versions
    assert notes == ()
    assert planned(top, App("lib"))[0] == {"idna": "3.10"}
