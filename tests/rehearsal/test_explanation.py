"""What is told of an app that does not start here, packed and started as a deployment does."""

import sys
from dataclasses import replace

import pytest
from failures.raising import text_of

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle as bundles
from lambdify.cli.rehearsal import start
from lambdify.cli.rehearsal.explanation import explain

PYTHON = ".".join(map(str, sys.version_info[:2]))
CANDIDATE = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
CASES = {
    "variables-one-after-the-other": {
        "app.py": """
            import os
            import shop

            KEY = os.environ["API_KEY"]
            LEVEL = os.environ["LOG_LEVEL"]
            """,
        "shop.py": """
            import os

            PORT = int(os.environ["API_PORT"])
            if not os.getenv("SHOP_BUCKET"):
                raise RuntimeError("SHOP_BUCKET is not set")
            """,
        ".env": "API_KEY=hush\nLOG_LEVEL=info\n",
    },
    "module-of-an-extra": {
        # Reading the code does not tell the name.
        "app.py": 'from importlib import import_module\nimport_module("_".join(["nowhere", "redis"]))\n',
        "pyproject.toml": """
            [project]
            name = "shop"
            version = "1"
            dependencies = ["six"]
            optional-dependencies = { cache = ["nowhere-redis==5"] }
            """,
    },
    "log-beside-the-code": {
        "app.py": """
            import logging
            logging.getLogger("shop").addHandler(logging.FileHandler("shop.log"))
            """,
    },
    "failure-after-a-refused-write": {
        "app.py": """
            from pathlib import Path
            try:
                Path("cache").mkdir()
            except OSError:
                found = None
            found["books"]
            """,
    },
    "folder-that-is-left-out": {
        "app.py": 'from pathlib import Path\nPARTS = list(Path("node_modules").iterdir())\n',
        "node_modules/vue.js": "",
    },
    "broken-code": {"app.py": "import shop\n", "shop.py": "books = [\nbooks.append(1)\nclass Book(:\n"},
    "exit-with-last-words": {
        "app.py": """
            import os, sys
            if not os.environ.get("BUCKET"):
                print("BUCKET is required")
                sys.exit(1)
            """,
    },
    "end-of-the-process": {"app.py": 'import os\nprint("no licence", flush=True)\nos._exit(3)\n'},
}


@pytest.fixture
def rehearsed(project, tmp_path, monkeypatch, console):
    """`rehearsed(files)`: what is told of a project of these files."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))

    def run(files):
        settings = settings_room.load(project(files), overrides={"function.python": PYTHON})
        settings = replace(settings, environment={"SHOP": "1"})
        bundle = bundles.pack(settings, CANDIDATE, tmp_path / "out", console)
        outcome = start.rehearse(bundle, settings)
        assert outcome.kind == "fails", outcome
        return explain(outcome, settings, bundle, lambda other: start.rehearse(bundle, other))

    return run


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_an_app_that_cannot_start_is_told_what_to_do(case, rehearsed, golden):
    golden(f"{case}.txt", text_of(rehearsed(CASES[case])).replace(f"Python {PYTHON}", "Python 3.N"))
