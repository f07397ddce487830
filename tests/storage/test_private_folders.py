"""What lambdify keeps for a user is that user's alone."""

import os
import stat
from pathlib import Path

import pytest

from lambdify.cli.storage import caches, folders


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_a_new_folder_may_be_entered_by_its_owner_alone(tmp_path):
    folder = folders.make_private(tmp_path / "state" / "lambdify")
    assert mode(folder) == 0o700
    assert mode(folder.parent) != 0o700, "what others share is left as they have it"


@pytest.mark.parametrize("before", [0o755, 0o777, 0o750, 0o701])
def test_one_of_ours_that_others_may_enter_is_closed(tmp_path, before):
    tmp_path.chmod(before)
    folders.make_private(tmp_path)
    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("before", [0o700, 0o500])
def test_a_closed_one_stays_as_it_is(tmp_path, before):
    tmp_path.chmod(before)
    folders.make_private(tmp_path)
    assert mode(tmp_path) == before


def test_a_folder_that_all_share_stays_open(tmp_path):
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    folders.make_private(shared)
    assert mode(shared) == 0o1777


def test_the_users_home_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    folders.make_private(tmp_path)
    assert mode(tmp_path) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_another_users_folder_is_not_ours_to_close(tmp_path):
    tmp_path.chmod(0o755)
    os.chown(tmp_path, 65534, -1)
    folders.make_private(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_run_makes_the_cache_private(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o755)
    with caches.in_use():
        assert mode(tmp_path / "cache") == 0o700
