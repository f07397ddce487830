"""The password of a package index is in no zip, whatever file of the project has it."""

import zipfile

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.package import package
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import index_logins

APP = "def app(environ, start_response): ...\n"
URL = "http://bob:s3cr%40t@127.0.0.1:18777/simple"
FILES = {
    "requirements.txt": f"--extra-index-url {URL}\nflask==3.1.0\n",
    "requirements/base.txt": f"-i {URL}\n",
    "requirements-dev.in": f"--index-url={URL}\n",
    "constraints.txt": f"web @ {URL}/web-1.whl\n",
    "deps/more.txt": f"web @ git+https://bob:s3cr3t@git.corp.net/web.git\n--find-links {URL}\n",
    "production.txt": f"flask\n--extra-index-url {URL}\n",
    "Pipfile": f'[[source]]\nurl = "{URL}"\nname = "corp"\n',
    "Pipfile.lock": f'{{"_meta": {{"sources": [{{"name": "corp", "url": "{URL}"}}]}}, "default": {{}}}}',
    "pyproject.toml": f'[[tool.uv.index]]\nname = "corp"\nurl = "{URL}"\n',
    "uv.toml": f'extra-index-url = ["{URL}"]\n',
    "uv.lock": f'[[package]]\nsource = {{ registry = "{URL}" }}\n',
    "poetry.lock": f'[package.source]\nurl = "{URL}"\n',
    "pylock.web.toml": f'[[packages]]\nindex = "{URL}"\n',
    "setup.cfg": f"[options]\ndependency_links = {URL}\n",
    "environment.yml": f"dependencies:\n- pip:\n  - --extra-index-url {URL}\n",
    "sub/folder/requirements.txt": "--index-url https://s3cr3ttoken@corp.net/simple\n",
}
KEPT = {
    "requirements.txt": "--index-url https://${USER_NAME}:${WORD}@corp.net/simple\nflask  # me@corp.net\n",
    "dev/requirements.txt": "web @ git+ssh://git@github.com/corp/web.git\n",
    "requirements.in": "--index-url https://__token__:$WORD@corp.net/simple\n",
    "pyproject.toml": '[project]\nauthors = [{ email = "me@corp.net" }]\nurl = "https://corp.net/@me"\n',
    "notes.txt": "ask bob@corp.net, see http://corp.net:80/a@b\n",
    "app.py": f'URL = "{URL}"\n',
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_taken_out(name):
    (member,), changed = index_logins.remove_logins([Member(name, FILES[name].encode(), True)])
    assert b"s3cr" not in member.content
    assert b"bob" not in member.content
    assert b"***@" in member.content
    assert member.executable
    assert changed == (name,)


@pytest.mark.parametrize("name", KEPT)
def test_what_holds_none_is_packed_as_it_is(name):
    members, changed = index_logins.remove_logins([Member(name, KEPT[name].encode())])
    assert members == (Member(name, KEPT[name].encode()),)
    assert changed == ()


@pytest.fixture
def root(project, own_cache):
    chosen = {
        name: text for name, text in FILES.items() if name in ("requirements.txt", "deps/more.txt", "Pipfile")
    }
    return project(
        {"app.py": APP, **chosen, "deps.in": "", "lambdify.toml": '[build]\nrequirements = "deps.in"\n'}
    )


def test_none_is_in_the_zip_and_the_run_says_of_which_file(root, console, story):
    made = package(settings_room.load(root), None, console)
    with zipfile.ZipFile(made.app.path) as packed:
        everything = b"".join(packed.read(name) for name in packed.namelist())
        assert packed.read("requirements.txt") == (
            b"--extra-index-url http://***@127.0.0.1:18777/simple\nflask==3.1.0\n"
        )
    assert b"s3cr" not in everything
    for name in ("requirements.txt", "deps/more.txt", "Pipfile"):
        assert f"{name} is packed without the login of a package index." in story.getvalue()
    assert (root / "requirements.txt").read_text() == FILES["requirements.txt"], "the project's own stays"


def test_an_unchanged_project_is_known_all_the_same(root, console, story):
    package(settings_room.load(root), None, console)
    package(settings_room.load(root), None, console)
    assert "Nothing has changed since this was packed." in story.getvalue()


def test_another_password_is_no_other_bundle(root, console):
    first = package(settings_room.load(root), None, console)
    path = root / "requirements.txt"
    path.write_text(path.read_text().replace("s3cr%40t", "0ther-one"))
    assert package(settings_room.load(root), None, console).app.digest == first.app.digest
