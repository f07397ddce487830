"""The dependencies' part of the bundle, from wheels."""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from packing.wheel_files import write_wheel

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry
from lambdify.cli.packing.bundle import bytecode, layer
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.programs import pythons

MakeWheel = Callable[..., Distribution]
COMPILER = bytecode.Compiler(
    python=pythons.find(pythons.RUNNING) or Path(), minor=pythons.RUNNING, mount="/opt"
)
CACHED = bytecode.cache_path("python/shop/__init__.py", pythons.RUNNING)

pytestmark = pytest.mark.usefixtures("own_cache")


FILES: dict[str, dict[str, str | bytes]] = {
    "shop": {
        "shop/__init__.py": "NAME = 'shop'\n",
        "shop/__init__.pyi": "NAME: str\n",
        "shop/tool": "#!/bin/sh\n",
        "shop/logo.png": "png",
    },
    "till": {"till.py": "OPEN = True\n"},
}


@pytest.fixture
def wheel(tmp_path) -> MakeWheel:
    """Writes a wheel; `mode` is that of every file but logos, as wheels of some projects have it."""

    def wheel(name: str, files: dict[str, str | bytes], *, folder: str = "wheels", **how) -> Distribution:
        return write_wheel(tmp_path / folder, name, files, **how)

    return wheel


@pytest.fixture
def build(wheel, console):
    """Packs the wheels of shop and till, or what is given in place of its parts."""

    def build(*wheels: Distribution, prefix="python/", compiler=COMPILER) -> tuple[Entry, ...]:
        wheels = wheels or tuple(wheel(name, files, mode=0o755) for name, files in FILES.items())
        return layer.build(wheels, prefix, compiler, console)

    return build


def fragments(own_cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (own_cache / "fragments").iterdir()}


def test_what_runs_is_packed_under_the_prefix_with_its_bytecode_sorted_by_name(build):
    assert [entry.name for entry in build()] == [
        bytecode.cache_path("python/till.py", pythons.RUNNING),
        "python/shop-1.0.dist-info/METADATA",
        "python/shop/__init__.py",
        CACHED,
        "python/shop/logo.png",
        "python/shop/tool",
        "python/till-1.0.dist-info/METADATA",
        "python/till.py",
    ]


def test_programs_stay_executable_and_modules_never_are(build):
    executable = [entry.name for entry in build() if entry.executable]
    assert "python/shop/tool" in executable
    assert not any(name.endswith((".py", ".pyc")) for name in executable)


def test_without_a_compiler_there_is_no_bytecode(build):
    assert not any(entry.name.endswith(".pyc") for entry in build(compiler=None))


def test_what_a_wheel_has_deflated_is_copied_as_it_is(build, wheel):
    shop = wheel("shop", {"shop.py": "A = 1\n" * 100}, level=1)
    theirs = {entry.name: bytes(entry.data) for entry in archive.find(shop.wheel)}
    ours = {entry.name: bytes(entry.data) for entry in build(shop, compiler=None)}
    assert ours["python/shop.py"] == theirs["shop.py"]
    assert len(theirs["shop.py"]) > len(zlib.compress(b"A = 1\n" * 100, 9)) - 6


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_wheel_that_is_compressed_in_another_way_or_not_at_all_is_deflated(build, wheel, method):
    shop = wheel("shop", {"shop.py": "A = 1\n" * 100, "shop.png": b"\0" * 100}, method=method)
    deflated = wheel("shop", {"shop.py": "A = 1\n" * 100, "shop.png": b"\0" * 100}, folder="deflated")
    packed = {entry.name: entry for entry in build(shop, compiler=None)}
    assert packed["python/shop.py"].deflated
    assert archive.inflate(packed["python/shop.py"]) == b"A = 1\n" * 100
    assert set(packed) == {entry.name for entry in build(deflated, compiler=None)}


def test_the_second_time_nothing_is_packed_again(build, own_cache, story):
    first = build()
    written = fragments(own_cache)
    story.truncate(0)
    assert build() == first
    assert fragments(own_cache) == written
    assert story.getvalue() == ""


def test_another_version_of_one_package_packs_that_one_again(build, wheel, own_cache):
    shop, till = (wheel(name, files) for name, files in FILES.items())
    build(shop, till)
    before = fragments(own_cache)
    build(shop, wheel("till", {"till.py": "OPEN = False\n"}, version="1.1"))
    after = fragments(own_cache)
    assert before.items() < after.items()
    assert len(after) == len(before) + 1


def test_projects_share_what_they_have_in_common(build, wheel, own_cache):
    shop, till = (wheel(name, files) for name, files in FILES.items())
    both = build(shop, till)
    before = fragments(own_cache)
    assert {entry.name for entry in build(till)} < {entry.name for entry in both}
    assert fragments(own_cache) == before


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


def test_a_wheel_that_has_changed_since_it_was_looked_into_is_refused(build, wheel):
    shop = wheel("shop", FILES["shop"])
    shop.wheel.write_bytes(wheel("shop", FILES["till"], folder="other").wheel.read_bytes())
    with pytest.raises(BuildError, match=r"shop-1\.0\S+ cannot be packed: .* not the file that it was"):
        build(shop)


def test_a_file_of_two_distributions_is_packed_once(build, wheel):
    first = wheel("google_a", {"google/__init__.py": "", "google/a.py": ""})
    second = wheel("google_b", {"google/__init__.py": "", "google/b.py": ""})
    names = [entry.name for entry in build(first, second, compiler=None) if "dist-info" not in entry.name]
    assert names == ["python/google/__init__.py", "python/google/a.py", "python/google/b.py"]


def test_the_order_in_which_wheels_were_packed_before_does_not_show(build, wheel, own_cache):
    first = wheel("google_a", {"google/__init__.py": "A = 1\n", "google/a.py": ""})
    second = wheel("google_b", {"google/__init__.py": "B = 1\n", "google/b.py": ""})
    together = build(first, second)
    shutil.rmtree(own_cache)
    build(second)
    assert build(first, second) == together
