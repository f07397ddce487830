"""What a deployment says of the app before it asks: once, and again when there is something new."""

import io

import pytest
from check.projects import FLASK

from lambdify.cli import settings
from lambdify.cli.check import notice
from lambdify.cli.console import Console
from lambdify.cli.detection import choice

WRITES = FLASK + "open('x', 'w')\n"


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))


def told(root, *, stage=None, **flags):
    """What is said of the project in this folder."""
    said = io.StringIO()
    chosen = settings.load(root, stage=stage, overrides={"name": "shop"})
    app = choice.choose_app(chosen, Console(quiet=True))
    notice.tell(chosen, app, Console(stderr=said, stdout=io.StringIO(), environ={}, **flags))
    return said.getvalue()


def test_it_is_said_once(project, golden):
    root = project({"app.py": WRITES + "import threading\nthreading.Thread()\n"})
    golden("notice.txt", told(root))
    again = told(root)
    assert again == (
        "  Of app:app, 1 thing will fail and 1 will surprise on Lambda, as before: "
        "`lambdify check dev` says what.\n"
    )


def test_what_only_surprises_is_not_said_again(project):
    root = project({"app.py": FLASK + "import threading\nthreading.Thread()\n"})
    assert "threads" in told(root)
    assert told(root) == ""


def test_a_line_that_moves_is_nothing_new_and_a_finding_is(project):
    root = project({"app.py": FLASK + "import threading\nthreading.Thread()\n"})
    told(root)
    (root / "app.py").write_text("\n\n" + (root / "app.py").read_text())
    assert told(root) == ""
    (root / "app.py").write_text(WRITES)
    assert "files" in told(root)


def test_each_stage_is_told(project):
    root = project({"app.py": WRITES})
    assert "warning" in told(root)
    assert "warning" in told(root, stage="production")


def test_what_is_good_to_know_is_not_said(project):
    root = project({"app.py": FLASK + "from celery import Celery\nCelery('shop')\n"})
    assert told(root) == ""
    assert told(root) == ""


def test_what_was_ignored_is_not_said(project):
    root = project({"app.py": WRITES, "lambdify.toml": '[check]\nignore = ["files"]\n'})
    assert told(root) == ""


def test_quiet_leaves_one_warning(project):
    assert told(project({"app.py": WRITES}), quiet=True).splitlines() == [
        "warning: Of app:app, 1 thing will fail on Lambda. `lambdify check dev` says more."
    ]


@pytest.mark.parametrize("text", ["", "{}", '{"seal": "x", "told": []}', "\x00"])
def test_a_record_of_somebody_else_is_no_reason_to_be_silent(project, text):
    root = project({"app.py": WRITES})
    told(root)
    record = root / ".lambdify" / "checked" / "dev.json"
    assert record.is_file()
    record.write_text(text)
    assert "warning" in told(root)
