"""An app that is as it was is not examined again; whatever a finding may come of makes it read again."""

import io
import os

import pytest
from check.projects import FLASK, django

from lambdify.cli import settings
from lambdify.cli.check import examination, notice
from lambdify.cli.console import Console
from lambdify.cli.detection import choice

WRITES = FLASK + "open('x', 'w')\n"
AGAIN = "  Of app:app, 1 thing will fail on Lambda, as before: `lambdify check dev` says what.\n"


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))


@pytest.fixture
def tell():
    """`tell(root)`: what is said of the project in this folder, and how often it was examined for that."""

    def tell(root, **overrides):
        said, counted = io.StringIO(), []

        def examine(chosen, app):
            counted.append(app.app)
            return examination.examine(chosen, app)

        chosen = settings.load(root, overrides={"name": "shop", **overrides})
        app = choice.choose_app(chosen, Console(quiet=True))
        notice.tell(chosen, app, Console(stderr=said, stdout=io.StringIO(), environ={}), examine)
        return said.getvalue(), len(counted)

    return tell


@pytest.mark.parametrize(
    ("files", "again"),
    [
        ({"app.py": WRITES}, AGAIN),
        ({"app.py": FLASK}, ""),
        ({"app.py": FLASK + "import threading\nthreading.Thread()\n", "shop/books.py": ""}, ""),
        ({**django("DEBUG = True\n"), "static/x.css": ""}, ""),
    ],
    ids=["fails", "nothing", "surprises", "django"],
)
def test_what_is_unchanged_is_not_read(project, tell, files, again):
    root = project(files)
    assert tell(root)[1] == 1
    assert tell(root) == (again, 0)
    assert tell(root) == (again, 0)


def replace_in_place(root):
    """Another text of the same length, with the time that the file had."""
    before = (root / "app.py").stat()
    (root / "app.py").write_text(WRITES.replace("'x'", "'y'"))
    os.utime(root / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = [
    lambda root: (root / "app.py").write_text(WRITES + "\n"),
    replace_in_place,
    lambda root: (root / "shop" / "new.py").write_text(""),
    lambda root: (root / "shop" / "books.py").unlink(),
    lambda root: (root / "shop" / "deep" / "far").mkdir(parents=True),
    lambda root: (root / "Dockerfile").write_text("FROM python:3.12\n"),
    lambda root: (root / "Procfile").write_text("web: gunicorn --timeout 90 app:app\n"),
    lambda root: (root / "static" / "staticfiles.json").write_text("{}"),
    lambda root: (root / "lambdify.toml").write_text("[environment]\nKEY = '1'\n"),
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_what_has_changed_is_read(project, tell, change):
    files = {"app.py": WRITES, "shop/books.py": "", "Procfile": "web: gunicorn app:app\n", "static/x.css": ""}
    root = project(files)
    tell(root)
    change(root)
    assert tell(root)[1] == 1
    assert tell(root)[1] == 0


def test_other_settings_are_read_for(project, tell):
    root = project({"app.py": FLASK + "import os\nos.environ['KEY']\n"})
    tell(root)
    assert tell(root, environment={"KEY": "1"}) == ("", 1)


def test_a_value_of_the_settings_is_in_no_record(project, tell):
    root = project({"app.py": WRITES})
    tell(root, environment={"KEY": "hunter2"})
    assert "hunter2" not in (root / ".lambdify" / "checked" / "dev.json").read_text()


def test_a_file_of_a_shared_folder_is_seen(project, tell):
    root = project({"app.py": WRITES, "real/books.py": ""})
    (root / "linked").symlink_to("real")
    tell(root)
    (root / "real" / "books.py").write_text("import threading\n")
    assert tell(root)[1] == 1


def test_where_nothing_can_be_kept_it_is_read_each_time(project, tell, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_HOME", "/proc/none")
    root = project({"app.py": WRITES})
    assert [tell(root)[1], tell(root)[1]] == [1, 1]
