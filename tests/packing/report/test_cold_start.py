"""Cold starts that are really measured, on bundles that were really packed."""

import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle as room
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.bundle.sizes import BundlePart
from lambdify.cli.packing.report import cold_start
from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured
from lambdify.cli.packing.target import Target
from lambdify.cli.programs import pythons

CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
APP = "def app(environ, start_response):\n    return []\n"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]


@pytest.fixture
def pack(project, tmp_path, console) -> Callable[..., Bundle]:
    def pack(**files: str) -> Bundle:
        root = project({f"{name}.py": text for name, text in files.items()})
        return room.pack(settings_room.load(root), CANDIDATE, tmp_path / "out", console)

    return pack


@pytest.fixture
def measure(tmp_path) -> Callable[..., ColdStart | NotMeasured]:
    """What Lambda brings along is a module called boto3 here."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "boto3.py").write_text("")

    def measure(bundle: Bundle, environment=None, limit=cold_start.LIMIT) -> ColdStart | NotMeasured:
        python = pythons.find(bundle.target.python)
        return cold_start.measure(bundle, environment or {}, python, runtime, limit=limit)

    return measure


def by_name(start: ColdStart) -> dict[str, cold_start.Imports]:
    return {each.name: each for each in start.imports}


def test_every_import_is_somebodys_and_the_slowest_comes_first(pack, measure):
    start = measure(pack(app=f"import boto3, slow\n{APP}", slow="import time\ntime.sleep(0.4)\n"))
    found = by_name(start)
    assert start.imports[0].name == "the application"
    assert found["the application"].milliseconds >= 400
    assert found["the application"].modules == 2
    assert found["lambdify.adapter"].modules > 5
    assert found[cold_start.RUNTIME].modules == 1
    assert found[cold_start.STANDARD_LIBRARY].modules > 20
    assert sum(each.milliseconds for each in start.imports) == pytest.approx(start.milliseconds)
    assert sum(each.modules for each in start.imports) == start.modules


def test_a_module_that_is_imported_by_name_at_run_time_counts_as_its_own(pack, measure):
    app = (
        f"import importlib\nimportlib.import_module('slow')\nimportlib.import_module('.slow', 'json')\n{APP}"
    )
    refused = measure(pack(app=app, slow=""))
    assert refused.reason.endswith("No module named 'json.slow'")
    start = measure(pack(app=app.replace("'.slow'", "'.tool'"), slow="import time\ntime.sleep(0.4)\n"))
    assert by_name(start)["the application"].modules == 2
    assert by_name(start)["the application"].milliseconds >= 400


def test_what_the_app_itself_imports_is_told_from_what_others_import(pack, measure):
    found = by_name(measure(pack(app=f"import slow\n{APP}", slow="")))
    assert found["the application"].asked_for
    assert not found["lambdify.adapter"].asked_for
    assert by_name(measure(pack(app=f"import boto3\n{APP}")))[cold_start.RUNTIME].asked_for


def test_the_app_has_its_variables_and_none_of_the_developers(pack, measure, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the developer's")
    app = "import os\nraise ValueError(os.environ['SITE'], 'AWS_SECRET_ACCESS_KEY' in os.environ)\n"
    found = measure(pack(app=app), {"SITE": "a shop"})
    assert found == NotMeasured(reason="the app did not start here: ValueError: ('a shop', False)")


def test_it_imports_nothing_that_only_this_machine_has(pack, measure):
    # The import is in a function: otherwise it would be refused before anything is packed.
    late = f"def load():\n    import pytest\n[load() for _ in range(1)]\n{APP}"
    assert measure(pack(app=late)).reason.endswith("No module named 'pytest'")


def test_an_app_that_talks_and_leaves_a_thread_is_measured_all_the_same(pack, measure):
    app = (
        "import sys, threading, time\n"
        "print('import time: 5 | 5 | nothing')\n"
        "sys.stderr.write('hello\\n')\n"
        f"threading.Thread(target=time.sleep, args=(600,)).start()\n{APP}"
    )
    assert "the application" in by_name(measure(pack(app=app)))


def test_an_app_that_ends_the_process_is_not_measured(pack, measure):
    found = measure(pack(app="import os\nos._exit(0)\n"))
    assert found == NotMeasured(reason="the app did not start here: it ended with 0 and said nothing")


def test_an_app_that_waits_for_ever_at_its_import_is_not_waited_for(pack, measure):
    found = measure(pack(app="import time\ntime.sleep(600)\n"), limit=1)
    assert found == NotMeasured(reason="the app had not started here after 1 seconds")


def test_native_code_for_another_cpu_is_not_measured_and_pure_code_is(pack, measure):
    other = "x86_64" if platform.machine() == "aarch64" else "arm64"
    foreign = replace(
        pack(app=APP), target=Target(python="{}.{}".format(*sys.version_info), architecture=other)
    )
    assert isinstance(measure(foreign), ColdStart)
    native = BundlePart(name="numpy 2", zipped=1, unzipped=1, files=1, kinds={"native": 1})
    found = measure(replace(foreign, parts=(*foreign.parts, native)))
    assert found.reason.startswith(
        f"the bundle's native code is for Linux on {foreign.target.machine}, and this"
    )


def test_nothing_is_left_behind(pack, measure, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    bundle = pack(app=APP)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    measure(bundle)
    assert list(temporary.iterdir()) == []
    assert not list(Path(bundle.app.path.parent).glob("**/__pycache__"))
