"""The cache: shown by kind, cleared by kind or age, and never taken from under a run."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.cli import caches, folders
from lambdify.cli.errors import CacheInUse


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
    held = {shelf.name: (shelf.entries, shelf.bytes) for shelf in caches.look(project)}
    nothing = (0, 0)
    assert held == {
        "wheels": (1, 1000),
        "downloads": nothing,
        "contents": nothing,
        "fragments": (2, 2000),
        "runtime": nothing,
        "bundles": (1, 500),
    }


def test_every_folder_of_the_cache_is_a_kind():
    from lambdify.cli.commands.cache import SHELVES

    assert (*caches.SHELVES, caches.BUNDLES) == SHELVES


def test_clearing_takes_all_and_says_how_much(cache, project):
    assert caches.clear(project) == caches.Cleared(entries=4, bytes=3500)
    assert sum(shelf.bytes for shelf in caches.look(project)) == 0


def test_clearing_takes_one_kind(cache, project):
    caches.clear(project, ["wheels"])
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == [".lock", "new.zip", "old.zip"]


def test_clearing_takes_what_is_older(cache, project):
    before = datetime.now(UTC) - timedelta(days=30)
    assert caches.clear(project, before=before) == caches.Cleared(entries=1, bytes=1000)
    assert (cache / "fragments" / "new.zip").exists()


def test_nothing_is_taken_from_under_a_run(cache, project):
    code = "from lambdify.cli import caches\nwith caches.in_use():\n    print('in', flush=True)\n    input()"
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "in\n"
    with pytest.raises(CacheInUse):
        caches.clear(project)
    run.communicate("\n", timeout=10)
    assert caches.clear(project).entries == 4


def test_two_runs_use_it_together(cache):
    with caches.in_use(), caches.in_use():
        pass


def test_the_commands_show_and_clear_it(cache, project, lambdify):
    env = {"LAMBDIFY_CACHE": str(cache)}
    shown = lambdify("cache", "show", cwd=project, env=env)
    assert shown.stdout.splitlines()[0].split() == ["Kind", "Entries", "Size", "Newest", "What", "Where"]
    assert json.loads(lambdify("cache", "show", "--json", cwd=project, env=env).stdout)[3]["entries"] == 2
    cleared = lambdify("cache", "clear", "fragments", cwd=project, env=env)
    assert cleared.stdout == "2 files and folders are gone, 2.0 KiB.\n"
