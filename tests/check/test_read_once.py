"""A run parses each file once, whichever of its steps read it, and leaves the garbage collector as it was."""

import gc

from check.projects import django

from lambdify.cli import settings
from lambdify.cli.check import examination
from lambdify.cli.console import Console
from lambdify.cli.detection import choice, source
from lambdify.cli.packing.bundle import app as packed


def test_packing_parses_nothing_that_the_notice_has_parsed(project):
    root = project(
        {**django("INSTALLED_APPS = ['shop.books']\n"), "shop/books/models.py": "import decimal\n"}
    )
    chosen = settings.load(root, overrides={"name": "shop"})
    app = choice.choose_app(chosen, Console(quiet=True))
    examination.examine(chosen, app)
    before = source.parse.cache_info().misses
    packed.find_needs(chosen, app)
    assert source.parse.cache_info().misses == before
    (root / "shop" / "books" / "models.py").write_text("import fractions\n")
    packed.find_needs(chosen, app)
    assert source.parse.cache_info().misses == before + 1


def test_the_collector_is_on_again(examined):
    examined(django("DEBUG = True\n"))
    assert gc.isenabled()
