"""An unchanged project gets the bundle of the last time, without work; one that changed never does."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.package import package
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.bundle import build_cache
from lambdify.cli.packing.bundle import bundle as room
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.packing.wheels.distributions import Distribution

CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
FILES = {
    "app.py": "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n",
    "shop/model.py": "A = 1\n",
    "shop/data/empty.txt": "",
    "tests/test_shop.py": "",
    "env/pyvenv.cfg": "",
    "Procfile": "web: gunicorn app:app\n",
    "debug.log": "",
    ".env": "PASSWORD=swordfish\n",
    ".lambdifyignore": "tests/\n",
}

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.slow]


@pytest.fixture
def root(project) -> Path:
    folder = project(FILES)
    (folder / "link.py").symlink_to("shop/model.py")
    return folder


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def pack(root, out, console):
    return lambda: room.pack(settings_room.load(root), CANDIDATE, out, console)


@pytest.fixture
def find(root, out, console):
    def find(**overrides):
        named = {name.replace("__", "."): value for name, value in overrides.items()}
        return room.find(settings_room.load(root, overrides=named), out, console)

    return find


def notes(root: Path) -> list[Path]:
    return sorted((root / ".lambdify" / build_cache.FOLDER).iterdir())


# -------------------------------------------------------------------- the same


def test_before_the_first_build_there_is_nothing(find):
    assert find() is None


def test_an_unchanged_project_has_the_same_bundle_and_the_run_says_so(pack, find, story):
    packed = pack()
    assert find() == packed
    assert "Nothing has changed since this was packed." in story.getvalue()


def test_all_of_a_bundle_comes_back(root, out, pack, console):
    packed = pack()
    flask = Distribution(
        name="Flask",
        version="3.0",
        files=("flask/__init__.py", "flask/é.py"),
        key="ab",
        wheel=root / "flask.whl",
        sha256="cd",
    )
    whole = replace(
        packed,
        layer=packed.app,
        dependencies=replace(packed.dependencies, distributions=(flask,), notes=("older",)),
    )
    settings = settings_room.load(root)
    selection = room.files.scan(root)
    contents = {file.name: file.path.read_bytes() for file in selection.files}
    build_cache.store(settings, out, build_cache.start(root), selection, contents, whole.dependencies, whole)
    assert build_cache.find(settings, out, room.Bundle) == whole


UNIMPORTANT = {
    "a log": lambda root: (root / "debug.log").write_text("more"),
    "a secret's content": lambda root: (root / ".env").write_text("PASSWORD=other\n"),
    "Python's leftovers": lambda root: (root / "env/lib").mkdir(),
    "a file in a folder that is ignored": lambda root: (root / "tests/more.py").write_text(""),
    "our own folder": lambda root: (root / ".lambdify/build").mkdir(),
}


@pytest.mark.parametrize("change", UNIMPORTANT.values(), ids=UNIMPORTANT)
def test_what_is_not_packed_is_no_change(root, pack, find, change):
    packed = pack()
    change(root)
    assert find() == packed


def test_more_memory_is_for_the_function_and_another_region_is_not_for_the_bundle(pack, find):
    packed = pack()
    assert find(region="eu-west-1", logs__retention=30) == packed


# -------------------------------------------------------------------- not the same


def swap(root: Path) -> None:
    """Another content of the same size, and the date of before."""
    path = root / "shop/model.py"
    before = path.stat()
    path.write_text("A = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def retarget(root: Path) -> None:
    (root / "link.py").unlink()
    (root / "link.py").symlink_to("app.py")


CHANGES = {
    "a line": lambda root: (root / "app.py").write_text(FILES["app.py"] + "\n"),
    "a line, dated as before": swap,
    "the mode": lambda root: (root / "app.py").chmod(0o755),
    "a new file": lambda root: (root / "shop/new.py").write_text(""),
    "a file that is gone": lambda root: (root / "shop/data/empty.txt").unlink(),
    "another name": lambda root: (root / "shop/model.py").rename(root / "shop/models.py"),
    "a new folder": lambda root: (root / "shop/new").mkdir(),
    "a folder in place of a file": lambda root: ((root / "debug.log").unlink(), (root / "debug.log").mkdir()),
    "a link to something else": retarget,
    "no longer an environment": lambda root: (root / "env/pyvenv.cfg").unlink(),
    "a new secret, which is listed": lambda root: (root / "server.key").write_text(""),
    "what is ignored": lambda root: (root / ".lambdifyignore").write_text("tests/\nshop/\n"),
    "how the app is started": lambda root: (root / "Procfile").write_text("web: gunicorn shop:app\n"),
    "requirements": lambda root: (root / "requirements.txt").write_text(""),
    "settings of uv above the project": lambda root: (root.parent / "uv.toml").write_text(""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen(root, pack, find, change):
    pack()
    change(root)
    assert find() is None


@pytest.mark.parametrize(
    "other",
    [
        {"app": "shop:app"},
        {"function__python": "3.12"},
        {"function__architecture": "arm64"},
        {"function__on_event": "shop.model:A"},
        {"http__show_errors": True},
        {"secrets": {"KEY": "ssm:/shop/key"}},
        {"functions": {"work": {"handler": "shop.model:A"}}},
        {"tasks__workers": 2},
        {"build__form": "zip"},
        {"build__exclude": ["*.txt"]},
    ],
    ids=str,
)
def test_other_settings_have_a_bundle_of_their_own(pack, find, other):
    pack()
    assert find(**other) is None


def test_another_environment_of_uv_is_a_change(pack, find, monkeypatch):
    pack()
    monkeypatch.setenv("UV_INDEX_STRATEGY", "first-index")
    assert find() is None


def test_a_zip_that_is_gone_or_cut_off_is_made_again(pack, find):
    path = pack().app.path
    path.write_bytes(path.read_bytes()[:-1])
    assert find() is None
    path.unlink()
    assert find() is None


def test_a_file_as_young_as_the_build_is_asked_for_its_content(root):
    # Two changes within one tick of the clock leave the same stamp; only the content tells them apart.
    path = root / "app.py"
    known = fingerprint.stamp(path.stat())
    right = fingerprint.digest(path)
    now = Fingerprint(root=str(root), files={str(path): known}, folders={}, young={str(path): right})
    assert now.is_unchanged()
    assert not replace(now, young={str(path): "0" * 64}).is_unchanged()


def test_young_files_are_read_until_they_are_old_enough(root):
    path = root / "app.py"
    known = fingerprint.stamp(path.stat())
    taken = Fingerprint(root=str(root), files={str(path): known}, folders={}, young={str(path): "digest"})
    last = max(known.modified, known.changed)
    assert taken.as_of(last + fingerprint.CLOCK_TICK).young == {str(path): "digest"}
    assert taken.as_of(last + fingerprint.CLOCK_TICK + 1).young == {}


# -------------------------------------------------------------------- when in doubt


def broken(content: dict) -> list[object]:
    """A note as nobody writes it: no JSON, not ours, or with values of other types."""
    result, note = content["result"], content["note"]
    return [
        "",
        [],
        {"note": note},
        {"note": note | {"format": 0}, "result": result},
        {"note": note | {"more": 1}, "result": result},
        {"note": note | {"project": note["project"] | {"files": {"app.py": [1, 2]}}}, "result": result},
        {"note": note, "result": result | {"app": {"path": "/"}}},
        {"note": note, "result": result | {"parts": None}},
        {"note": note, "result": result | {"app": result["app"] | {"files": "many"}}},
    ]


def test_a_broken_note_is_as_good_as_none(root, pack, find):
    pack()
    (file,) = notes(root)
    whole = json.loads(file.read_text())
    for content in broken(whole):
        file.write_text(json.dumps(content))
        assert find() is None, content
    file.write_text(json.dumps(whole))
    assert find() is not None
    file.write_bytes(file.read_bytes()[:100])
    assert find() is None


def test_another_lambdify_packs_again(root, pack, find):
    pack()
    (file,) = notes(root)
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"note": content["note"] | {"itself": "0" * 64}}))
    assert find() is None


# -------------------------------------------------------------------- what it costs


@pytest.mark.slow
def test_an_unchanged_project_costs_no_process_and_no_library(root, costs_of):
    assert "packaging" in costs_of(root), "the first run does import what the second one must not"
    assert costs_of(root) == "[] []\n"


def test_package_packs_once_and_with_upgrade_again(root, console, story):
    settings = settings_room.load(root)
    first = package(settings, None, console)
    assert package(settings, None, console) == first
    assert story.getvalue().count("Nothing has changed") == 1
    assert package(settings, None, console, upgrade=True) == first
    assert story.getvalue().count("Nothing has changed") == 1
