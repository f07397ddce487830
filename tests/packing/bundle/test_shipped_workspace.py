"""What a project keeps in `.lambdify/` counts only if this user has made it on this machine."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.errors import FileRefused
from lambdify.cli.package import package
from lambdify.cli.packing import archive
from lambdify.cli.packing.bundle import bytecode

APP = "def app(environ, start):\n    start('200 OK', [])\n    return [b'clean']\n"
FILES = {"app.py": APP, "more.py": "A = 1\n", "lambdify.toml": 'app = "app:app"\nname = "shipped"\n'}
FOREIGN = "was not made by you on this machine"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache", "here")]


@pytest.fixture
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "here"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Becomes another user on another machine."""

    def go() -> None:
        monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "elsewhere"))

    return go


@pytest.fixture
def root(project) -> Path:
    return project(FILES)


@pytest.fixture
def pack(console):
    return lambda root, out=None, **overrides: package(
        settings_room.load(root, overrides=overrides), out, console
    )


def tamper(path: Path, *, same_size: bool = False) -> None:
    """Put another app into a zip; with `same_size` no byte more, dated as before."""
    before = path.stat()
    entries = archive.find(path)
    minor = settings_room.default_python()
    left = [entry for entry in entries if entry.name != bytecode.cache_path("app.py", minor)]
    other = archive.deflate_one(archive.Member("app.py", APP.replace("clean", "TAMPERED").encode()))
    archive.write(path, [other if entry.name == "app.py" else entry for entry in left])
    if same_size:
        grown = path.read_bytes()
        path.write_bytes((grown + b"\0" * before.st_size)[: before.st_size])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def packed_app(path: Path) -> str:
    with zipfile.ZipFile(path) as packed:
        return packed.read("app.py").decode()


def ship(root: Path, to: Path) -> Path:
    """The project with its `.lambdify/`, as it comes out of a repository that has both."""
    author = ("-c", "user.email=a@b", "-c", "user.name=n")
    for line in (("init", "-q"), ("add", "-Af", "."), (*author, "commit", "-qm", "all")):
        subprocess.run(("git", *line), cwd=root, check=True)
    subprocess.run(("git", "clone", "-q", str(root), str(to)), check=True, capture_output=True)
    return to


# -------------------------------------------------------------------- zips


def test_a_zip_that_a_repository_brings_along_is_made_anew(root, pack, story, elsewhere, tmp_path):
    tamper(pack(root).app.path)
    clone = ship(root, tmp_path / "clone")
    elsewhere()
    assert packed_app(pack(clone).app.path) == APP
    assert FOREIGN in story.getvalue()


def test_neither_is_one_that_was_changed_here(root, pack, story):
    tamper(pack(root).app.path)
    assert packed_app(pack(root).app.path) == APP
    assert FOREIGN in story.getvalue()


def test_one_of_the_same_size_and_date_is_seen_too(root, pack):
    tamper(pack(root).app.path, same_size=True)
    assert packed_app(pack(root).app.path) == APP


def test_a_folder_of_ones_own_choice_is_no_better(root, pack, story, elsewhere, tmp_path):
    tamper(pack(root, root / "dist").app.path)
    shutil.rmtree(root / ".lambdify")
    clone = ship(root, tmp_path / "clone")
    elsewhere()
    assert packed_app(pack(clone, clone / "dist").app.path) == APP
    assert FOREIGN in story.getvalue()


def test_bytecode_of_a_zip_that_was_changed_is_not_taken_over(root, pack):
    path = pack(root).app.path
    minor = settings_room.default_python()
    name = bytecode.cache_path("app.py", minor)
    right = {entry.name: entry for entry in archive.find(path)}[name]
    wrong = archive.deflate_one(archive.Member(name, archive.inflate(right).replace(b"clean", b"dirty")))
    archive.write(path, [wrong if entry.name == name else entry for entry in archive.find(path)])
    (root / "more.py").write_text("A = 2\n")
    again = {entry.name: entry for entry in archive.find(pack(root).app.path)}
    assert archive.inflate(again[name]) == archive.inflate(right)


def test_what_is_ours_is_taken_again_without_a_word(root, pack, story):
    path = pack(root).app.path
    inode = path.stat().st_ino
    pack(root)
    assert "Nothing has changed since this was packed." in story.getvalue()
    (root / "more.py").write_text("A = 2\n")
    assert pack(root).app.path != path
    (root / "more.py").write_text("A = 1\n")
    assert pack(root).app.path == path
    assert path.stat().st_ino == inode, "it was written again"
    assert FOREIGN not in story.getvalue()


def test_one_with_another_stamp_and_the_same_contents_is_ours(root, pack, story):
    path = pack(root).app.path
    os.utime(path, ns=(0, 0))
    pack(root)
    assert "Nothing has changed since this was packed." in story.getvalue()
    assert FOREIGN not in story.getvalue()


def test_a_copy_of_a_project_on_the_same_machine_keeps_what_was_made(root, pack, story, tmp_path):
    pack(root)
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    packed = pack(copy).app.path
    assert packed.parent == copy / ".lambdify" / "build"
    assert FOREIGN not in story.getvalue()


# -------------------------------------------------------------------- notes


def test_a_note_that_is_not_under_our_seal_is_none(root, pack, story):
    pack(root)
    (note,) = (root / ".lambdify" / "last-builds").iterdir()
    content = json.loads(note.read_text())
    content["result"]["leaks"] = []
    for seal in ({}, {"seal": "0" * 64}):
        note.write_text(json.dumps(seal | {key: value for key, value in content.items() if key != "seal"}))
        pack(root)
        assert "Nothing has changed" not in story.getvalue()


def test_a_seal_holds_under_one_name_only(root, pack, story):
    pack(root)
    pack(root, **{"build.bytecode": False})
    first, second = (root / ".lambdify" / "last-builds").iterdir()
    text = first.read_text()
    first.write_text(second.read_text())
    second.write_text(text)
    pack(root)
    assert "Nothing has changed" not in story.getvalue()
    assert FOREIGN in story.getvalue()


def test_the_key_is_its_owners(root, pack, tmp_path):
    pack(root)
    (key,) = (path for path in (tmp_path / "here").iterdir() if path.is_file())
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o700


def test_without_a_place_for_the_key_nothing_is_kept(root, pack, story, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "file" / "home"))
    for _ in range(2):
        assert packed_app(pack(root).app.path) == APP
    assert "Nothing has changed" not in story.getvalue()
    assert FOREIGN not in story.getvalue(), "there is nothing to tell ours from others' by"


# -------------------------------------------------------------------- links


@pytest.mark.parametrize("name", [".lambdify", ".lambdify/build", ".lambdify/last-builds"])
def test_nothing_is_written_through_a_link_that_a_repository_brings_along(root, pack, tmp_path, name):
    (tmp_path / "outside").mkdir()
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(tmp_path / "outside")
    with pytest.raises(FileRefused, match="is a link"):
        pack(root)
    assert list((tmp_path / "outside").iterdir()) == []
