"""What is packed is watched, and what decides on it; nothing else."""

import os
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.serve.watch import Change, Watch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/app.py").write_text("price = 1\n")
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "output.txt").write_text("")
    return tmp_path


def changed(*names: str, settings: bool = False) -> Change:
    return Change(names=names, settings=settings)


def test_a_change_is_seen_once(root: Path):
    watch = Watch(settings.load(root))
    assert watch.look() is None
    (root / "shop/app.py").write_text("price = 12\n")
    assert watch.look() == changed("shop/app.py")
    assert watch.look() is None


def test_a_change_that_keeps_the_stamp_is_seen(root: Path):
    path = root / "shop/app.py"
    watch = Watch(settings.load(root))
    known = path.stat()
    path.write_text("price = 2\n")
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert watch.look() == changed("shop/app.py")


def test_new_files_removed_ones_and_other_names_are_seen(root: Path):
    watch = Watch(settings.load(root))
    (root / "shop/new.py").write_text("")
    assert watch.look() == changed("shop/new.py")
    (root / "shop/new.py").rename(root / "shop/old.py")
    assert watch.look() == changed("shop/new.py", "shop/old.py")
    (root / "shop/old.py").unlink()
    assert watch.look() == changed("shop/old.py")


def test_what_is_not_packed_is_no_change(root: Path):
    watch = Watch(settings.load(root))
    for name in (
        ".lambdify/build/x",
        "shop/__pycache__/app.cpython-313.pyc",
        ".venv/pyvenv.cfg",
        ".git/HEAD",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
        assert watch.look() is None


def test_what_decides_on_the_rest_is_told_apart(root: Path):
    watch = Watch(settings.load(root))
    watch.follow([root / "requirements.txt", root / "constraints.txt"])
    assert watch.look() is None
    (root / "requirements.txt").write_text("flask>3\n")
    assert watch.look() == changed("requirements.txt", settings=True)
    (root / "constraints.txt").write_text("flask<4\n")
    assert watch.look() == changed("constraints.txt", settings=True)
    (root / "lambdify.toml").write_text("[function]\nmemory = 256\n")
    assert watch.look().settings
    os.utime(root / "requirements.txt")
    assert watch.look() in (None, changed("requirements.txt"))


def test_our_own_output_in_the_project_is_no_change(root: Path):
    watch = Watch(settings.load(root), written=[(root / "output.txt").stat().st_ino])
    (root / "output.txt").write_text("app.py saved\n")
    assert watch.look() is None
