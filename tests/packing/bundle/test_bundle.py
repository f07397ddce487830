"""The bundle of a project without dependencies: what is in it, its name, and when it is made again."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.errors import BundleRefused, NameCollision
from lambdify.cli.packing.bundle import app, files
from lambdify.cli.packing.bundle import bundle as room
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.programs import pythons

CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
FILES: dict[str, str | bytes] = {
    "app.py": "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n",
    "templates/page.html": "<p>hello</p>\n",
    "run.sh": "#!/bin/sh\n",
    ".env": "PASSWORD=swordfish\n",
    "debug.log": "",
}
PACK = """\
import hashlib, sys
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.packing.bundle import bundle
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
candidate = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
made = bundle.pack(settings.load(Path(sys.argv[1])), candidate, Path(sys.argv[2]), Console())
print(made.app.path.name, hashlib.sha256(made.app.path.read_bytes()).hexdigest())
"""

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(project) -> Path:
    folder = project(FILES)
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def pack(root, out, console):
    """Packs the project, or what is given in place of its parts."""

    def pack(root=root, candidate=CANDIDATE, out=out, limit=room.sizes.UNZIPPED_LIMIT, **build) -> Bundle:
        settings = settings_room.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        return room.pack(settings, candidate, out, console, limit=limit)

    return pack


def names(bundle: Bundle) -> list[str]:
    with zipfile.ZipFile(bundle.app.path) as read:
        return read.namelist()


def read(bundle: Bundle, name: str) -> bytes:
    with zipfile.ZipFile(bundle.app.path) as packed:
        return packed.read(name)


def test_the_app_zip_holds_the_project_the_adapter_and_what_the_app_is(pack):
    packed = names(pack(bytecode=False))
    assert [name for name in packed if not name.startswith("lambdify/")] == [
        ".lambdify/bundle.json",
        "app.py",
        "run.sh",
        "templates/page.html",
    ]
    assert {"lambdify/adapter/__init__.py", "lambdify/adapter/event_sources/rest.py"} <= set(packed)
    assert "lambdify/__init__.py" not in packed
    assert json.loads(read(pack(bytecode=False), ".lambdify/bundle.json")) == {
        "app": "app:app",
        "concurrency": 7,
    }


def test_the_adapter_is_the_one_that_is_running_byte_for_byte(pack):
    import lambdify.adapter

    folder = Path(lambdify.adapter.__file__).parent
    packed = pack()
    for module in folder.rglob("*.py"):
        assert read(packed, f"lambdify/adapter/{module.relative_to(folder)}") == module.read_bytes()


@pytest.mark.slow
def test_packing_does_not_import_the_adapter(root, out):
    program = f"{PACK}\nprint('lambdify.adapter' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program, root, out], capture_output=True, text=True, check=True
    )
    assert said.stdout.split()[-1] == "False"


def test_without_dependencies_there_is_no_layer(pack):
    made = pack()
    assert made.layer is None
    assert made.archives == (made.app,)


@pytest.mark.slow
def test_every_module_has_bytecode_unless_it_is_not_wanted(pack):
    packed = names(pack())
    modules = [name for name in packed if name.endswith(".py")]
    assert len([name for name in packed if name.endswith(".pyc")]) == len(modules) > 5
    assert not any(name.endswith(".pyc") for name in names(pack(bytecode=False)))


def test_the_app_answers_from_what_was_packed_with_nothing_compiled(pack, call):
    answer = call(pack())
    assert (answer["payload"]["statusCode"], answer["payload"]["body"]) == (200, "hello")
    assert answer["compiled"] == []


def test_without_the_functions_python_bytecode_is_left_out_and_its_cost_told(
    pack, root, story, tmp_path, monkeypatch
):
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    other = "3.13" if pythons.RUNNING != "3.13" else "3.12"
    (root / "lambdify.toml").write_text(f'[function]\npython = "{other}"\n')
    assert not any(name.endswith(".pyc") for name in names(pack()))
    assert f"no Python {other}, and uv could not install it" in story.getvalue()
    assert f"Without Python {other}, bytecode is left out: imports take about three times" in story.getvalue()


def test_the_bundle_says_what_other_events_reach_and_whether_errors_are_shown(pack, project, call):
    jobs = "def work(event, context):\n    return {'did': event['source']}\n"
    text = '[function]\non_event = "jobs:work"\n[http]\nshow_errors = true\n'
    made = pack(project({**FILES, "jobs.py": jobs, "lambdify.toml": text}, "events"))
    assert json.loads(read(made, ".lambdify/bundle.json")) == {
        "app": "app:app",
        "concurrency": 7,
        "on_event": "jobs:work",
        "show_errors": True,
    }
    assert call(made)["payload"]["body"] == "hello"


def test_an_app_in_a_source_folder_is_imported_from_there(pack, project, call):
    root = project({"src/shop/__init__.py": FILES["app.py"]}, "layout")
    made = pack(root, replace(CANDIDATE, app="shop:app", path="src"))
    assert call(made)["payload"]["body"] == "hello"
    assert json.loads(read(made, ".lambdify/bundle.json")) == {
        "app": "shop:app",
        "path": "src",
        "concurrency": 7,
    }
    assert "src/shop/__init__.py" in names(made)


def test_the_archive_says_what_it_is(pack):
    made = pack().app
    assert made.path.name == f"app-{made.digest[:16]}.zip"
    assert made.zipped == made.path.stat().st_size
    with zipfile.ZipFile(made.path) as packed:
        assert made.files == len(packed.namelist())
        assert made.unzipped == sum(info.file_size for info in packed.infolist())


def test_secrets_are_told_and_nowhere_in_the_zip(pack):
    made = pack()
    assert [item.path for item in made.left_out if item.secret] == [".env"]
    assert not any(b"swordfish" in read(made, name) for name in names(made))


def test_a_leak_is_told_and_the_file_is_packed(pack, root):
    (root / "keys.py").write_text("KEY = 'AK" + "IAIOSFODNN7ABCDEFG'\n")
    made = pack()
    assert [(leak.path, leak.line) for leak in made.leaks] == [("keys.py", 1)]
    assert "keys.py" in names(made)


# ---------------------------------------------------------------- its name, and when it is made again


def test_the_second_time_nothing_is_made(pack, out):
    first = pack()
    written = first.app.path.stat()
    second = pack()
    assert second.app == first.app
    assert second.app.path.stat().st_mtime_ns == written.st_mtime_ns
    assert second.app.path.stat().st_ino == written.st_ino


def test_dates_do_not_count(pack, root):
    first = pack().app.digest
    for path in root.rglob("*"):
        os.utime(path, (1, 1))
    assert pack().app.digest == first


def test_one_changed_line_is_another_name(pack, root):
    first = pack().app.digest
    (root / "templates/page.html").write_text("<p>goodbye</p>\n")
    assert pack().app.digest != first


def test_the_executable_bit_counts(pack, root):
    first = pack().app.digest
    (root / "run.sh").chmod(0o644)
    assert pack().app.digest != first


@pytest.mark.slow
def test_what_is_left_out_does_not_count(pack, root):
    first = pack().app.digest
    (root / ".env").write_text("PASSWORD=other\n")
    (root / "lambdify.toml").write_text("[function]\nmemory = 1024\n")
    assert pack().app.digest == first


@pytest.mark.slow
def test_bytecode_and_the_functions_python_count(pack, root):
    digests = {pack().app.digest, pack(bytecode=False).app.digest}
    (root / "lambdify.toml").write_text('[function]\npython = "3.14"\n')
    digests |= {pack(bytecode=False).app.digest}
    assert len(digests) == 3


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_machines_state(root, out, tmp_path):
    """Another umask, other dates, another folder, another order on disk, another hash seed."""
    other = tmp_path / "elsewhere" / "copy"
    other.mkdir(parents=True)
    for name in reversed(FILES):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, other / name)
        os.utime(other / name, (946684800, 946684800))
    (other / "run.sh").chmod(0o700)

    def run(folder: Path, into: Path, *, umask: int, seed: str) -> str:
        command = [sys.executable, "-c", PACK, folder, into]
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            command, capture_output=True, text=True, check=True, umask=umask, env=environ
        ).stdout

    first = run(root, out, umask=0o022, seed="1")
    assert run(other, tmp_path / "second", umask=0o077, seed="2") == first


@pytest.mark.slow
def test_a_broken_zip_of_that_name_is_made_again(pack):
    first = pack()
    good = first.app.path.read_bytes()
    first.app.path.write_bytes(good[:100])
    assert pack().app == first.app
    assert hashlib.sha256(first.app.path.read_bytes()).digest() == hashlib.sha256(good).digest()


# ---------------------------------------------------------------- what is refused, and what is left behind


@pytest.mark.parametrize(
    "name", ["lambdify.py", "lambdify/__init__.py", "lambdify/adapter/x.py", "src/lambdify.py"]
)
def test_a_module_that_would_hide_the_adapter_is_refused(pack, project, name, out):
    root = project({**FILES, name: ""}, "clash")
    with pytest.raises(NameCollision) as refused:
        pack(root, replace(CANDIDATE, path="src" if name.startswith("src") else ""))
    assert refused.value.message.startswith(name.removesuffix("/x.py"))
    assert refused.value.hint
    assert not out.exists()


def test_a_folder_called_lambdify_without_a_module_of_ours_is_fine(pack, project):
    root = project({**FILES, "lambdify/notes.txt": ""}, "namesake")
    assert "lambdify/notes.txt" in names(pack(root))


def test_too_much_for_lambda_is_refused_before_anything_is_written(pack, out):
    with pytest.raises(BundleRefused) as refused:
        pack(limit=2000, form="layer")
    assert "and Lambda takes 2.0 KiB" in refused.value.message
    assert "lambdify.adapter" in refused.value.message
    assert not out.exists()


def test_what_is_too_much_for_zips_becomes_an_image_and_why_is_said(pack, story):
    assert pack(limit=2000).form == "image"
    assert "unpacked, and Lambda takes 2.0 KiB as zips: it becomes a container image" in story.getvalue()


def test_too_large_files_are_refused_by_name_before_they_are_read(pack, root, out):
    with (root / "dump.bin").open("wb") as sparse:
        sparse.truncate(300_000_000)
    with pytest.raises(BundleRefused, match=r"dump\.bin 286\.1 MiB"):
        pack()
    assert not out.exists()


def test_a_file_that_cannot_be_read_is_named(root):
    selection = files.scan(root)
    (root / "app.py").unlink()
    with pytest.raises(BundleRefused, match=r"^app\.py cannot be read"):
        app.members(settings_room.load(root), CANDIDATE, selection.files)


def test_of_the_project_only_lambdifys_own_folder_is_written_which_git_ignores(pack, root):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    pack(out=root / ".lambdify" / "build")
    new = {path.relative_to(root).as_posix() for path in set(root.rglob("*")) - set(before)}
    assert {name for name in new if not name.startswith(".lambdify/")} == {".lambdify"}
    assert (root / ".lambdify/.gitignore").read_text() == "*\n"


def test_zips_written_into_the_project_are_not_packed_by_the_next_run(pack, root):
    first = pack(out=root / "dist")
    assert pack(out=root / "dist").app == first.app


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_made(project, out, tmp_path):
    root = project({"large.bin": random.Random(1).randbytes(10_000_000), "app.py": "app = 1\n"}, "large")
    process = subprocess.Popen(
        [sys.executable, "-c", PACK, root, out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    told = b""
    while b"Packing the application" not in told:
        read = os.read(process.stderr.fileno(), 1000)
        assert read, told
        told += read
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    # On a machine that is busy with other things the zip may have been done by then: whole, under its name.
    left = list(out.iterdir()) if out.exists() else []
    assert left or not (root / ".lambdify").exists() or not list((root / ".lambdify").iterdir())
    assert [zipfile.ZipFile(path).testzip() for path in left] == [None] * len(left)
