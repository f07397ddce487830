"""Whose stage it is: two projects of one name do not replace or remove each other unasked."""

import subprocess
from dataclasses import replace

import pytest
from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.errors import Declined, StageTaken
from lambdify.cli.releases import ownership
from lambdify.cli.releases.ownership import Owner
from lambdify.cli.undeploy import undeploy

ONE = Owner(commit="c1", remote="github.com/octo/shop", folder="api", app="app:app", machine="m", place="p")


def git(folder, *words):
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A repository of one commit, with two projects."""
    top = tmp_path / "shop"
    for name in ("api", "admin"):
        (top / name).mkdir(parents=True)
        (top / name / "app.py").write_text("app = 1")
    git(top, "init", "--quiet")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message", "Begin")
    git(top, "remote", "add", "origin", "https://octo:secret@GitHub.com/octo/shop.git")
    return top


@pytest.fixture
def at(make_settings):
    """`at(folder)`: the settings of the stage shop-dev of the project there."""
    return lambda root: replace(make_settings(), root=root)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"app": "main:app", "machine": "n", "place": "q"}, True),
        ({"commit": "", "machine": "n", "place": "q"}, True),
        ({"remote": "gitlab.com/octo/shop"}, True),
        ({"commit": "c2"}, True),
        ({"commit": "c2", "remote": "github.com/octo/other"}, False),
        ({"folder": "admin"}, False),
    ],
    ids=["itself", "elsewhere", "shallow", "moved", "rewritten", "other-repository", "other-folder"],
)
def test_a_repository_is_known_by_its_first_commit_or_its_address_and_the_folder_in_it(other, same):
    assert ONE.is_same(replace(ONE, **other)) is same
    assert replace(ONE, **other).is_same(ONE) is same


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"place": "q"}, False),
        ({"machine": "n", "place": "q"}, True),
        ({"machine": "n", "app": ""}, True),
        ({"machine": "n", "app": "main:app"}, False),
        ({"machine": "n", "folder": "admin"}, False),
    ],
    ids=["other-folder-here", "another-machine", "app-not-known", "other-app", "other-name"],
)
def test_without_a_repository_the_place_tells_or_on_another_machine_folder_and_app(other, same):
    one = replace(ONE, commit="", remote="")
    assert one.is_same(replace(one, **other)) is same


def test_a_clone_is_the_same_project_and_its_neighbour_is_not(repository, at, tmp_path):
    git(tmp_path, "clone", "--quiet", str(repository), "copy")
    mine = ownership.find(at(repository / "api"))
    assert (mine.folder, mine.remote) == ("api", "github.com/octo/shop")
    assert mine.is_same(ownership.find(at(tmp_path / "copy" / "api")))
    assert not mine.is_same(ownership.find(at(repository / "admin")))


def test_a_shallow_clone_does_not_take_its_edge_for_the_first_commit(repository, at, tmp_path):
    (repository / "api" / "app.py").write_text("app = 2")
    git(repository, "commit", "--quiet", "--all", "--message", "Change")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "copy")
    assert ownership.find(at(tmp_path / "copy" / "api")).commit == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/shop.git",
        "https://octo:secret@github.com/octo/shop",
        "git@github.com:octo/shop.git",
        "ssh://git@github.com:22/octo/shop.git/",
    ],
)
def test_an_address_is_the_same_however_it_is_reached_and_holds_no_password(repository, at, url):
    git(repository, "remote", "set-url", "origin", url)
    assert ownership.find(at(repository / "api")).remote == "github.com/octo/shop"


def test_another_project_is_refused_with_yes_and_goes_ahead_with_take_over(
    account, at, make_bundle, talk, tmp_path
):
    one, two = (stage_in(account, at(tmp_path / name)) for name in ("one", "two"))
    deploy(one, make_bundle, talk.console, yes=True)
    deploy(one, lambda: make_bundle("app = 2"), talk.console, yes=True)
    for act in (
        lambda **how: deploy(two, lambda: make_bundle("app = 3"), talk.console, yes=True, **how),
        lambda **how: undeploy(two, talk.console, yes=True, **how),
    ):
        with pytest.raises(
            StageTaken, match="from another project in another folder of this machine: folder one"
        ) as caught:
            act()
        assert "--take-over" in caught.value.hint
        assert 'name = "..."' in caught.value.hint
    deploy(two, lambda: make_bundle("app = 3"), talk.console, yes=True, take_over=True)
    with pytest.raises(StageTaken):
        undeploy(one, talk.console, yes=True)
    undeploy(two, talk.console, yes=True)


def test_in_a_terminal_it_is_a_question(account, at, make_bundle, talk, talk_to, tmp_path):
    one, two = (stage_in(account, at(tmp_path / name)) for name in ("one", "two"))
    deploy(one, make_bundle, talk.console, yes=True)
    asked = talk_to("n\n")
    with pytest.raises(Declined, match="was left as it is"):
        deploy(two, make_bundle, asked.console)
    assert "Replace it all the same?" in asked.said
