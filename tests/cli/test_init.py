"""lambdify init: the file it writes says what was found, and with --all explains everything else."""

import io
import re
import tomllib

import pytest

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.errors import SettingsError
from lambdify.cli.init import init
from lambdify.cli.settings import options

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def console():
    return Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ={})


def test_the_file_loads_to_what_holds_without_it_but_for_what_was_found(project):
    root = project({"app.py": FLASK})
    before = settings.load(root)
    path = init(root, console())
    after = settings.load(root)
    assert (after.app, after.name, after.source) == ("app:app", "shop", path)
    assert (after.function, after.build, after.warm, after.environment) == (
        before.function,
        before.build,
        before.warm,
        before.environment,
    )


def test_every_option_is_there_with_its_default_once_it_is_uncommented(project):
    text = init(project({}), console(), every_option=True).read_text()
    uncommented = tomllib.loads(re.sub(r"(?m)^#(?=\w+ = )", "", text))
    expected = options.defaults() | {"name": "shop"}
    # Tables of the user's own names are shown as examples.
    assert uncommented == without_empty_tables(expected)


def without_empty_tables(values):
    pairs = (
        (key, without_empty_tables(each) if each else each) if isinstance(each, dict) else (key, each)
        for key, each in values.items()
    )
    return {key: each for key, each in pairs if each != {}}


def test_the_examples_in_the_comments_load(project):
    root = project({".env.production": "WORKERS=2\n"})
    text = init(root, console(), every_option=True).read_text()
    (root / "lambdify.toml").write_text(re.sub(r"(?m)^#   ", "", text))
    loaded = settings.load(root, stage="production")
    assert (loaded.region, loaded.function.memory) == ("eu-central-1", 1024)
    assert loaded.environment == {"LOG_LEVEL": "info", "WORKERS": "2"}


def test_what_was_found_stands_with_its_evidence(project):
    text = init(project({"app.py": FLASK}), console()).read_text()
    assert '# Found by app.py:2  app = Flask(__name__)\napp = "app:app"\n' in text


def test_other_apps_are_named_beside_the_chosen_one(project):
    text = init(project({"app.py": FLASK, "other.py": FLASK}), console()).read_text()
    assert '# Also found: other:app\napp = "app:app"\n' in text


def test_without_an_app_the_line_stays_a_comment(project):
    text = init(project({}), console(), every_option=True).read_text()
    assert '#app = ""\n' in text


def test_a_few_lines_are_enough_where_nothing_differs(project):
    text = init(project({"app.py": FLASK}), console()).read_text()
    assert text == (
        "# Settings of lambdify. What is not here is as `lambdify init --all` shows it.\n"
        'name = "shop"\n'
        "# Found by app.py:2  app = Flask(__name__)\n"
        'app = "app:app"\n'
    )


def test_with_every_option_what_was_found_stands_in_its_place(project):
    text = init(project({"app.py": FLASK}), console(), every_option=True).read_text()
    assert '# Found by app.py:2  app = Flask(__name__)\napp = "app:app"\n' in text
    assert (text.index("\napp = "), text.index("#stage = ")) == tuple(
        sorted((text.index("\napp = "), text.index("#stage = ")))
    )


def test_what_is_there_is_not_replaced(project):
    root = project({"lambdify.toml": 'name = "mine"\n'})
    with pytest.raises(SettingsError, match="is there already"):
        init(root, console())
    assert settings.load(root).name == "mine"


def test_what_is_there_is_replaced_when_that_is_asked_for(project):
    root = project({"lambdify.toml": 'name = "mine"\n'})
    init(root, console(), force=True)
    assert settings.load(root).name == "shop"


def test_even_a_file_that_does_not_load_is_replaced_when_that_is_asked_for(project):
    root = project({"lambdify.toml": "name = \n"})
    init(root, console(), force=True)
    assert settings.load(root).name == "shop"


def test_settings_in_pyproject_stay_where_they_are(project):
    root = project({"pyproject.toml": "[tool.lambdify]\n"})
    with pytest.raises(SettingsError) as caught:
        init(root, console(), force=True)
    assert caught.value.hint == "Go on there, under [tool.lambdify]."
    assert not (root / "lambdify.toml").exists()


def test_nothing_half_made_is_left_where_it_cannot_be_written(project):
    root = project({"lambdify.toml/in_the_way": ""})
    with pytest.raises(SettingsError, match=r"lambdify\.toml cannot be written: Is a directory"):
        init(root, console())
    assert [path.name for path in root.iterdir()] == ["lambdify.toml"]
