"""The cache: shown by kind, cleared by kind or age, and never taken from under a run."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.cli.errors import CacheInUse
from lambdify.cli.storage import caches, folders


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with two fragments, one of them old, and a built wheel; and a project with a zip."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    folder = folders.cache()
    for name in ("fragments/old.zip", "fragments/new.zip", "wheels/key/image/crc.whl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    ago = time.time() - 40 * 24 * 3600
    os.utime(folder / "fragments" / "old.zip", (ago, ago))
    build = tmp_path / "project" / ".lambdify" / "build"
    build.mkdir(parents=True)
    (build / "app-0123456789abcdef.zip").write_bytes(b"x" * 500)
    return folder


@pytest.fixture
def project(tmp_path):
    return tmp_path / "project"


def test_every_kind_is_counted(cache, project):
    held = {shelf.name: (shelf.entries, shelf.bytes) for shelf in caches.find_all(project)}
    nothing = (0, 0)
    assert held == {
        "wheels": (1, 1000),
        "downloads": nothing,
        "contents": nothing,
        "fragments": (2, 2000),
        "runtime": nothing,
        "unpacked": nothing,
        "bundles": (1, 500),
    }


def test_every_folder_of_the_cache_is_a_kind():
    from lambdify.cli.commands.cache import SHELVES

    assert (*caches.CACHE_FOLDERS, caches.BUNDLES) == SHELVES


def test_clearing_takes_all_and_says_how_much(cache, project):
    assert caches.clear(project) == caches.Cleared(entries=4, bytes=3500)
    assert sum(shelf.bytes for shelf in caches.find_all(project)) == 0


def test_clearing_takes_one_kind(cache, project):
    caches.clear(project, ["wheels"])
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == [".lock", "new.zip", "old.zip"]


def test_clearing_takes_what_is_older(cache, project):
    before = datetime.now(UTC) - timedelta(days=30)
    assert caches.clear(project, before=before) == caches.Cleared(entries=1, bytes=1000)
    assert (cache / "fragments" / "new.zip").exists()


def test_nothing_is_taken_from_under_a_run(cache, project):
    code = "from lambdify.cli.storage import caches\nwith caches.in_use(): print('in', flush=True), input()"
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "in\n"
    with pytest.raises(CacheInUse):
        caches.clear(project)
    run.communicate("\n", timeout=60)
    assert caches.clear(project).entries == 4


def test_two_runs_use_it_together(cache):
    with caches.in_use(), caches.in_use():
        pass


@pytest.mark.slow
def test_the_commands_show_and_clear_it(cache, project, lambdify):
    env = {"LAMBDIFY_CACHE": str(cache)}
    shown = lambdify("cache", "show", cwd=project, env=env)
    assert shown.stdout.splitlines()[0].split() == ["Kind", "Entries", "Size", "Newest", "What", "Where"]
    assert json.loads(lambdify("cache", "show", "--json", cwd=project, env=env).stdout)[3]["entries"] == 2
    cleared = lambdify("cache", "clear", "fragments", cwd=project, env=env)
    assert cleared.stdout == "2 files and folders are gone, 2.0 KiB.\n"


# -------------------------------------------------------------------- what killed runs leave

KILLED = """
import os, signal, sys
from pathlib import Path
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry
root, out = map(Path, sys.argv[1:])
out.mkdir(exist_ok=True)
class Fatal(bytes):
    def __len__(self):
        os.kill(os.getpid(), signal.SIGKILL)
archive.write(out / f"app-{'0' * 16}.zip", [Entry("a", Fatal(b"a"), False, False, 0, 1)])
"""
HOUR = 3601


def age(*paths):
    for path in paths:
        ago = time.time() - HOUR
        os.utime(path, (ago, ago))


def test_the_rest_of_a_killed_run_is_swept_away_when_nobody_touches_it_any_more(cache, project, tmp_path):
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, project, out], check=False)
    assert killed.returncode == -signal.SIGKILL
    (rest,) = out.iterdir()
    assert caches.sweep(project, out) == 0, "somebody may still be writing it"
    age(rest)
    assert caches.sweep(project, out) == 1
    assert list(out.iterdir()) == []


def test_it_is_swept_from_every_place_and_nothing_else_is(cache, project, tmp_path):
    out = tmp_path / "out"
    rests = [
        cache / "downloads/.abcdef12/wheel",
        cache / "wheels/key/.abc_ef12/crc.whl",
        cache / "fragments/.0123.zip.abcdef12",
        project / ".lambdify/last-builds/.abcdef12",
        project / ".lambdify/build/.app-0123456789abcdef.zip.abcdef12",
        out / ".lambdify-report.html.abcdef12",
    ]
    others = [
        project / ".lambdify/.gitignore",
        out / ".settings",
        out / ".abcdef12",
        out / ".eslint.abcdef12",
    ]
    for path in (*rests, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    before = {path for top in (cache, project, out) for path in top.rglob("*")}
    age(*before)
    assert caches.sweep(project, out) == len(rests)
    gone = {*rests, cache / "downloads/.abcdef12", cache / "wheels/key/.abc_ef12"}
    assert {path for top in (cache, project, out) for path in top.rglob("*")} == before - gone


def test_a_folder_that_is_being_filled_is_left_alone(cache, project):
    filled = cache / "downloads/.abcdef12/wheel"
    filled.parent.mkdir(parents=True)
    filled.write_text("")
    age(filled.parent)
    assert caches.sweep(project, project / "build") == 0
    assert filled.exists()
