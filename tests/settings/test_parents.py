"""Settings are looked for upwards, and another user's are not obeyed."""

import os
from pathlib import Path

import pytest

from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.settings import config_file

OTHER = 65533
OWN = 'name = "theirs"\n'
SHARED = '[tool.lambdify]\nname = "theirs"\n'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def mine(tmp_path) -> Path:
    """A folder of this user's in a folder that is not the project yet."""
    folder = tmp_path / "parent" / "mine" / "deep"
    folder.mkdir(parents=True)
    return folder


def give(path: Path, owner: int = OTHER) -> None:
    os.chown(path, owner, -1, follow_symlinks=False)


def refusal(start: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        config_file.find_root(start)
    assert "chown" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(("name", "text"), [("lambdify.toml", OWN), ("pyproject.toml", SHARED)])
def test_a_folder_above_that_is_somebody_elses_is_refused_with_its_path(mine, name, text):
    parent = mine.parents[1]
    (parent / name).write_text(text)
    give(parent)
    give(parent / name)
    told = refusal(mine)
    assert str(parent / name) in told
    assert str(OTHER) in told


def test_a_file_that_somebody_put_into_a_folder_of_all_is_refused(mine):
    parent = mine.parents[1]
    parent.chmod(0o1777)
    (parent / "lambdify.toml").write_text(OWN)
    give(parent / "lambdify.toml")
    assert str(parent / "lambdify.toml") in refusal(mine)


def test_a_link_that_somebody_made_to_a_file_of_ours_is_refused(mine, tmp_path):
    (tmp_path / "ours.toml").write_text(OWN)
    (mine.parents[1] / "lambdify.toml").symlink_to(tmp_path / "ours.toml")
    give(mine.parents[1] / "lambdify.toml")
    assert "lambdify.toml" in refusal(mine)


def test_a_file_of_ours_in_somebody_elses_folder_is_refused(mine):
    """What is in the folder is packed."""
    (mine.parents[1] / "lambdify.toml").write_text(OWN)
    give(mine.parents[1])
    assert "lambdify.toml" in refusal(mine)


def test_ones_own_is_found(mine):
    (mine.parents[1] / "lambdify.toml").write_text(OWN)
    assert config_file.find_root(mine) == mine.parents[1]


def test_a_project_that_is_somebody_elses_as_a_whole_is_one_project(mine):
    """As in a container, where root builds what another user has checked out."""
    parent = mine.parents[1]
    (parent / "lambdify.toml").write_text(OWN)
    for path in (parent, parent / "lambdify.toml", mine.parent, mine):
        give(path)
    assert config_file.find_root(mine) == parent


def test_the_folder_that_one_is_in_is_ones_own_choice(mine):
    (mine / "lambdify.toml").write_text(OWN)
    give(mine / "lambdify.toml")
    assert config_file.find_root(mine) == mine


def test_a_file_without_settings_of_ours_says_nothing(mine):
    (mine.parents[1] / "pyproject.toml").write_text("[tool.black]\n")
    give(mine.parents[1] / "pyproject.toml")
    assert config_file.find_root(mine) == mine


def test_the_nearest_counts_whatever_lies_above(mine):
    (mine.parent / "lambdify.toml").write_text(OWN)
    (mine.parents[1] / "lambdify.toml").write_text(OWN)
    give(mine.parents[1] / "lambdify.toml")
    assert config_file.find_root(mine) == mine.parent


def test_who_became_root_by_sudo_is_still_who_it_was(mine, monkeypatch):
    monkeypatch.setenv("SUDO_UID", str(OTHER))
    (mine.parents[1] / "lambdify.toml").write_text(OWN)
    give(mine.parents[1] / "lambdify.toml")
    assert config_file.find_root(mine) == mine.parents[1]


@pytest.mark.parametrize("name", ["uv.toml", "pyproject.toml"])
def test_another_users_settings_of_uv_are_refused_too(mine, name):
    """An index of somebody's would decide what is installed."""
    table = "" if name == "uv.toml" else "[tool.uv]\n"
    path = mine.parents[1] / name
    path.write_text(f'{table}index-url = "https://theirs.example/simple"\n')
    assert find_indexes((), mine).default == "https://theirs.example/simple"
    give(path)
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        find_indexes((), mine)
