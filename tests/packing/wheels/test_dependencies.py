"""The whole way: from a dependency file to a tree of installed distributions."""

import subprocess
import sys

import pytest
from packing.packages import sha256, source_tree, write_wheel

from lambdify.cli.errors import BuildError, BundleRefused, DockerUnavailable, RequirementsError

NO_ENGINE = "tcp://127.0.0.1:1"
"""Nothing answers there. (For a socket file that does not exist, the SDK forgets to close its end.)"""


def git(folder, *arguments):
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    ran = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


def imported(tree, code):
    """What Python prints when it runs the code with nothing but the tree."""
    path = f"import sys; sys.path.insert(0, {str(tree)!r}); {code}"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", path], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def test_a_project_without_dependencies_has_none_and_that_is_said(project, install):
    run = install(project({"app.py": ""}))
    assert run.dependencies.source_name == ""
    assert run.dependencies.distributions == ()
    assert "no dependency file" in run.story


def test_which_file_was_taken_is_said_and_which_was_not(project, index, install):
    index.add_wheel("web", "1.0")
    pyproject = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["web"]\n'
    run = install(project({"requirements.txt": f"{index.option}web\n", "pyproject.toml": pyproject}))
    assert run.dependencies.source_name == "requirements.txt"
    assert "dependencies from requirements.txt (pyproject.toml not used)" in run.story


def test_what_is_installed_can_be_imported(project, index, install):
    index.add_wheel("web", "1.5")
    run = install(project({"requirements.txt": f"{index.option}web\n"}))
    assert run.versions == {"web": "1.5"}
    assert imported(run.tree, "import web; print(web.version)") == "1.5"


def test_a_distribution_lists_what_belongs_in_the_bundle(project, index, install):
    index.add_wheel("web", "1.5")
    run = install(project({"requirements.txt": f"{index.option}web\n"}))
    (web,) = run.dependencies.distributions
    # Not RECORD, which lists files that are not packed.
    assert web.files == (
        "web-1.5.dist-info/METADATA",
        "web-1.5.dist-info/WHEEL",
        "web-1.5.dist-info/entry_points.txt",
        "web/__init__.py",
    )


def test_the_key_is_that_of_the_content_wherever_it_was_installed_from(project, index, install, tmp_path):
    index.add_wheel("web", "1.5")
    first = install(project({"requirements.txt": f"{index.option}web\n"}))
    (tmp_path / "elsewhere").mkdir()
    wheel = write_wheel(tmp_path / "elsewhere", "web", "1.5")
    second = install(project({"requirements.txt": f"web @ {wheel.as_uri()}\n"}))
    assert first.dependencies.key == second.dependencies.key
    index.add_wheel("web", "1.6")
    third = install(project({"requirements.txt": f"{index.option}web>1.5\n"}))
    assert third.dependencies.key != first.dependencies.key


@pytest.mark.slow
def test_a_pure_sdist_is_built_here(project, index, install):
    index.add_sdist("pack", "2.0")
    run = install(project({"requirements.txt": f"{index.option}pack\n"}))
    assert "Build pack 2.0" in run.story
    assert imported(run.tree, "import pack; print(pack.version)") == "2.0"


@pytest.mark.slow
def test_what_was_built_before_is_not_built_again(project, index, install):
    index.add_sdist("pack", "2.0.1")
    root = project({"requirements.txt": f"{index.option}pack\n"})
    install(root)
    again = install(root)
    assert "Build" not in again.story
    assert again.versions == {"pack": "2.0.1"}


@pytest.mark.parametrize("line", ["./tools", "-e ./tools", "tools @ file:///{root}/tools"])
def test_a_folder_becomes_a_wheel_however_it_is_written(project, install, line):
    root = project({f"tools/{name}": text for name, text in source_tree("tools", "0.3").items()})
    (root / "requirements.txt").write_text(line.format(root=root) + "\n")
    before = sorted((root / "tools").rglob("*"))
    run = install(root)
    assert imported(run.tree, "import tools; print(tools.version)") == "0.3"
    # An editable install would leave a .pth file that names this machine's folder.
    assert list(run.tree.glob("*.pth")) == []
    assert sorted((root / "tools").rglob("*")) == before, "nothing is left in the folder"


def test_a_folder_whose_wheel_is_empty_is_told(project, install):
    """setuptools finds no package that is called tools, and says nothing."""
    files = source_tree("tools", "0.3")
    del files["tools/__init__.py"]
    root = project(
        {f"tools/{name}": text for name, text in files.items()} | {"requirements.txt": "./tools\n"}
    )
    told = install(root).story
    assert f"tools: the wheel that {root / 'tools'} builds holds no file to import." in told


@pytest.mark.slow
def test_a_changed_folder_is_built_again(project, install):
    root = project({f"tools/{name}": text for name, text in source_tree("tools", "0.4").items()})
    (root / "requirements.txt").write_text("./tools\n")
    first = install(root)
    (root / "tools" / "tools" / "__init__.py").write_text("version = 'changed'\n")
    second = install(root)
    assert imported(second.tree, "import tools; print(tools.version)") == "changed"
    assert first.dependencies.key != second.dependencies.key


@pytest.mark.slow
def test_a_commit_of_a_git_repository_is_checked_out(project, install, tmp_path):
    root = project({f"origin/py/{name}": text for name, text in source_tree("repo", "1.0").items()})
    origin = root / "origin"
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "--message=one")
    commit = git(origin, "rev-parse", "HEAD")
    (origin / "py" / "repo" / "__init__.py").write_text("version = 'later'\n")
    git(origin, "commit", "--quiet", "--all", "--message=two")
    line = f"repo @ git+{origin.as_uri()}@{commit}#subdirectory=py\n"
    (root / "requirements.txt").write_text(line)
    run = install(root)
    assert imported(run.tree, "import repo; print(repo.version)") == "1.0"


