"""What is wrong with a project or this machine: told with its name and the way out, and nothing half-written.

`lambdify package` itself is run, and what it leaves is looked at: in the project logs and nothing else, no
temporary file of ours, and in the cache only wheels that are whole.
"""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from packing.packages import native_tree, source_tree, write_wheel

pytestmark = pytest.mark.slow

APP = "def app(environ, start_response):\n    return []\n"
WEB = "web @ file://{wheels}/web-1.0-py3-none-any.whl\n"
BAD_REQUIREMENTS = [
    ("flask==\n", "flask==", "Change the requirement"),
    ("-r nowhere.txt\n", "nowhere.txt cannot be read: No such file", "the line or the setting that names it"),
    (b"\xff\xfef\0l\0a", "requirements.txt is not UTF-16", "Save it as UTF-8"),
    ("# café\nflask\n".encode("latin-1"), "requirements.txt is not UTF-8", "Save it as UTF-8"),
    ("./nowhere\n", "/nowhere", "Change the requirement"),
    ("./empty\n", "/empty` does not appear to be a Python project", "Change the requirement"),
    ("x @ git+file:///nowhere/at/all\n", "nowhere/at/all", "Change the requirement"),
    ("--no-index\nflask\n", "flask was not found in the provided", "Change the requirement"),
    ("web==1.0 --hash=sha512:00\n", "web: only sha256 hashes can be checked", "--hash=sha256:"),
]
BAD_LOCKS = [
    ("uv.lock", "version = \n", "uv.lock cannot be read: Invalid value (at line 1"),
    ("uv.lock", "version = 1\n", "uv.lock cannot be resolved"),
    ("Pipfile.lock", "{", "Pipfile.lock cannot be read"),
    ("Pipfile.lock", "{}", "Pipfile.lock has no default"),
    ("Pipfile.lock", '{"default": [], "_meta": {"sources": 3}}', "Pipfile.lock cannot be read"),
    ("pylock.toml", "lock-version = '9.0'\n", "pylock.toml is not a valid pylock.toml"),
    ("poetry.lock", "[[package]]\nname = 'x'\n", "is not as poetry writes it: KeyError('version')"),
    ("poetry.lock", "", "poetry.lock has no x"),
]


