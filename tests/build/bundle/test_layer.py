"""The dependencies' part of the bundle, from installed trees."""

import os
import shutil
from pathlib import Path

import pytest

from lambdify.cli.build import archive, bytecode, layer, pythons
from lambdify.cli.build.archive import Entry
from lambdify.cli.build.install import Distribution

COMPILER = bytecode.Compiler(
    python=pythons.find(pythons.RUNNING) or Path(), minor=pythons.RUNNING, mount="/opt"
)
CACHED = bytecode.cache_path("python/shop/__init__.py", pythons.RUNNING)

pytestmark = pytest.mark.usefixtures("own_cache")


def distribution(name: str, *files: str) -> Distribution:
    return Distribution(name=name, version="1.0", files=tuple(sorted(files)), key="")


SHOP = distribution("shop", "shop/__init__.py", "shop/__init__.pyi", "shop/tool", "shop/logo.png")
TILL = distribution("till", "till.py", "till-1.0.dist-info/METADATA", "till-1.0.dist-info/RECORD")


@pytest.fixture
def tree(project) -> Path:
    root = project(
        {
            "shop/__init__.py": "NAME = 'shop'\n",
            "shop/__init__.pyi": "NAME: str\n",
            "shop/tool": "#!/bin/sh\n",
            "shop/logo.png": "png",
            "till.py": "OPEN = True\n",
            "till-1.0.dist-info/METADATA": "Name: till\n",
            "till-1.0.dist-info/RECORD": "till.py,,\n",
        },
        "tree",
    )
    (root / "shop/tool").chmod(0o755)
    (root / "till.py").chmod(0o755)
    return root


@pytest.fixture
def build(tree, console):
    """Packs the tree, or what is given in place of its parts."""

    def build(
        distributions=(SHOP, TILL), tree=tree, prefix="python/", compiler=COMPILER
    ) -> tuple[Entry, ...]:
        return layer.build(distributions, tree, prefix, compiler, console)

    return build


def fragments(own_cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (own_cache / "fragments").iterdir()}


def test_what_runs_is_packed_under_the_prefix_with_its_bytecode_sorted_by_name(build):
    assert [entry.name for entry in build()] == [
        bytecode.cache_path("python/till.py", pythons.RUNNING),
        "python/shop/__init__.py",
        CACHED,
        "python/shop/logo.png",
        "python/shop/tool",
        "python/till-1.0.dist-info/METADATA",
        "python/till.py",
    ]


def test_programs_stay_executable_and_modules_never_are(build):
    assert [entry.name for entry in build() if entry.executable] == ["python/shop/tool"]


def test_without_a_compiler_there_is_no_bytecode(build):
    assert not any(entry.name.endswith(".pyc") for entry in build(compiler=None))


def test_the_second_time_nothing_is_packed_again(build, own_cache, story):
    first = build()
    written = fragments(own_cache)
    story.truncate(0)
    assert build() == first
    assert fragments(own_cache) == written
    assert story.getvalue() == ""


def test_a_change_in_one_distribution_packs_that_one_again(build, tree, own_cache):
    build()
    before = fragments(own_cache)
    (tree / "till.py").write_text("OPEN = False\n")
    build()
    after = fragments(own_cache)
    assert before.items() < after.items()
    assert len(after) == len(before) + 1


def test_projects_share_what_they_have_in_common(build, tree, own_cache, tmp_path):
    build()
    before = fragments(own_cache)
    shutil.copytree(tree, tmp_path / "other", copy_function=shutil.copyfile)
    (tmp_path / "other/shop/tool").chmod(0o755)
    assert build(tree=tmp_path / "other") == build()
    assert fragments(own_cache) == before


def test_dates_and_the_rest_of_the_mode_do_not_count(build, tree, own_cache):
    before = build()
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
    (tree / "shop/logo.png").chmod(0o600)
    assert build() == before
    assert len(fragments(own_cache)) == 2


@pytest.mark.parametrize("other", [{"prefix": ""}, {"compiler": None}])
def test_another_place_or_no_bytecode_is_another_fragment(build, own_cache, other):
    build()
    build(**other)
    assert len(fragments(own_cache)) == 4


def test_a_fragment_that_was_damaged_is_made_again(build, own_cache):
    first = build()
    for path in (own_cache / "fragments").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    assert build() == first
    assert all(archive.find(path) for path in (own_cache / "fragments").iterdir())


def test_a_file_of_two_distributions_is_packed_once(build, project):
    tree = project({"google/__init__.py": "", "google/a.py": "", "google/b.py": ""}, "shared")
    first = distribution("google-a", "google/__init__.py", "google/a.py")
    second = distribution("google-b", "google/__init__.py", "google/b.py")
    names = [entry.name for entry in build((first, second), tree, compiler=None)]
    assert names == ["python/google/__init__.py", "python/google/a.py", "python/google/b.py"]
