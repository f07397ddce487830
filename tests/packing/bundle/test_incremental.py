"""After a change in the project, what stayed the same is taken from the last build, and nothing else is."""

import shutil
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing import archive
from lambdify.cli.packing.bundle import bundle as room
from lambdify.cli.packing.bundle import bytecode, zips
from lambdify.cli.packing.bundle.bundle import Bundle

CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
FILES = {
    "app.py": "app = print\n",
    "shop/model.py": "A = 1\n" * 100,
    "shop/page.html": "<p>" * 100,
    "shop/logo.png": "png",
    "broken.py": "{% if %}",
    "keys.py": "KEY = 'AK" + "IAIOSFODNN7ABCDEFG'\n",
}

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(project) -> Path:
    return project(FILES)


@pytest.fixture
def pack(root, tmp_path, console):
    """Packs into the folder of before, or with `fresh` into one where nothing has been."""

    def pack(fresh: str = "", upgrade: bool = False, candidate=CANDIDATE, **build) -> Bundle:
        settings = settings_room.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        return room.pack(settings, candidate, tmp_path / (fresh or "out"), console, upgrade=upgrade)

    return pack


def entries(bundle: Bundle) -> dict[str, archive.Entry]:
    return {entry.name: entry for entry in archive.find(bundle.app.path)}


def mark(bundle: Bundle, *names: str) -> None:
    """Deflate members of the zip at another level: whoever copies them can be told from who makes them."""
    path = bundle.app.path
    with zipfile.ZipFile(path) as read:
        contents = {name: read.read(name) for name in names}
    marked = path.with_suffix(".marked")
    with zipfile.ZipFile(marked, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as write:
        for name, content in contents.items():
            write.writestr(name, content)
    others = [entry for entry in archive.find(path) if entry.name not in names]
    changed = [entry._replace(executable=False) for entry in archive.find(marked)]
    archive.write(path, sorted((*others, *changed), key=lambda entry: entry.name))
    marked.unlink()
    # Only what a build of ours is on record with is taken over.
    zips.record(path.parent.with_name("project"), "dev", path.parent, bundle.archives)


CHANGES = {
    "a line": lambda root: (root / "shop/model.py").write_text("A = 2\n" * 100),
    "a page": lambda root: (root / "shop/page.html").write_text("<b>" * 100),
    "a new file": lambda root: (root / "shop/more.py").write_text("B = 1\n"),
    "a file less": lambda root: (root / "shop/model.py").unlink(),
    "a mode": lambda root: (root / "shop/logo.png").chmod(0o755),
    "a module that compiles now": lambda root: (root / "broken.py").write_text("C = 1\n"),
    "a module that no longer does": lambda root: (root / "shop/model.py").write_text("{% if %}\n"),
    "a secret less": lambda root: (root / "keys.py").write_text("KEY = ''\n"),
    "a module for a folder": lambda root: (
        (root / "shop/model.py").unlink(),
        (root / "shop/model").mkdir(),
        (root / "shop/model/__init__.py").write_text("A = 1\n" * 100),
    ),
    "names exchanged": lambda root: (
        (root / "keys.py").rename(root / "x"),
        (root / "app.py").rename(root / "keys.py"),
        (root / "x").rename(root / "app.py"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_a_change_the_bytes_are_those_of_a_build_from_nothing(pack, root, change):
    first = pack()
    change(root)
    second, fresh = pack(), pack("fresh")
    assert second.app.path.name == fresh.app.path.name != first.app.path.name
    assert second.app.path.read_bytes() == fresh.app.path.read_bytes()
    assert second.leaks == fresh.leaks
    assert second.parts == fresh.parts


@pytest.mark.slow
def test_one_changed_line_makes_one_member_and_its_bytecode_anew(pack, root):
    first = pack()
    mark(first, *(name for name, entry in entries(first).items() if entry.deflated))
    before = entries(first)
    CHANGES["a line"](root)
    after = entries(pack())
    changed = {name for name in after if bytes(after[name].data) != bytes(before[name].data)}
    assert changed == {"shop/model.py", bytecode.cache_path("shop/model.py", settings_room.default_python())}


def test_a_member_is_not_taken_for_the_same_by_its_name_size_and_checksum(pack, root):
    """Two texts of the same length and CRC-32."""
    one, other = b"plumless", b"buckeroo"
    assert (len(one), zlib.crc32(one)) == (len(other), zlib.crc32(other))
    (root / "shop/page.html").write_bytes(one)
    pack()
    (root / "shop/page.html").write_bytes(other)
    with zipfile.ZipFile(pack().app.path) as packed:
        assert packed.read("shop/page.html") == other


@pytest.mark.slow
def test_damaged_bytecode_of_the_last_zip_is_made_again(pack, root):
    first = pack()
    name = bytecode.cache_path("app.py", settings_room.default_python())
    damaged = [
        entry._replace(data=b"\0" * len(entry.data)) if entry.name == name else entry
        for entry in archive.find(first.app.path)
    ]
    archive.write(first.app.path, damaged)
    CHANGES["a line"](root)
    assert bytes(entries(pack())[name].data) == bytes(entries(pack("fresh"))[name].data)


def test_other_settings_start_from_nothing(pack, root):
    assert any(name.endswith(".pyc") for name in entries(pack()))
    CHANGES["a line"](root)
    assert not any(name.endswith(".pyc") for name in entries(pack(bytecode=False)))


@pytest.mark.index
@pytest.mark.slow
class TestDependencies:
    @pytest.fixture
    def root(self, project) -> Path:
        return project({**FILES, "requirements.txt": "itsdangerous==2.2.0\n"})

    @pytest.mark.parametrize("form", ["auto", "zip"])
    def test_after_a_change_in_the_project_they_are_not_asked_for_again(self, pack, root, story, form):
        first = pack(form=form)
        CHANGES["a line"](root)
        story.truncate(0)
        second = pack(form=form)
        assert "Resolve" not in story.getvalue()
        assert second.dependencies == first.dependencies
        assert second.layer == first.layer
        assert second.app.path.read_bytes() == pack("fresh", form=form).app.path.read_bytes()

    def test_with_upgrade_they_are(self, pack, root, story):
        pack()
        story.truncate(0)
        pack(upgrade=True)
        assert "Resolve" in story.getvalue()

    def test_after_a_change_in_their_file_they_are(self, pack, root):
        first = pack()
        (root / "requirements.txt").write_text("itsdangerous==2.1.2\n")
        assert pack().dependencies.key != first.dependencies.key

    def test_an_app_that_has_become_asgi_gets_what_it_needs(self, pack, root):
        pack()
        CHANGES["a line"](root)
        asgi = pack(candidate=replace(CANDIDATE, interface="asgi"))
        assert "mangum" in {each.name for each in asgi.dependencies.distributions}

    def test_where_a_wheel_was_cleared_away_it_comes_back(self, pack, root, own_cache):
        (wheel,) = (each.wheel for each in pack().dependencies.distributions)
        shutil.rmtree(own_cache)
        CHANGES["a line"](root)
        pack()
        assert wheel.is_file()
