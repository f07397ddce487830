"""Wheels that were built before."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from packing.packages import write_wheel

from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.wheel_cache import WheelCache

PACKAGE = Package(name="pack", version="1.0", kind="sdist", filename="pack-1.0.tar.gz", sha256="a" * 64)


@pytest.fixture
def cache(tmp_path):
    return WheelCache(folder=tmp_path / "wheels", target=Target(python="3.13"), image="image:latest")


@pytest.fixture
def wheel(tmp_path):
    return write_wheel(tmp_path, "pack", "1.0")


def unknown():
    return None


def test_a_wheel_is_found_by_what_it_was_built_from(cache, wheel):
    assert cache.find_pure(PACKAGE) is None
    kept = cache.keep_pure(PACKAGE, wheel)
    wheel.unlink()
    assert cache.find_pure(PACKAGE) == kept
    assert kept.package.version == "1.0"
    assert cache.find_native(PACKAGE, unknown) is None


@pytest.mark.parametrize(
    "other",
    [
        {"target": Target(python="3.12")},
        {"image": "image:other"},
        {"packages": ("libpq-devel",)},
        {"before": ("./configure",)},
    ],
)
def test_another_target_image_or_set_of_system_packages_is_another_wheel(cache, wheel, other):
    cache.keep_native(PACKAGE, wheel, "sha256:1", ())
    assert replace(cache, **other).find_native(PACKAGE, unknown) is None
    assert cache.find_native(PACKAGE, unknown) is not None


def test_another_source_under_the_same_version_is_another_wheel(cache, wheel):
    cache.keep_pure(PACKAGE, wheel)
    assert cache.find_pure(replace(PACKAGE, sha256="b" * 64)) is None


def test_a_renewed_image_builds_again_but_while_nobody_knows_the_old_wheel_is_good(cache, wheel):
    cache.keep_native(PACKAGE, wheel, "sha256:1", ("a note",))
    assert cache.find_native(PACKAGE, lambda: "sha256:1").notes == ("a note",)
    assert cache.find_native(PACKAGE, lambda: "sha256:2") is None
    assert cache.find_native(PACKAGE, unknown).notes == ("a note",)


def test_the_engine_is_not_asked_where_there_is_nothing_to_choose_from(cache):
    def ask():
        raise AssertionError

    assert cache.find_native(PACKAGE, ask) is None


def test_many_runs_at_once_keep_one_whole_entry(cache, wheel):
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: cache.keep_pure(PACKAGE, wheel), range(40)))
    assert len({found.path for found in kept}) == 1
    assert {found.sha256 for found in kept} == {kept[0].sha256}
    entries = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in entries) == ["notes.json", wheel.name]


def test_what_a_killed_run_left_behind_is_not_taken_for_a_wheel(cache, wheel):
    kept = cache.keep_native(PACKAGE, wheel, "sha256:1", ())
    shutil.copytree(kept.path.parent, kept.path.parent.with_name(".tmp123"))
    shutil.rmtree(kept.path.parent)
    assert cache.find_native(PACKAGE, unknown) is None


def test_a_folders_digest_leaves_out_what_is_no_source(cache, wheel, tmp_path):
    folder = tmp_path / "tools"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "__init__.py").write_text("")
    package = Package(name="tools", version="", kind="directory", path=folder)
    kept = cache.keep_pure(package, wheel)
    for aside in ("build", "tools/__pycache__", "tools.egg-info", ".git", "env"):
        (folder / aside).mkdir()
        (folder / aside / "file").write_text("")
    (folder / "env" / "pyvenv.cfg").write_text("")
    os.utime(folder / "tools" / "__init__.py", (1, 1))
    assert cache.find_pure(package) == kept
    (folder / "tools" / "__init__.py").write_text("changed")
    assert cache.find_pure(package) is None
