"""What was tried on packaging, and held: wheels that lie, links, odd names, settings with a sting."""

import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.errors import LambdifyError, SettingsError
from lambdify.cli.package import package
from lambdify.cli.packing.bundle import files

pytestmark = pytest.mark.slow

APP = "def app(environ, start_response): ...\n"


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "lambdify.toml").write_text('app = "app:app"\n')
    return folder


def write_wheel(folder: Path, members: dict[str, str], *, mode: int = 0o644) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "evil-1-py3-none-any.whl", "w") as wheel:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            wheel.writestr(member, content)
        wheel.writestr("evil-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
        wheel.writestr(
            "evil-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("evil-1.dist-info/RECORD", "")


@pytest.fixture
def pack_with(root, tmp_path, console):
    """Packs a project that requires a wheel of these members."""

    def pack(members: dict[str, str], **options: int):
        write_wheel(tmp_path / "links", members, **options)
        (root / "requirements.txt").write_text(f"--no-index\n--find-links {tmp_path / 'links'}\nevil\n")
        return package(settings_room.load(root), None, console)

    return pack


# -------------------------------------------------------------------- wheels


@pytest.mark.parametrize(
    "name",
    [
        "../../x.py",
        "evil/../../x.py",
        "/etc/x.py",
        "..\\..\\x.py",
        "C:/x.py",
        "evil-1.data/data/../../x.py",
        "evil-1.data/purelib/../../x.py",
    ],
)
def test_a_member_that_would_lie_outside_is_refused(pack_with, tmp_path, name):
    with pytest.raises(LambdifyError):
        pack_with({name: "import this\n"})
    assert not list((tmp_path / "project").glob(".lambdify/build/*.zip"))


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o104755], ids=["link", "device", "setuid"])
def test_a_member_of_another_kind_is_a_plain_file(pack_with, kind):
    layer = pack_with({"evil/target": "/etc/shadow", "evil/__init__.py": ""}, mode=kind).layer
    with zipfile.ZipFile(layer.path) as packed:
        modes = {info.filename: info.external_attr >> 16 for info in packed.infolist()}
    assert modes["python/evil/target"] in (0o100644, 0o100755)


def test_the_app_and_the_adapter_come_before_what_a_dependency_brings(pack_with):
    made = pack_with({"app.py": "HIJACKED", ".lambdify/bundle.json": "{}", "evil.pth": "import os"})
    with zipfile.ZipFile(made.app.path) as packed:
        # Lambda puts /var/task before /opt/python.
        assert packed.read("app.py").decode() == APP
        assert packed.read(".lambdify/bundle.json") != b"{}"


# -------------------------------------------------------------------- links, pipes and sockets


def names(root: Path) -> list[str]:
    return [file.name for file in files.scan(root).files]


def test_links_lead_nowhere_that_is_not_the_project(root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.py").write_text("")
    for name, target in {
        "shadow": "/etc/shadow",
        "folder": str(tmp_path / "outside"),
        "circle": ".",
        "nothing": "nowhere",
        "itself": "itself",
    }.items():
        (root / name).symlink_to(target)
    found = files.scan(root)
    assert [file.name for file in found.files] == ["app.py"]
    told = {item.path for item in found.left_out}
    assert told >= {"shadow", "folder", "circle", "nothing", "itself"}


def test_a_link_to_a_secret_is_one_under_any_name(root):
    (root / ".env").write_text("x")
    (root / ".aws").mkdir()
    (root / "config.txt").symlink_to(".env")
    (root / "cloud").symlink_to(".aws")
    found = files.scan(root)
    assert {item.path for item in found.left_out if item.secret} == {".env", ".aws/", "config.txt", "cloud/"}


def test_what_is_no_file_is_not_read(root):
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        # Its path may be a hundred bytes long.
        here = Path.cwd()
        os.chdir(root)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        assert names(root) == ["app.py"]


# -------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "it's",
        'say "x"',
        "$HOME",
        "`id`",
        "a;b",
        "a\nb",
        "100%",
        "{x}",
        "*",
        "[x]",
        "a\tb",
        "-rf",
        "ünï",
    ],
)
def test_a_project_in_a_folder_of_an_odd_name_is_packed(root, tmp_path, console, name):
    odd = tmp_path / name
    root.rename(odd)
    made = package(settings_room.load(odd), None, console)
    assert made.app.path.is_relative_to(odd)


def test_odd_names_of_files_are_packed_as_they_are(root, tmp_path, console):
    odd = ["-rf.py", "$(touch PWN).py", "a\nb.py", "a\\b.py", "'; x.py"]
    for name in odd:
        (root / name).write_text("A = 1\n")
    made = package(settings_room.load(root), None, console)
    with zipfile.ZipFile(made.app.path) as packed:
        assert set(odd) <= {info.orig_filename for info in packed.infolist()}
    assert not list(tmp_path.rglob("PWN*"))


# -------------------------------------------------------------------- settings


@pytest.mark.parametrize("value", ["a;b", "${x}", "a\\nb", "../x", "a*b", "a b", "`id`", "$(id)"])
@pytest.mark.parametrize("option", ["name", "stage", "app", "region"])
def test_an_option_with_a_sting_is_refused(root, option, value):
    (root / "lambdify.toml").write_text(f'{option} = "{value}"\n')
    with pytest.raises(SettingsError):
        settings_room.load(root)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ""])
def test_nothing_outside_of_the_project_can_be_included(root, path):
    (root / "lambdify.toml").write_text(f'[build]\ninclude = ["{path}"]\n')
    with pytest.raises(SettingsError):
        settings_room.load(root)


def test_no_value_of_the_environment_is_in_a_zip(root, console):
    (root / "lambdify.toml").write_text('app = "app:app"\n[environment]\nWORD = "swordfish"\n')
    made = package(settings_room.load(root), None, console)
    with zipfile.ZipFile(made.app.path) as packed:
        assert not any(b"swordfish" in packed.read(name) for name in packed.namelist())


# -------------------------------------------------------------------- whose code runs


def test_nothing_of_the_project_runs_when_it_is_packed(root, tmp_path, console):
    ran = tmp_path / "RAN"
    for name in ("sitecustomize.py", "conftest.py", "boto3.py", "click.py", "uv.py", "usercustomize.py"):
        (root / name).write_text(f"open({str(ran)!r}, 'w')\n")
    (root / "evil.pth").write_text(f"import os; open({str(ran)!r}, 'w')\n")
    (root / "app.py").write_text(f"open({str(ran)!r}, 'w')\n{APP}")
    command = [str(Path(sys.executable).with_name("lambdify")), "package"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not ran.exists()
