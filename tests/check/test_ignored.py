"""[check] ignore: rules, and rules in some files."""

import pytest
from check.projects import FLASK

from lambdify.cli.errors import SettingsError

FILES = {
    "app.py": FLASK + "import shop.mail\nopen('x', 'w')\n",
    "shop/__init__.py": "",
    "shop/mail.py": "import threading\nthreading.Thread()\ndef f():\n    open('y', 'w')\n",
}
ALL = ["stops files app.py:4", "surprises files shop/mail.py:4", "surprises threads shop/mail.py:2"]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ([], ALL),
        (["threads"], ALL[:2]),
        (["files"], ALL[2:]),
        (["files:app.py"], ALL[1:]),
        (["files:shop"], [ALL[0], ALL[2]]),
        (["files:shop/"], [ALL[0], ALL[2]]),
        (["files:shop/*.py", "threads:shop/m?il.py"], ALL[:1]),
        (["files:mail.py"], ALL),
        (["sqlite", "threads:app.py"], ALL),
    ],
)
def test_a_rule_is_left_out_everywhere_or_in_some_files(found, ignore, left):
    assert found(FILES, {"check.ignore": ignore}) == left


def test_what_was_left_out_is_counted(examined):
    assert examined(FILES, {"check.ignore": ["files"]}).ignored == 2


@pytest.mark.parametrize(
    ("ignore", "hint"),
    [("thread", 'Did you mean "threads"?'), ("sqlit:app.py", 'Did you mean "sqlite"?'), ("", "Rules: ")],
)
def test_an_unknown_rule_is_refused_with_the_nearest(examined, ignore, hint):
    toml = f'name = "shop"\n\n[check]\nignore = ["{ignore}"]\n'
    with pytest.raises(SettingsError) as caught:
        examined({**FILES, "lambdify.toml": toml})
    assert caught.value.message.startswith("lambdify.toml, line 4: there is no rule")
    assert caught.value.hint.startswith(hint)
