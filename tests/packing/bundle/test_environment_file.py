"""The file that [environment] file names is read, and never packed, whatever its name is."""

import pytest

from lambdify.cli import settings
from lambdify.cli.packing.bundle import app
from lambdify.cli.packing.bundle.files import LeftOut


@pytest.fixture
def select(project):
    """`select("config/live")`: the files of a project whose variables are in that file."""

    def select(named, **build):
        root = project({"app.py": "", "config/live": "TOKEN=x", "config/other": "1"})
        (root / "linked").symlink_to("config/live")
        (root / "lambdify.toml").write_text(f'[environment]\nfile = "{named}"\n')
        selection = app.select(settings.load(root, overrides=build))
        return {each.name for each in selection.files}, selection.left_out

    return select


@pytest.mark.parametrize("named", ["config/live", "./config//live", "config/../config/live"])
def test_it_is_left_out_as_a_secret_and_so_is_a_link_to_it(select, named):
    packed, left_out = select(named)
    assert packed == {"app.py", "config/other"}
    secret = [each for each in left_out if each.secret]
    reason = "environment file"
    assert secret == [
        LeftOut(path="config/live", reason=reason, secret=True),
        LeftOut(path="linked", reason=reason, secret=True),
    ]


def test_who_names_it_packs_it(select):
    packed, _ = select("config/live", **{"build.include": ["config/live"]})
    assert "config/live" in packed
