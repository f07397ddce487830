"""Every lock format, read from small real files that the tools themselves wrote (see `projects/`)."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.pipenv import read_pipfile_lock
from lambdify.cli.packing.requirements.poetry import read_poetry_lock
from lambdify.cli.packing.requirements.requirements import find_name
from lambdify.cli.packing.requirements.sources import find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.target import Target

PROJECTS = Path(__file__).parent / "projects"
OLD, NEW = Target(python="3.11"), Target(python="3.13")


def names(lines):
    return {find_name(line) for line in lines if not line.startswith("--")}


def poetry(project, target=NEW, *, extras=(), groups=()):
    path = PROJECTS / project / "poetry.lock"
    lines = read_poetry_lock(path, target, extras=extras, groups=groups, without=frozenset({"lambdify"}))
    return names(lines)


def planned(project, target, *extra, **build):
    """The plan of a lock that needs no index to be read."""
    root = PROJECTS / project
    build = replace(settings.load(root).build, **build)
    return make_plan(find_source(root, build), root, target, build, extra)


class TestUv:
    """uv.lock, which uv exports."""

    def test_what_the_function_needs_and_nothing_else(self):
        made = planned("uv", NEW)
        # tomli is for older Pythons, colorama for Windows, iniconfig for developers.
        assert {package.label for package in made.packages} == {"docopt 0.6.2", "markupsafe 3.0.4"}
        assert made.wheels[0].filename.endswith(
            "cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
        )
        assert made.builds[0].kind == "sdist"

    def test_markers_extras_and_groups(self):
        made = planned("uv", OLD, extras=("colours",), groups=("jobs",))
        assert {package.name for package in made.packages} == {
            "docopt", "markupsafe", "pluggy", "termcolor", "tomli",
        }  # fmt: skip

    def test_what_only_lambdify_would_need_is_left_out_with_it(self):
        made = planned("uv", NEW)
        assert not {"lambdify", "boto3", "dill"} & {package.name for package in made.packages}
        assert made.notes == ("lambdify in uv.lock is the one that is running",)

    def test_a_lock_that_uv_cannot_read_is_told(self, project):
        root = project(
            {"uv.lock": "version = 99\n", "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}
        )
        build = settings.load(root).build
        with pytest.raises(RequirementsError, match=r"uv\.lock cannot be resolved"):
            make_plan(find_source(root, build), root, NEW, build, ())


class TestPylock:
    """pylock.toml, read as it is."""

    def test_what_the_function_needs(self):
        made = planned("pylock", NEW)
        labels = {package.label for package in made.packages}
        assert {"docopt 0.6.2", "markupsafe 3.0.4", "termcolor 3.3.0", "pluggy 1.7.0"} <= labels
        assert not {"lambdify", "tomli", "colorama"} & {package.name for package in made.packages}

    def test_arm_gets_wheels_for_arm(self):
        made = planned("pylock", Target(python="3.12", architecture="arm64"))
        (filename,) = [package.filename for package in made.wheels if package.name == "markupsafe"]
        assert "cp312-cp312" in filename
        assert "aarch64" in filename

    def test_a_lock_without_a_file_for_the_function_says_which_package(self, project):
        wheel = f'{{url = "https://host/a-1-cp313-cp313-win_amd64.whl", hashes = {{sha256 = "{"0" * 64}"}}}}'
        package = f'[[packages]]\nname = "a"\nversion = "1"\nwheels = [{wheel}]\n'
        root = project({"pylock.toml": f'lock-version = "1.0"\ncreated-by = "test"\n{package}'})
        build = settings.load(root).build
        with pytest.raises(RequirementsError, match=r"for python3\.13 on x86_64: .*'a'"):
            make_plan(find_source(root, build), root, NEW, build, ())

    def test_something_else_under_that_name_is_refused(self, project):
        root = project({"pylock.toml": "packages = []\n"})
        build = settings.load(root).build
        with pytest.raises(RequirementsError, match=r"not a valid pylock\.toml: .*lock-version"):
            make_plan(find_source(root, build), root, NEW, build, ())


class TestPoetry:
    """poetry.lock, in the formats of Poetry 1 (2.0) and Poetry 2 (2.1)."""

    def test_what_the_function_needs_in_the_old_format(self):
        assert poetry("poetry_classic") == {"docopt", "markupsafe"}
        assert poetry("poetry_classic", OLD) == {"docopt", "markupsafe", "tomli"}

    def test_what_the_function_needs_in_the_new_format_with_the_extra_of_a_package(self):
        web = {"blinker", "click", "flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}
        assert poetry("poetry") == web | {"asgiref"}
        assert poetry("poetry", OLD) == web | {"asgiref", "tomli"}

    @pytest.mark.parametrize("project", ["poetry", "poetry_classic"])
    def test_extras_and_groups_add_theirs(self, project):
        more = poetry(project, extras=("colours",), groups=("jobs",)) - poetry(project)
        assert more == {"termcolor", "pluggy"}

    def test_every_line_is_pinned_with_its_hashes(self):
        path = PROJECTS / "poetry_classic" / "poetry.lock"
        for line in read_poetry_lock(path, NEW, extras=(), groups=(), without=frozenset()):
            assert "==" in line
            assert " --hash=sha256:" in line

    def test_the_index_of_the_lock_is_kept(self):
        path = PROJECTS / "poetry" / "poetry.lock"
        lines = read_poetry_lock(path, NEW, extras=(), groups=(), without=frozenset({"lambdify"}))
        assert lines[0] == "--extra-index-url https://pypi.org/simple"

    def test_its_password_is_where_poetry_looks_for_it(self, tmp_path, monkeypatch):
        monkeypatch.setenv("POETRY_HTTP_BASIC_MY_OWN_USERNAME", "me")
        monkeypatch.setenv("POETRY_HTTP_BASIC_MY_OWN_PASSWORD", "a/word")
        (tmp_path / "pyproject.toml").write_text("[tool.poetry.dependencies]\nx = '*'\n")
        source = "type = 'legacy'\nurl = 'https://host/simple'\nreference = 'my-own'\n"
        package = "[[package]]\nname = 'x'\nversion = '1'\nfiles = []\n[package.source]\n"
        (tmp_path / "poetry.lock").write_text(package + source)
        lines = read_poetry_lock(tmp_path / "poetry.lock", NEW, extras=(), groups=(), without=frozenset())
        assert lines[0] == "--extra-index-url https://me:a%2Fword@host/simple"

    def test_a_lock_older_than_the_pyproject_is_told(self, tmp_path):
        root = shutil.copytree(PROJECTS / "poetry", tmp_path / "project")
        text = (root / "pyproject.toml").read_text()
        (root / "pyproject.toml").write_text(text.replace('"lambdify"', '"requests"'))
        with pytest.raises(RequirementsError, match=r"poetry\.lock has no requests") as caught:
            read_poetry_lock(root / "poetry.lock", NEW, extras=(), groups=(), without=frozenset())
        assert "poetry lock" in caught.value.hint

    def test_git_folders_and_urls(self, project):
        root = project(
            {
                "pyproject.toml": '[tool.poetry.dependencies]\na = "*"\nb = "*"\nc = "*"\n',
                "poetry.lock": """
                    [[package]]
                    name = "a"
                    version = "1"
                    [package.source]
                    type = "git"
                    url = "https://host/a.git"
                    reference = "main"
                    resolved_reference = "0123abc"
                    subdirectory = "py"
                    [[package]]
                    name = "b"
                    version = "1"
                    [package.source]
                    type = "directory"
                    url = "libs/b"
                    [[package]]
                    name = "c"
                    version = "1"
                    [package.source]
                    type = "url"
                    url = "https://host/c.whl"
                """,
            }
        )
        lines = read_poetry_lock(root / "poetry.lock", NEW, extras=(), groups=(), without=frozenset())
        assert lines == (
            "a @ git+https://host/a.git@0123abc#subdirectory=py",
            f"b @ {(root / 'libs' / 'b').as_uri()}",
            "c @ https://host/c.whl",
        )

    def test_of_two_locked_versions_the_one_for_the_functions_python_is_taken(self, project):
        package = '[[package]]\nname = "a"\nversion = "{}"\npython-versions = "{}"\nfiles = []\n'
        root = project(
            {
                "pyproject.toml": '[tool.poetry.dependencies]\na = "*"\n',
                "poetry.lock": package.format("1.0", ">=3.8,<3.12") + package.format("2.0", ">=3.12"),
            }
        )
        for target, line in ((OLD, "a==1.0"), (NEW, "a==2.0")):
            assert read_poetry_lock(
                root / "poetry.lock", target, extras=(), groups=(), without=frozenset()
            ) == (line,)


class TestPipenv:
    """Pipfile.lock."""

    path = PROJECTS / "pipenv" / "Pipfile.lock"

    def test_the_default_packages_and_the_categories_that_are_asked_for(self):
        assert {"markupsafe", "docopt", "tomli"} <= names(read_pipfile_lock(self.path, ()))
        assert "iniconfig" not in names(read_pipfile_lock(self.path, ()))
        assert "pluggy" in names(read_pipfile_lock(self.path, ("jobs",)))

    def test_the_index_comes_first_and_lines_carry_markers_and_hashes(self):
        lines = read_pipfile_lock(self.path, ())
        assert lines[0] == "--index-url https://pypi.org/simple"
        (line,) = [line for line in lines if line.startswith("tomli")]
        assert line.startswith("tomli==2.5.0 ; python_version < '3.12' --hash=sha256:")

    def test_a_marker_that_only_the_pipfile_knows_is_taken_from_there(self):
        # Locked on Linux, a package for Windows is an entry without version and marker.
        assert "colorama ; sys_platform == 'win32'" in read_pipfile_lock(self.path, ())

    def test_a_category_that_is_not_there_is_told(self):
        with pytest.raises(RequirementsError, match=r"Pipfile\.lock has no workers"):
            read_pipfile_lock(self.path, ("workers",))

    def test_git_folders_and_the_project_itself(self, project):
        root = project(
            {
                "Pipfile.lock": """{"_meta": {"sources": []}, "default": {
                    "a": {"git": "https://host/a.git", "ref": "0123abc", "extras": ["fast"]},
                    "b": {"path": "./libs/b", "editable": true},
                    "shop": {"path": ".", "editable": true}
                }}"""
            }
        )
        assert read_pipfile_lock(root / "Pipfile.lock", ()) == (
            "a[fast] @ git+https://host/a.git@0123abc",
            f"b @ {(root / 'libs' / 'b').as_uri()}",
        )


@pytest.mark.index
@pytest.mark.slow
@pytest.mark.parametrize("name", ["uv", "poetry", "poetry_classic", "pipenv", "pylock"])
def test_every_format_installs_for_the_function_with_what_lambdify_adds(install, tmp_path, name):
    root = shutil.copytree(PROJECTS / name, tmp_path / "project")
    run = install(root, "3.11", "mangum>=0.19,<1")
    assert run.versions["markupsafe"] == "3.0.4"
    assert run.versions["tomli"] == "2.5.0"
    assert "mangum" in run.versions
    assert not {"lambdify", "colorama", "iniconfig"} & run.versions.keys()
    assert (run.tree / "markupsafe" / "_speedups.cpython-311-x86_64-linux-gnu.so").is_file()


@pytest.mark.parametrize("needed", ["docopt>=0.6", "docopt"])
def test_what_a_lock_already_has_is_not_looked_up_again(needed, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert {package.name for package in planned("uv", NEW, needed).packages} == {"docopt", "markupsafe"}


def test_a_lock_that_pins_what_the_adapter_cannot_use_is_refused():
    with pytest.raises(
        RequirementsError, match=r"uv\.lock pins docopt 0\.6\.2, and the adapter needs docopt>=1"
    ):
        planned("uv", NEW, "docopt>=1")
