"""How an app may be named in the settings."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import app_reference


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shop:app", ("shop", "app", "", (), ())),
        ("shop.web:app.server", ("shop.web", "app.server", "", (), ())),
        ("shop:create_app()", ("shop", "create_app", "()", (), ())),
        ("shop:create_app('production')", ("shop", "create_app", "('production')", ("production",), ())),
        (
            'shop:create_app("a:b", -1, 1.5, True, None)',
            ("shop", "create_app", '("a:b", -1, 1.5, True, None)', ("a:b", -1, 1.5, True, None), ()),
        ),
        (
            "shop:make(config='x', debug=False)",
            ("shop", "make", "(config='x', debug=False)", (), ("config", "debug")),
        ),
        ("shop:make(\n  'x',\n)", ("shop", "make", "(\n  'x',\n)", ("x",), ())),
    ],
)
def test_an_app_is_a_module_a_name_and_perhaps_a_call(text, parts):
    found = app_reference.parse(text)
    assert (found.module, found.path, found.call, found.positional, found.named) == parts


@pytest.mark.parametrize(
    "text",
    ["app.py", "shop", ":app", "shop:", "shop:app-1", "shop:app.", "shop:app()()", "shop:(1)", "shop app:x"],
)
def test_another_form_is_refused(text):
    with pytest.raises(app_reference.Malformed, match="a module and the name of the app in it"):
        app_reference.parse(text)


@pytest.mark.parametrize(
    "arguments",
    [
        "(config)", "(os.environ['X'])", "(open('x'))", "(*[1])", "(**{'a': 1})", "(a=1, a=2)", "('x' 1)",
        "(...)", "('x') or f('y')", "('x')('y')", "(lambda: 1)", "(f'{1}')", "({[]: 1})",
        "(" + "(" * 500 + ")" * 500 + ")",
    ],
)  # fmt: skip
def test_arguments_are_literals(arguments):
    with pytest.raises(app_reference.Malformed, match="a factory's arguments are texts, numbers"):
        app_reference.parse(f"shop:create_app{arguments}")


def test_the_settings_take_a_factory_with_arguments(project):
    root = project({"lambdify.toml": "app = \"shop:create_app('production')\"\n"})
    assert settings.load(root).app == "shop:create_app('production')"


def test_the_settings_refuse_what_is_not_a_literal(project):
    root = project({"lambdify.toml": 'app = "shop:create_app(config)"\n'})
    with pytest.raises(SettingsError, match=r'app cannot be "shop:create_app\(config\)"'):
        settings.load(root)
