"""What a person and a program are shown of an examination."""

from check.projects import FLASK, WSGI

from lambdify.cli.check import examination, report
from lambdify.cli.check.rules import finding
from lambdify.cli.check.start import Start

STARTED = """\
SECRET_KEY = "django-insecure-1"
DEBUG = True
ALLOWED_HOSTS = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""
"""The lines of `django-admin startproject` that matter."""


def text(lines):
    return "".join(f"{line.text}\n" for line in lines)


def test_a_new_django_project_reads_like_this(examined, golden):
    found = examined({"shop/wsgi.py": WSGI, "shop/settings.py": STARTED})
    golden("startproject.txt", text(report.show(found)))


def test_many_findings_of_a_rule_are_a_few_lines_and_a_number(examined, golden):
    writes = "".join(f"def save_{number}():\n    open('{number}.txt', 'w')\n" for number in range(17))
    asked = "import os\n" + "".join(f"{name} = os.environ['{name}']\n" for name in ("API_KEY", "HOST"))
    found = examined({"app.py": FLASK + asked + writes})
    assert len(found.findings) == 19
    golden("many.txt", text(report.show(found)))


def test_an_app_without_a_finding_says_so(examined):
    assert text(report.show(examined({"app.py": FLASK}))) == "Nothing found; 1 file of app:app read\n"


def test_a_program_is_told_everything(examined):
    found = examined({"app.py": FLASK + "import os\nKEY = os.environ['KEY']\nopen('x', 'w')\n"})
    value = report.to_value(found)
    assert (value["app"], value["files"], value["ignored"]) == ("app:app", 1, 0)
    files, variables = value["findings"]
    assert files == {
        "rule": "files",
        "level": "stops",
        "file": "app.py",
        "line": 5,
        "what": "writes 'x' while the app starts",
        "why": finding.find("files").why,
        "todo": finding.find("files").todo,
    }
    assert variables["todo"].startswith('[environment] KEY = "..."')


def test_levels_come_in_their_order_and_rules_together(examined):
    found = examined(
        {"app.py": FLASK + "open('x', 'w')\napp.secret_key = 'x'\nimport redis\nredis.Redis()\n"}
    )
    assert [each.level for each in found.findings] == ["stops", "surprises", "surprises"]
    assert found.count("stops", "surprises") == 3


def test_the_same_place_is_said_once(examined):
    code = "from sqlalchemy import create_engine\nDATABASE_URL = 'sqlite:///x.db'\n"
    found = examined({"app.py": FLASK + code})
    assert len(set(found.findings)) == len(found.findings) == 1


def test_an_unreadable_file_is_passed_over(examined):
    found = examined({"app.py": FLASK + "import broken\n", "broken.py": "\x00"})
    assert isinstance(found, examination.Examination)
    assert found.findings == ()


def test_an_app_that_cannot_start_comes_first(examined, golden):
    found = examined(
        {"app.py": FLASK + "import os\nKEY = os.environ['API_KEY']\nimport redis\nredis.Redis()\n"}
    )
    failed = Start(
        kind="fails",
        message="The app cannot start: KeyError: 'API_KEY'",
        hint='[environment] API_KEY = "..."',
        lines=("app.py:4 in <module>: KEY = os.environ['API_KEY']",),
    )
    golden("start-fails.txt", text(report.show(found, failed)))
    assert report.to_value(found, failed)["start"]["kind"] == "fails"


def test_an_app_whose_start_is_not_known_says_why(examined):
    untold = Start(kind="untold", message="this machine has no Python 3.12")
    assert text(report.show(examined({"app.py": FLASK}), untold)) == (
        "note       start  whether it starts cannot be told here: this machine has no Python 3.12\n"
        "Nothing found; 1 file of app:app read\n"
    )
