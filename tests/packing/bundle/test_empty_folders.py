"""A folder that the project has is there on Lambda, also when there is nothing in it that is packed."""

import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from lambdify.cli.packing.archive import Member, deflate, find, write
from lambdify.cli.packing.bundle import files
from lambdify.cli.packing.unpacked import remove_tree, write_tree


def packed(root: Path, **options: list[str]) -> list[str]:
    return [file.name for file in files.scan(root, **options).files]


def put(root: Path, *names: str) -> None:
    """Files, and folders where a name ends in "/"."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("x")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["uploads/"], ["uploads/"]),
        (["uploads/.gitkeep"], ["uploads/"]),
        (["uploads/.gitignore"], ["uploads/"]),
        (["uploads/.DS_Store"], ["uploads/"]),
        (["media/a/b/"], ["media/a/b/"]),
        (["media/a/", "media/b/.gitkeep"], ["media/a/", "media/b/"]),
        (["media/a/", "media/photo.jpg"], ["media/a/", "media/photo.jpg"]),
        (["shop/__pycache__/models.cpython-311.pyc"], []),
        (["front/node_modules/x.js"], []),
        (["__pycache__/app.cpython-311.pyc", ".git/config"], []),
        (["über uns/"], ["über uns/"]),
    ],
)
def test_a_folder_without_packed_files_is_packed_itself(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    put(tmp_path, "app.py", *names)
    assert packed(tmp_path) == sorted(["app.py", *expected])
    assert [file.size for file in files.scan(tmp_path).files if file.is_folder] == [
        0 for name in expected if name.endswith("/")
    ]


def test_a_folder_can_be_left_out(tmp_path: Path) -> None:
    put(tmp_path, "app.py", "uploads/.gitkeep", "media/")
    assert packed(tmp_path, exclude=["uploads/", "media"]) == ["app.py"]


def test_a_zip_holds_a_folder_as_every_program_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "app.zip"
    write(path, deflate([Member("app.py", b"x"), Member("uploads/", b"")]))
    with zipfile.ZipFile(path) as archive:
        folder = archive.getinfo("uploads/")
        assert folder.is_dir()
        assert stat.S_ISDIR(folder.external_attr >> 16)
        assert stat.S_IMODE(folder.external_attr >> 16) == 0o755
        assert archive.testzip() is None
    again = tmp_path / "again.zip"
    write(again, find(path) or ())
    assert again.read_bytes() == path.read_bytes()
    tree = tmp_path / "tree"
    write_tree(tree, [path.read_bytes()])
    assert (tree / "uploads").is_dir()
    assert stat.S_IMODE((tree / "uploads").stat().st_mode) == 0o555
    remove_tree(tree)


APP = (
    "import os\n"
    "def app(environ, start_response):\n"
    "    start_response('200 OK', [])\n"
    "    return [str(os.listdir('uploads')).encode()]\n"
)


@pytest.mark.cloud
@pytest.mark.slow
def test_an_app_finds_its_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "hello"
    put(project, "app.py", "uploads/.gitkeep")
    (project / "app.py").write_text(APP)
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(project)
    command = str(Path(sys.executable).with_name("lambdify"))
    try:
        done = subprocess.run([command, "deploy", "--local"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert httpx.get(done.stdout.strip()).text == "[]"
        again = subprocess.run([command, "deploy", "--local"], capture_output=True, text=True, timeout=300)
        assert again.returncode == 0, again.stderr
    finally:
        subprocess.run([command, "local", "stop"], capture_output=True, timeout=60)
