"""What is how heavy."""

from lambdify.cli.build import archive, weight
from lambdify.cli.build.archive import Member


def test_every_byte_belongs_to_a_distribution_and_is_of_one_kind():
    owned = {"python/shop.py": "shop 1", "python/shop.so.2": "shop 1", "python/shop.json": "shop 1"}
    layer = [
        Member("python/shop.py", b"1"),
        Member("python/__pycache__/shop.cpython-313.pyc", b"22"),
        Member("python/shop.so.2", b"333"),
        Member("python/shop.json", b"4444"),
    ]
    app = [Member("app.py", b"55555"), Member("lambdify/adapter/entry.py", b"666666")]
    parts = weight.parts([(archive.deflate(layer), owned), (archive.deflate(app), {})])
    assert [(part.name, dict(part.kinds)) for part in parts] == [
        ("shop 1", {"python": 1, "bytecode": 2, "native": 3, "data": 4}),
        ("lambdify.adapter", {"python": 6}),
        ("the application", {"python": 5}),
    ]
    assert all(sum(part.kinds.values()) == part.unzipped for part in parts)
