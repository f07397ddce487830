"""Links out of the project: followed within its repository, else named, and let in by [build] include."""

import pytest

from lambdify.cli.detection import choice
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.bundle import files

LINKS = {
    "a folder": ("util", "../shared/util"),
    "a single module": ("helper.py", "../shared/helper.py"),
    "templates": ("templates", "../shared/templates"),
    "data": ("data", "../shared/data"),
    "by way of another link": ("again", "../shared/linked"),
    "through the repository's own path": ("long", "../web/../shared/util"),
}
SHARED = {
    "shared/util/__init__.py": "",
    "shared/util/words.py": "",
    "shared/helper.py": "",
    "shared/templates/page.html": "",
    "shared/data/names.csv": "",
    "shared/.env": "KEY=x",
    "shared/keys/.env": "KEY=x",
    "web/app.py": "",
}


@pytest.fixture
def repository(tmp_path):
    """A git repository with the project web/ and a folder shared/."""
    root = tmp_path / "repository"
    for name, text in SHARED.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "shared/linked").symlink_to("util")
    (root / ".git").mkdir()
    return root


def packed(root, **options):
    return [each.name for each in files.scan(root, **options).files]


def refused(root):
    return {each.path: (each.reason, each.target) for each in files.scan(root).left_out}


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("case", LINKS)
def test_what_leads_into_the_same_repository_is_packed_under_the_links_name(repository, case, absolute):
    name, target = LINKS[case]
    link = repository / "web" / name
    link.symlink_to((repository / "web" / target) if absolute else target)
    real = link.resolve()
    inner = [each.name for each in real.iterdir()] if real.is_dir() else []
    assert packed(repository / "web") == sorted(["app.py", *([f"{name}/{each}" for each in inner] or [name])])
    assert refused(repository / "web") == {}


def test_a_worktree_has_a_file_in_place_of_its_git_folder(repository):
    (repository / ".git").rmdir()
    (repository / ".git").write_text("gitdir: /elsewhere\n")
    (repository / "web/util").symlink_to("../shared/util")
    assert "util/words.py" in packed(repository / "web")


def test_what_leads_further_is_named_with_its_target(repository, tmp_path):
    (tmp_path / "outside").mkdir()
    (repository / "web/util").symlink_to("../../outside")
    (repository / "web/here").symlink_to(tmp_path / "outside")
    (repository / "web/gone").symlink_to("../shared/gone")
    (repository / "web/circle").symlink_to("circle")
    (repository / "web/all").symlink_to("..")
    (repository / "shared/util/back").symlink_to("../../web")
    (repository / "shared/util/again").symlink_to("../../shared/util")
    (repository / "web/shared").symlink_to("../shared/util")
    assert packed(repository / "web") == ["app.py", "shared/__init__.py", "shared/words.py"]
    assert refused(repository / "web") == {
        "all": ("a link to a folder it lies in", ".."),
        "circle": ("a link that leads nowhere", "circle"),
        "gone": ("a link that leads nowhere", "../shared/gone"),
        "here": ("a link out of the project", f"{tmp_path}/outside"),
        "shared/again": ("a link to a folder it lies in", "../../shared/util"),
        "shared/back": ("a link to a folder it lies in", "../../web"),
        "util": ("a link out of the project", "../../outside"),
    }


def test_two_folders_that_link_to_each_other_end(repository):
    (repository / "shared/util/data").symlink_to("../data")
    (repository / "shared/data/util").symlink_to("../util")
    (repository / "web/util").symlink_to("../shared/util")
    names = packed(repository / "web")
    assert names == ["app.py", "util/__init__.py", "util/data/names.csv", "util/words.py"]


@pytest.mark.parametrize("home", [True, False])
def test_a_repository_of_the_whole_home_folder_is_none(repository, monkeypatch, home):
    (repository / "web/util").symlink_to("../shared/util")
    monkeypatch.setenv("HOME", str(repository if home else repository / "shared"))
    assert ("util/words.py" in packed(repository / "web")) is not home