@pytest.mark.slow
def test_a_wheel_that_this_machine_stamped_is_not_taken(project, index, install, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    index.add_sdist("pack", "3.0", tag="cp311-cp311-linux_x86_64")
    with pytest.raises(DockerUnavailable, match=r"pack 3\.0 \(pack-3\.0-cp311\S+ is bound to this machine\)"):
        install(project({"requirements.txt": f"{index.option}pack\n"}))


def test_nothing_is_compiled_here(project, install, monkeypatch, tmp_path):
    """Not even for a source that does not look as if it would be."""
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    compiled = tmp_path / "compiled.so"
    tree = source_tree("sly", "1.0")
    tree["backend.py"] += f"""
import os, subprocess
Path("generated.c").write_text("int answer;")
subprocess.run([os.environ["CC"], "-shared", "-o", {str(compiled)!r}, "generated.c"], check=True)
"""
    root = project({"requirements.txt": "./sly\n", **{f"sly/{name}": text for name, text in tree.items()}})
    with pytest.raises(DockerUnavailable, match="/bin/false"):
        install(root)
    assert not compiled.exists()


def test_without_an_engine_the_packages_the_reason_and_the_way_out_are_told(project, install, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    files = {**source_tree("fast", "1.0"), "src/fast.c": "int main;"}
    root = project({f"fast/{name}": text for name, text in files.items()})
    (root / "requirements.txt").write_text("./fast\n")
    with pytest.raises(
        DockerUnavailable, match=r"fast .*\(native sources: fast\.c\), but no container engine"
    ) as caught:
        install(root)
    assert "Start Docker" in caught.value.hint
    assert "have a wheel" in caught.value.hint


def test_strategy_wheels_builds_nothing_and_says_what_would_have_to_be(project, index, install):
    index.add_sdist("pack", "2.0")
    root = project({"requirements.txt": f"{index.option}pack\n"})
    with pytest.raises(BuildError, match=r"no wheel for python3\.13 on x86_64 of pack 2\.0") as caught:
        install(root, strategy="wheels")
    assert 'strategy = "auto"' in caught.value.hint


def test_an_sdist_that_was_exchanged_after_locking_is_refused(project, index, install):
    sdist = index.add_sdist("pack", "2.2")
    text = f"""
        lock-version = "1.0"
        created-by = "test"
        [[packages]]
        name = "pack"
        version = "2.2"
        sdist = {{ url = "{index.url}/pack/pack-2.2.tar.gz", hashes = {{ sha256 = "{sha256(sdist)}" }} }}
    """
    root = project({"pylock.toml": text})
    sdist.write_bytes(b"something else")
    with pytest.raises(RequirementsError, match=r"pack 2\.2: pack-2\.2\.tar\.gz has sha256"):
        install(root)


def test_a_wheel_that_was_exchanged_after_locking_is_refused(project, index, install):
    wheel = index.add_wheel("web", "7.0")
    text = f"""
        lock-version = "1.0"
        created-by = "test"
        [[packages]]
        name = "web"
        version = "7.0"
        wheels = [{{ url = "{index.url}/web/{wheel.name}", hashes = {{ sha256 = "{"0" * 64}" }} }}]
    """
    with pytest.raises(RequirementsError, match=r"web 7\.0: web-7\.0\S+ has sha256 \w+, not 0{64}"):
        install(project({"pylock.toml": text}))


def test_a_folder_that_is_not_there_is_told(project, install):
    text = """
        lock-version = "1.0"
        created-by = "test"
        [[packages]]
        name = "tools"
        directory = { path = "../tools" }
    """
    with pytest.raises(
        RequirementsError, match=r"tools is required from /\S+/tools, and there is no such folder"
    ):
        install(project({"pylock.toml": text}))


@pytest.mark.index
class TestRealPackages:
    """What only packages as the world makes them can show."""

    def test_native_wheels_are_those_of_the_functions_cpu(self, project, install):
        run = install(project({"requirements.txt": "markupsafe==3.0.2\n"}), "3.12", architecture="arm64")
        (markupsafe,) = run.dependencies.distributions
        assert "markupsafe/_speedups.cpython-312-aarch64-linux-gnu.so" in markupsafe.files

    def test_abi3_wheels_fit_every_later_python(self, project, install):
        run = install(project({"requirements.txt": "bcrypt==4.2.1\n"}), "3.13")
        assert "bcrypt/_bcrypt.abi3.so" in run.dependencies.distributions[0].files

    @pytest.mark.slow
    def test_on_amazon_linux_2_numpy_is_one_that_its_glibc_supports(self, project, install):
        run = install(project({"requirements.txt": "numpy>=2\n"}), "3.11")
        major, minor, _ = run.versions["numpy"].split(".")
        assert (int(major), int(minor)) <= (2, 2)
        assert any("newer ones have no wheel" in note for note in run.dependencies.notes)

    @pytest.mark.slow
    def test_a_wheel_that_counts_on_a_desktop_is_refused(self, project, install):
        root = project({"requirements.txt": "opencv-python==4.10.0.84\n"})
        with pytest.raises(BundleRefused, match=r"opencv_python: needs libGL\.so\.1") as caught:
            install(root)
        assert "-headless" in caught.value.hint
