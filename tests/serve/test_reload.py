"""A save is in the next answer, whatever it breaks or heals, and leaves nothing behind."""

import re

import pytest
from serve.conftest import Serve
from waiting import eventually

pytestmark = pytest.mark.slow
PAGES = """
import prices
PAGES = {"/": lambda: prices.PRICE, "/state": lambda: prices.SEEN.append(1) or len(prices.SEEN)}
"""


def prices(price: object) -> str:
    return f"PRICE = {price!r}\nSEEN = []\n"


def test_the_next_answer_has_the_save_and_memory_lasts_until_it(serve: Serve):
    serving = serve({"prices.py": prices(0)}, pages=PAGES)
    serving.save("prices.py", prices(1))
    story = serving.story("prices.py saved")
    assert re.search(r"prices\.py saved +[\d,]+ ms\n", story)
    assert "GET" not in story, "it is ready before anybody asks"
    for price in range(2, 6):  # of one length and within one tick of the clock
        serving.save("prices.py", prices(price))
        assert serving.get().text == str(price)
    assert [serving.get("/state").text for _ in range(3)] == ["1", "2", "3"]
    serving.save("prices.py", prices(6))
    assert serving.get("/state").text == "1"


def test_a_hundred_saves_leave_no_process_and_no_open_file(serve: Serve):
    serving = serve({"prices.py": prices(0)}, pages=PAGES)
    serving.get()
    before = len(serving.processes())
    files = serving.open_files()
    for price in range(1, 101):
        serving.save("prices.py", prices(price))
        assert serving.get().text == str(price)
    assert eventually(lambda: len(serving.processes()) <= before + 1)
    assert eventually(lambda: serving.open_files() <= files + 8)


def test_a_mistake_is_a_page_that_the_next_save_heals(serve: Serve):
    serving = serve({"prices.py": prices(1)}, pages=PAGES)
    serving.save("prices.py", "PRICE = (\n")
    page = serving.get(accept="text/html")
    assert page.status_code == 500
    assert page.headers["content-type"].startswith("text/html")
    assert "prices.py:1" in page.text
    assert "PRICE = (" in page.text
    assert "  prices.py:1 is not valid Python" in serving.story("prices.py:1")
    text = serving.get().text
    assert "SyntaxError" in text
    assert "<pre>" not in text
    serving.save("prices.py", "raise RuntimeError('no <price>')\n")
    page = serving.get(accept="text/html").text
    assert "no &lt;price&gt;" in page
    shown = page.partition("<pre>")[2]
    assert shown.index("prices.py:1 in") < shown.index("RuntimeError: no")
    assert "frame" not in shown
    serving.save("prices.py", prices(2))
    assert serving.get().text == "2"


def test_new_files_and_removed_ones_are_seen(serve: Serve):
    pages = """
    import pathlib
    PAGES = {"/": lambda: sorted(path.name for path in pathlib.Path("data").glob("*"))}
    """
    serving = serve({"data/a.txt": "a"}, pages=pages)
    assert serving.get().text == "['a.txt']"
    serving.save("data/b.txt", "b")
    (serving.root / "data/a.txt").unlink()
    assert serving.get().text == "['b.txt']"
    assert "data/a.txt and 1 more saved" in serving.story("saved")


def test_what_is_not_packed_starts_nothing_anew(serve: Serve):
    serving = serve({"prices.py": prices(1), ".lambdifyignore": "notes/\n"}, pages=PAGES)
    assert serving.get("/state").text == "1"
    for name in ("notes/today.txt", "node_modules/x/index.js", "__pycache__/app.cpython-313.pyc", ".env"):
        serving.save(name, "x")
        assert serving.get("/state").text != "1"
    assert "saved" not in serving.story()


def test_settings_take_effect(serve: Serve):
    pages = """
    import os
    NAMES = {"/": "COLOUR", "/n": "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}
    PAGES = {path: lambda name=name: os.environ.get(name) for path, name in NAMES.items()}
    """
    serving = serve(pages=pages)
    before = (serving.root / "lambdify.toml").read_text()
    serving.save("lambdify.toml", f'{before}memory = 1024\n[environment]\nCOLOUR = "red"\n')
    assert (serving.get().text, serving.get("/n").text) == ("red", "1024")
    serving.save("lambdify.toml", f"{before}memmory = 1024\n")
    page = serving.get(accept="text/html")
    assert page.status_code == 500
    assert "memmory" in page.text
    serving.save("lambdify.toml", before)
    assert serving.get().text == "None"


def test_a_dependency_that_is_added_can_be_imported(serve: Serve):
    pages = "PAGES = {'/': lambda: __import__('pricing').PRICE}\n"
    serving = serve(
        {"lib/pricing.py": "PRICE = 7\n", "lib/pyproject.toml": LIBRARY, "requirements.txt": ""}, pages=pages
    )
    assert serving.get().status_code == 500
    serving.save("requirements.txt", "./lib\n")
    assert serving.get().text == "7"


LIBRARY = """
[project]
name = "pricing"
version = "1"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
py-modules = ["pricing"]
"""