@pytest.fixture
def root(project, tmp_path):
    """A project that needs one wheel, which lies beside it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "web", "1.0")
    return project(
        {
            "app.py": APP,
            "lambdify.toml": '[function]\npython = "3.11"\n',
            "requirements.txt": WEB.format(wheels=wheels),
            "empty/nothing": "",
        }
    )


@pytest.fixture
def refused(root, lambdify):
    """`refused(20, "what", "hint")`: packing ends with that code, says that, and leaves nothing."""

    def refused(code, what, hint, *, env=None, before=()):
        done = lambdify("package", cwd=root, env=env, before=before)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        error, _, hinted = done.stderr.rpartition("\nhint: ")
        assert what in error.rpartition("error: ")[2]
        assert hint in hinted
        assert left_behind(root, lambdify) == []

    return refused


def left_behind(root, lambdify):
    """What a run has left that is not whole, or not meant to stay."""
    workspace = root / ".lambdify"
    ours = [path for path in workspace.rglob("*") if path.is_file()] if workspace.is_dir() else []
    kept = {"logs", "resolutions"}
    # One zip can be there before there is no room for the other.
    meant = {path for path in ours if path.suffix == ".zip" and zipfile.ZipFile(path).testzip() is None}
    meant |= {path for path in ours if path.name == ".gitignore" or path.parent.name in kept}
    found = [path for path in ours if path not in meant]
    # The locks are uv's own.
    found += [path for path in lambdify.temporary.iterdir() if path.suffix != ".lock"]
    for path in lambdify.cache.rglob("*"):
        broken = path.suffix == ".whl" and zipfile.ZipFile(path).testzip() is not None
        if broken or (path.name.startswith(".") and path.name != ".lock"):
            found.append(path)
    return found


def add_package(folder, name, tree):
    for path, text in tree.items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_text(text)


@pytest.mark.parametrize(("text", "what", "hint"), BAD_REQUIREMENTS)
def test_requirements_that_cannot_be_read_or_resolved(root, refused, text, what, hint):
    (root / "requirements.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(20, what, hint)


@pytest.mark.parametrize(("name", "text", "what"), BAD_LOCKS)
def test_locks_that_no_tool_wrote(root, refused, name, text, what):
    (root / name).write_text(text)
    if name == "poetry.lock":
        (root / "pyproject.toml").write_text("[tool.poetry.dependencies]\nx = '*'\n")
    refused(20, what, "")


def test_packages_of_which_all_failed_are_told_with_their_logs(root, refused):
    """Without an engine nothing else can be tried."""
    for name in ("first", "second"):
        add_package(root, name, {**source_tree(name, "1.0"), "backend.py": "raise RuntimeError('no luck')\n"})
    (root / "requirements.txt").write_text("./first\n./second\n")
    nobody = {"DOCKER_HOST": "tcp://127.0.0.1:1"}
    for name in ("first", "second"):
        told = f"{name} (cannot be built here: raise RuntimeError('no luck') | RuntimeError: no luck)"
        refused(22, told, "Start Docker", env=nobody)
        assert "RuntimeError: no luck" in (root / ".lambdify" / "logs" / f"{name}.log").read_text()


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "code", "what"),
        [
            ("requirements.txt", 23, "requirements.txt cannot be read: Permission denied"),
            ("data/prices.csv", 23, "data/prices.csv cannot be read: Permission denied"),
            ("data/", 23, "data/ cannot be read: Permission denied"),
        ],
    )
    def test_of_the_project_that_may_not_be_read(
        self, root, refused, for_whom_rights_count, name, code, what
    ):
        (root / "data").mkdir()
        (root / "data" / "prices.csv").write_text("1")
        (root / name).chmod(0)
        refused(code, what, "Make it readable, or leave it out", before=for_whom_rights_count)
        (root / name).chmod(0o755)

    @pytest.mark.parametrize("name", ["tools/__init__.py", "tools"])
    def test_of_a_required_folder_that_may_not_be_read(self, root, refused, for_whom_rights_count, name):
        add_package(root.parent, "tools", source_tree("tools", "1.0"))
        (root / "requirements.txt").write_text("../tools\n")
        (root.parent / "tools" / name).chmod(0)
        refused(
            20,
            f"/tools/{name} cannot be read: Permission denied",
            "Make it readable",
            before=for_whom_rights_count,
        )
        (root.parent / "tools" / name).chmod(0o755)

    def test_a_project_that_may_not_be_written_to(self, root, refused, for_whom_rights_count):
        root.chmod(0o555)
        refused(
            27,
            f"{root}/.lambdify cannot be used: Permission denied",
            "change its rights",
            before=for_whom_rights_count,
        )

    def test_a_file_in_the_way(self, root, lambdify):
        (root / ".lambdify").write_text("mine")
        done = lambdify("package", cwd=root)
        assert done.returncode == 27
        assert f"{root}/.lambdify cannot be used: File exists" in done.stderr
        assert (root / ".lambdify").read_text() == "mine"

    @pytest.mark.parametrize("where", ["project", "tools/tools"])
    def test_a_name_that_is_not_utf8(self, root, refused, where):
        add_package(root.parent, "tools", source_tree("tools", "1.0"))
        (root / "requirements.txt").write_text("../tools\n")
        try:
            Path(os.fsdecode(os.fsencode(root.parent / where) + b"/caf\xe9.txt")).write_text("x")
        except OSError:
            pytest.skip("this file system has no such names")
        refused(23 if where == "project" else 20, "caf\\xe9.txt' is not UTF-8", "Rename the file")


class TestLinks:
    def test_none_leads_out_of_the_project(self, root, lambdify, tmp_path):
        (tmp_path / "secret.txt").write_text("elsewhere")
        (root / "file.txt").symlink_to(tmp_path / "secret.txt")
        (root / "folder").symlink_to(tmp_path / "wheels")
        done = lambdify("package", "--output", str(tmp_path / "out"), cwd=root)
        assert "a link out of the project (2)" in done.stderr
        (app,) = (tmp_path / "out").glob("app-*.zip")
        names = zipfile.ZipFile(app).namelist()
        assert "app.py" in names
        assert not [name for name in names if name.startswith(("file", "folder"))]

    def test_those_of_a_required_folder_are_followed_as_its_build_would_and_never_in_circles(
        self, root, lambdify, tmp_path
    ):
        add_package(root, "tools", source_tree("tools", "1.0"))
        (root / "shared").mkdir()
        (root / "shared" / "part.py").write_text("")
        package = root / "tools" / "tools"
        (package / "shared").symlink_to(root / "shared")
        (package / "again").symlink_to(root / "tools")
        (root / "shared" / "back").symlink_to(package)
        (package / "gone").symlink_to(root / "gone")
        (root / "requirements.txt").write_text("./tools\n")
        done = lambdify("package", "--output", str(tmp_path / "out"), cwd=root)
        assert done.returncode == 0, done.stderr
        (layer,) = (tmp_path / "out").glob("layer-*.zip")
        assert "python/tools/shared/part.py" in zipfile.ZipFile(layer).namelist()

    def test_a_package_called_build_is_no_build_folder(self, root, lambdify, tmp_path):
        tree = source_tree("tools", "1.0") | {"tools/build/__init__.py": "", "build/lib/old.py": ""}
        add_package(root, "tools", tree)
        (root / "requirements.txt").write_text("./tools\n")
        lambdify("package", "--output", str(tmp_path / "out"), cwd=root)
        (layer,) = (tmp_path / "out").glob("layer-*.zip")
        assert "python/tools/build/__init__.py" in zipfile.ZipFile(layer).namelist()


class TestFullDisk:
    @pytest.fixture
    def small(self, tmp_path):
        """`small(folder, "4k")`: put a disk of that size there."""
        mounted = []

        def mount(folder, size):
            folder.mkdir(parents=True, exist_ok=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
            if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
                pytest.skip("a full disk was NOT tried: nothing can be mounted here")
            mounted.append(folder)

        yield mount
        for folder in mounted:
            subprocess.run(["umount", str(folder)], check=True)

    @pytest.mark.parametrize(
        ("place", "size"),
        [("workspace", "4k"), ("workspace", "50k"), ("cache", "4k"), ("temporary", "20k")],
    )
    def test_the_place_that_is_full_is_told(self, root, small, lambdify, refused, place, size):
        folders = {"workspace": root / ".lambdify", "cache": lambdify.cache, "temporary": lambdify.temporary}
        add_package(
            root, "tools", source_tree("tools", "1.0") | {"tools/data.txt": "0123456789abcdef" * 4096}
        )
        (root / "requirements.txt").write_text("./tools\n")
        small(folders[place], size)
        refused(26, "The disk is full", {"workspace": "0.0 MiB for the project"}.get(place, "LAMBDIFY_CACHE"))


@pytest.mark.docker
class TestImages:
    """Images that lack something, made of the one that has all."""

    @pytest.fixture
    def without(self, build_image, tmp_path):
        made = []

        def make(*paths):
            name = f"lambdify/test-without:{tmp_path.name.replace('_', '-')[-40:].strip('-')}"
            recipe = f"FROM {build_image}\nRUN rm -rf {' '.join(paths)}\n"
            build = ["docker", "build", "--quiet", "--tag", name, "-"]
            subprocess.run(build, input=recipe, text=True, check=True, capture_output=True)
            made.append(name)
            return name

        yield make
        for name in made:
            subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)

    @pytest.mark.parametrize(
        ("missing", "what", "hint"),
        [
            (
                "/usr/bin/python3*",
                "has no Python, the function needs 3.11",
                "has Python 3.11 with [build] image",
            ),
            ("/usr/lib/python3/dist-packages/pip", "has no pip", "has pip with [build] image"),
            (
                "/usr/bin/*gcc* /usr/bin/cc",
                "fast: pip wheel failed. The build image has no C compiler",
                "a wheel",
            ),
            (
                "/usr/bin/timeout",
                "fast: the container engine could not start the build container",
                "needs a shell, cat and timeout",
            ),
        ],
    )
    def test_what_an_image_lacks_is_told(self, root, refused, without, missing, what, hint):
        if shutil.which("docker") is None:
            pytest.skip("makes images with the docker command")
        add_package(root, "fast", native_tree("fast"))
        (root / "requirements.txt").write_text("./fast\n")
        image = without(*missing.split())
        (root / "lambdify.toml").write_text(f'[function]\npython = "3.11"\n[build]\nimage = "{image}"\n')
        refused(21, what, hint)


def test_a_project_that_may_only_be_read_is_packed_into_another_folder(
    root, lambdify, tmp_path, for_whom_rights_count
):
    for folder in (root, root / "empty"):
        folder.chmod(0o555)
    before = sorted(root.rglob("*"))
    try:
        done = lambdify("package", cwd=root, before=for_whom_rights_count)
        assert "/.lambdify cannot be used: Permission denied." in done.stderr
        assert "--output" in done.stderr
        done = lambdify("package", "--output", str(tmp_path / "out"), cwd=root, before=for_whom_rights_count)
        assert done.returncode == 0, done.stderr
        assert sorted(root.rglob("*")) == before
    finally:
        root.chmod(0o755)
    assert len(list((tmp_path / "out").glob("*.zip"))) == 2
