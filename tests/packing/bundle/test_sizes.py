"""What is how heavy."""

from pathlib import Path

import pytest

from lambdify.cli.errors import BundleRefused
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import sizes
from lambdify.cli.packing.bundle.files import ProjectFile
from lambdify.cli.packing.fingerprint import Stamp


def test_every_byte_belongs_to_a_distribution_and_is_of_one_kind():
    owned = {"python/shop.py": "shop 1", "python/shop.so.2": "shop 1", "python/shop.json": "shop 1"}
    layer = [
        Member("python/shop.py", b"1"),
        Member("python/__pycache__/shop.cpython-313.pyc", b"22"),
        Member("python/shop.so.2", b"333"),
        Member("python/shop.json", b"4444"),
    ]
    app = [Member("app.py", b"55555"), Member("lambdify/adapter/entry.py", b"666666")]
    parts = sizes.parts([(archive.deflate(layer), owned), (archive.deflate(app), {})])
    assert [(part.name, dict(part.kinds)) for part in parts] == [
        ("shop 1", {"python": 1, "bytecode": 2, "native": 3, "data": 4}),
        ("lambdify.adapter", {"python": 6}),
        ("the application", {"python": 5}),
    ]
    assert all(sum(part.kinds.values()) == part.unzipped for part in parts)


def test_of_files_that_are_too_much_only_those_are_named_that_matter():
    def file(name: str, length: int) -> ProjectFile:
        stamp = Stamp(size=length, modified=0, changed=0, inode=0)
        return ProjectFile(name=name, path=Path(name), stamp=stamp, executable=False)

    with pytest.raises(BundleRefused, match=r"Largest: big\.bin 300\.0 MiB\.$"):
        sizes.refuse_files([file("app.py", 40), file("big.bin", 300 << 20)], 250 << 20)
    with pytest.raises(BundleRefused, match=r"Largest: 0 1\.0 KiB, 1 1\.0 KiB, "):
        sizes.refuse_files([file(str(number), 1024) for number in range(1000)], 1000)
