"""The database of an app that is served in its folder: the one of this machine, and never AWS's."""

import json
import subprocess

import pytest
from serve.conftest import LAMBDIFY

from lambdify.cli.errors import SettingsError

TABLE = """
name = "shop"
[database]
kind = "dsql"
host = "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws"
user = "app"
"""
PAGES = """
import json, os

TOLD = json.dumps({name: value for name, value in os.environ.items() if name.startswith("DATABASE_")})
PAGES = {"/": lambda: TOLD}
"""


@pytest.mark.slow
def test_the_app_is_told_of_the_local_one(serve):
    served = serve(pages=PAGES, toml=f'{TABLE}local = "postgresql://me:secret@localhost:5433/shop"')
    assert json.loads(served.get().text) == {
        "DATABASE_KIND": "local",
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": "5433",
        "DATABASE_USER": "me",
        "DATABASE_NAME": "shop",
        "DATABASE_PASSWORD": "secret",
    }


@pytest.mark.slow
def test_without_one_it_says_what_to_write(tmp_path):
    (tmp_path / "lambdify.toml").write_text(TABLE)
    command = [LAMBDIFY, "serve", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == SettingsError.exit_code
    assert "nothing takes its place on this machine" in done.stderr
    assert 'local = "postgresql://postgres@127.0.0.1:5432/postgres"' in done.stderr