def test_secrets_and_version_control_stay_out_under_any_name(repository):
    (repository / ".git/config").write_text("")
    (repository / "web/settings.txt").symlink_to("../shared/.env")
    (repository / "web/keys").symlink_to("../shared/keys")
    (repository / "web/history").symlink_to("../.git")
    (repository / "shared/node_modules").mkdir()
    (repository / "web/front").symlink_to("../shared/node_modules")
    selection = files.scan(repository / "web")
    assert [each.name for each in selection.files] == ["app.py"]
    assert {each.path: each.reason for each in selection.left_out} == {
        "front/": "front-end packages",
        "history/": "version control",
        "keys/.env": "environment file",
        "settings.txt": "environment file",
    }


def test_what_another_project_of_the_repository_has_packed_is_left_out(repository):
    (repository / "shared/util/.lambdify/build").mkdir(parents=True)
    (repository / "shared/util/.lambdify/build/app.zip").write_text("")
    (repository / "web/util").symlink_to("../shared/util")
    assert packed(repository / "web") == ["app.py", "util/__init__.py", "util/words.py"]


# -------------------------------------------------------------------- [build] include


@pytest.fixture
def outside(tmp_path):
    """A folder that is in no repository, with a link in it, which leads on, and a secret."""
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/words.py").write_text("")
    (folder / ".env").write_text("KEY=x")
    (folder / "inner/more.py").symlink_to("words.py")
    (folder / "inner/away").symlink_to(tmp_path)
    return folder


def test_a_link_that_is_named_is_followed_and_no_other_behind_it(repository, outside):
    (repository / "web/util").symlink_to(outside)
    (repository / "web/words.py").symlink_to(outside / "inner/words.py")
    root = repository / "web"
    names = ["app.py", "util/inner/more.py", "util/inner/words.py"]
    assert packed(root, include=["util"]) == names
    assert packed(root, include=["util/"]) == names
    assert packed(root, include=["words.py"]) == ["app.py", "words.py"]
    selection = files.scan(root, include=["util"])
    assert {each.path: each.reason for each in selection.left_out} == {
        "util/.env": "environment file",
        "util/inner/away": "a link out of the project",
        "words.py": "a link out of the project",
    }


@pytest.mark.parametrize(("target", "reason"), [(".env", "environment file"), (".ssh", "private key")])
def test_a_secret_out_of_the_repository_is_let_in_by_no_setting(repository, outside, target, reason):
    """A project from elsewhere can bring both, the link and the setting."""
    (outside / ".ssh").mkdir()
    (repository / "web/notes").symlink_to(outside / target)
    with pytest.raises(SettingsError) as caught:
        files.scan(repository / "web", include=["notes"])
    assert caught.value.message == (
        f'[build] include names "notes", a link to {outside}/{target}, which is left out ({reason}).'
    )


# -------------------------------------------------------------------- told, and found


@pytest.mark.slow
def test_they_are_told_once_with_the_line_that_lets_one_in(repository, outside, lambdify, golden):
    for number in range(7):
        (repository / f"web/link{number}").symlink_to("../../outside")
    (repository / "web/gone").symlink_to("../shared/gone")
    (repository / "web/app.py").write_text("def app(environ, start_response): ...\n")
    (repository / "web/lambdify.toml").write_text('app = "app:app"\n[build]\nbytecode = false\n')
    done = lambdify("package", cwd=repository / "web")
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "→ .." in line]
    golden("links.txt", "".join(f"{line}\n" for line in told))


def test_an_app_behind_a_link_is_found_and_its_modules_are_the_projects(repository):
    (repository / "shared/util/words.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (repository / "web/util").symlink_to("../shared/util")
    (found,) = [each.app for each in choice.find_apps(repository / "web") if each.score > 0]
    assert found == "util.words:app"
