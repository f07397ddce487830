"""The project's own folder of zips does not grow for ever: it keeps what each stage's last builds need."""

import fcntl
import os
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.errors import LambdifyError
from lambdify.cli.package import package

APP = "def app(environ, start_response): ...\n\n\nVERSION = {}\n"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]


@pytest.fixture
def root(project, monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    return project({"app.py": APP.format(0), "lambdify.toml": 'app = "app:app"\n'})


@pytest.fixture
def build(root, console):
    """Packs a version of the app for a stage, and gives its app zip."""

    def build(version: int, stage: str = "dev", out: Path | None = None) -> Path:
        (root / "app.py").write_text(APP.format(version))
        return package(settings_room.load(root, stage=stage), out, console).app.path

    return build


def zips(root: Path) -> set[Path]:
    return set((root / ".lambdify" / "build").glob("app-*.zip"))


def test_the_last_three_of_a_stage_stay(root, build):
    made = [build(version) for version in range(6)]
    assert zips(root) == set(made[-3:])


def test_each_stage_has_three(root, build):
    live = [build(version, "live") for version in range(3)]
    dev = [build(version, "dev") for version in range(10, 16)]
    assert zips(root) == {*live, *dev[-3:]}


def test_one_that_is_built_again_counts_once_and_as_the_newest(root, build):
    made = [build(version) for version in (0, 1, 2, 0, 3)]
    assert made[0] == made[3]
    assert zips(root) == {made[0], made[2], made[4]}


def test_the_zip_of_another_stage_is_that_stages_too_without_a_build(root, build):
    shared = build(1, "dev")
    assert build(1, "live") == shared
    for version in range(2, 6):
        build(version, "dev")
    assert shared in zips(root)


def test_what_nobody_remembers_goes_and_what_is_not_ours_stays(root, build):
    build(0)
    folder = root / ".lambdify" / "build"
    for name in (
        "app-0123456789abcdef.zip",
        "layer-0123456789abcdef.zip",
        "notes.zip",
        "lambdify-report.html",
    ):
        (folder / name).write_bytes(b"x")
    build(1)
    assert {path.name for path in folder.iterdir()} >= {"notes.zip", "lambdify-report.html"}
    assert not (folder / "app-0123456789abcdef.zip").exists()
    assert not (folder / "layer-0123456789abcdef.zip").exists()


def test_a_folder_that_the_user_named_is_the_users(root, build, tmp_path):
    made = {build(version, out=tmp_path / "out") for version in range(6)}
    assert set((tmp_path / "out").glob("app-*.zip")) == made


def test_a_build_that_fails_takes_nothing_away(root, build, console):
    made = [build(version) for version in range(3)]
    (root / "lambdify.py").write_text("")
    with pytest.raises(LambdifyError):
        build(3)
    assert zips(root) == set(made)


def test_nothing_goes_while_another_run_packs_the_project(root, build):
    made = [build(version) for version in range(3)]
    lock = os.open(root / ".lambdify", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        made.append(build(3))
        assert zips(root) == set(made)
    finally:
        os.close(lock)
    made.append(build(4))
    assert zips(root) == set(made[-3:])


def test_without_a_place_for_the_key_the_newest_stays(root, build, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "file" / "home"))
    build(0)
    newest = build(1)
    assert zips(root) == {newest}
