"""A SQLite file that an app falls back to when something failed: good to know, and no surprise."""

import pytest
from check.projects import FLASK

FAILS = "try:\n    {}\nexcept {}:\n    {}\n"
CONFIG = "app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///' + os.path.join(base, 'db.sqlite3')"
KEY = "import os\n" + FAILS.format("URL = os.environ['DB']", "KeyError", "URL = 'sqlite:///x.db'")


@pytest.mark.parametrize(
    "code",
    [
        FAILS.format("db.create_all()", "Exception as error", CONFIG),
        FAILS.format("ask()", "Exception", "if True:\n        " + CONFIG),
        FAILS.format("engine = create_engine(URL)", "ValueError", "engine = create_engine('sqlite:///x.db')"),
        KEY,
    ],
    ids=range(4),
)
def test_a_fallback_is_a_note(found, code):
    said = [each.rpartition(" ")[0] for each in found({"app.py": FLASK + code})]
    assert [each for each in said if "sqlite" in each] == ["note sqlite"]


def test_what_it_depends_on_is_named(examined):
    (finding,) = (each for each in examined({"app.py": FLASK + KEY}).findings if each.rule == "sqlite")
    assert finding.what == "URL is a SQLite file unless DB is set"


def test_what_it_depends_on_may_be_given(examined):
    assert examined({"app.py": FLASK + KEY}, {"environment": {"DB": "postgresql://db/shop"}}).findings == ()


def test_what_is_tried_first_is_no_fallback(found):
    code = FAILS.format("URL = 'sqlite:///x.db'", "Exception", "URL = ''")
    assert found({"app.py": FLASK + code}) == ["surprises sqlite app.py:4"]


@pytest.mark.parametrize("error", ["KeyError", "(KeyError, ValueError)", "LookupError"])
def test_a_variable_whose_absence_is_caught_is_not_missing(found, error):
    code = "import os\n" + FAILS.format("KEY = os.environ['KEY']", error, "KEY = ''")
    assert found({"app.py": FLASK + code}) == []


@pytest.mark.parametrize(
    ("error", "answer"),
    [("ValueError", "KEY = ''"), ("KeyError", "raise RuntimeError('KEY')"), ("KeyError", "exit('KEY')")],
)
def test_a_variable_that_the_app_cannot_do_without_is_missing(found, error, answer):
    code = "import os\n" + FAILS.format("KEY = os.environ['KEY']", error, answer)
    assert found({"app.py": FLASK + code}) == ["stops variables app.py:5"]
