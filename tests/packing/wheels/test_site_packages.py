"""What a wheel puts into site-packages."""

import shutil
import zipfile
from pathlib import Path

import markupsafe._speedups
import pytest
from packing.wheel_files import read, write_wheel

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.elf import parse_elf

pytestmark = pytest.mark.usefixtures("own_cache")

LAYOUT = {
    "shop/__init__.py": "A = 1\n",
    "shop-1.0.data/purelib/pure.py": "",
    "shop-1.0.data/platlib/plat.py": "",
    "shop-1.0.data/data/share/shop/x.txt": "",
    "shop-1.0.data/scripts/shop": "#!python\n",
    "shop-1.0.data/headers/shop.h": "",
}


def test_the_folders_of_data_are_spread_as_an_installer_does(tmp_path):
    assert write_wheel(tmp_path, "shop", LAYOUT).files == (
        "plat.py",
        "pure.py",
        "share/shop/x.txt",
        "shop-1.0.dist-info/METADATA",
        "shop-1.0.dist-info/WHEEL",
        "shop/__init__.py",
    )


def test_it_is_what_uv_installs(tmp_path, installed_by_uv):
    shop = write_wheel(tmp_path, "shop", LAYOUT)
    for name in shop.files:
        packed = archive.inflate(site_packages.entries(shop)[name])
        assert (installed_by_uv(shop.wheel) / name).read_bytes() == packed


def test_names_and_versions_are_those_of_the_wheel(tmp_path):
    shop = write_wheel(tmp_path, "Web_Shop", {"shop.py": ""}, version="2.0rc1")
    assert (shop.name, shop.version) == ("Web_Shop", "2.0rc1")


def test_native_files_are_read_and_others_of_such_names_are_not(tmp_path):
    real = Path(markupsafe._speedups.__file__).read_bytes()
    found = read(write_wheel(tmp_path, "shop", {"a.so": real, "script.so": "INPUT(x)", "b.py": ""}).wheel)
    assert found.natives == {"a.so": parse_elf(real)}


def test_what_was_found_out_is_known_the_next_time_wherever_the_wheel_lies(tmp_path, own_cache):
    first = write_wheel(tmp_path, "shop", {"a.py": ""})
    (kept,) = (own_cache / "contents").iterdir()
    written = kept.stat().st_mtime_ns
    (tmp_path / "other").mkdir()
    other = Path(shutil.copy(first.wheel, tmp_path / "other"))
    assert read(other).distribution.wheel == other
    assert read(other).distribution.key == first.key
    assert kept.stat().st_mtime_ns == written


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"distribution": 1, "natives": {}}'])
def test_a_broken_note_is_made_again(tmp_path, own_cache, text):
    shop = write_wheel(tmp_path, "shop", {"a.py": ""})
    (kept,) = (own_cache / "contents").iterdir()
    good = kept.read_text()
    kept.write_text(text)
    assert read(shop.wheel).distribution == shop
    assert kept.read_text() == good


def test_the_key_is_that_of_names_versions_and_contents_not_of_the_zip(tmp_path):
    keys = [
        write_wheel(tmp_path / str(number), "shop", files, **how).key
        for number, (files, how) in enumerate(
            [
                ({"a.py": "A = 1\n", "b.py": ""}, {}),
                ({"b.py": "", "a.py": "A = 1\n"}, {"level": 1}),
                ({"a.py": "A = 1\n", "b.py": ""}, {"method": zipfile.ZIP_STORED, "mode": 0o600}),
                ({"a.py": "A = 2\n", "b.py": ""}, {}),
                ({"a.py": "A = 1\n", "c.py": ""}, {}),
                ({"a.py": "A = 1\n", "b.py": ""}, {"mode": 0o755}),
            ]
        )
    ]
    assert len(set(keys[:3])) == 1
    assert len(set(keys[2:])) == 4


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a/../../b.py", "C:/a.py", "a\\..\\b.py"])
def test_a_file_that_would_lie_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(BuildError, match="would lie outside of site-packages"):
        write_wheel(tmp_path, "shop", {name: ""})


def test_a_zip_that_is_no_wheel_is_refused(tmp_path):
    (tmp_path / "x.whl").write_bytes(b"PK")
    with pytest.raises(BuildError, match=r"x\.whl cannot be packed: it is not there, no zip"):
        read(tmp_path / "x.whl")
    with zipfile.ZipFile(tmp_path / "y.whl", "w") as wheel:
        wheel.writestr("a.py", "")
    with pytest.raises(BuildError, match=r"y\.whl cannot be packed: it has no \.dist-info folder"):
        read(tmp_path / "y.whl")


@pytest.fixture
def installed_by_uv(tmp_path):
    from lambdify.cli.packing.resolution.uv import PYTHON, run_uv

    def install(wheel: Path) -> Path:
        tree = tmp_path / "tree"
        done = run_uv(
            ["pip", "install", "--target", str(tree), "--no-deps", *PYTHON, str(wheel)], cwd=tmp_path
        )
        assert done.succeeded, done.errors
        return tree

    return install
