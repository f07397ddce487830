"""lambdify new: whole projects or nothing, whose tests pass, and in which check finds nothing."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError, UsageError
from lambdify.cli.new import project
from lambdify.cli.settings import schema

TEMPLATES = ["django", "fastapi", "flask", "worker"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of each template."""
    folder = tmp_path_factory.mktemp("made")
    return {name: project.create(folder / f"my-{name}", name) for name in TEMPLATES}


def test_there_are_these_templates():
    assert project.templates() == TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_project_is_whole(made, name):
    new = made[name]
    there = {path.relative_to(new.folder).as_posix() for path in new.folder.rglob("*") if path.is_file()}
    assert there == set(new.files)
    assert {".gitignore", "README.md", "lambdify.toml", "pyproject.toml"} < there
    assert any(file.startswith("tests/test_") for file in there)
    for file in there:
        assert "<<" not in (new.folder / file).read_text(), file
    assert tomllib.loads((new.folder / "pyproject.toml").read_text())["project"]["name"] == f"my-{name}"


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("stage", ["dev", "production"])
def test_its_settings_are_right(made, name, stage):
    jsonschema = pytest.importorskip("jsonschema")
    root = made[name].folder
    assert settings.load(root, stage=stage).full_name == f"my-{name}-{stage}"
    assert settings.load(root, stage="production").protect
    jsonschema.Draft4Validator(schema.write()).validate(tomllib.loads((root / "lambdify.toml").read_text()))


def test_what_its_queue_gives_up_is_where_failures_looks(made):
    queue = settings.load(made["worker"].folder).resources["Orders"]["Properties"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["FailedQueue", "Arn"]}


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_of_it_knows_lambdify_but_its_settings_and_its_readme(made, name):
    new = made[name]
    knowing = {file for file in new.files if "lambdify" in (new.folder / file).read_text()}
    assert knowing == {"README.md", "lambdify.toml"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPLATES)
def test_its_own_tests_pass_under_plain_pytest(made, name):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO"))}
    line = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        line, cwd=made[name].folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


DJANGO = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from django.conf import settings as s
print(json.dumps([s.SECRET_KEY, s.DEBUG, s.ALLOWED_HOSTS, s.DATABASES.get("default", {}).get("HOST")]))
"""


@pytest.mark.slow
def test_djangos_settings_are_read_from_variables(made):
    def read(**variables):
        line = [sys.executable, "-c", DJANGO]
        environ = {"PATH": os.environ["PATH"], **variables}
        done = subprocess.run(
            line,
            cwd=made["django"].folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)

    key, debug, hosts, database = read()
    assert (len(key) >= 50, debug, hosts, database) == (True, False, ["127.0.0.1", "localhost"], None)
    assert read()[0] != key, "no key is in the code"
    set_so = {"SECRET_KEY": "k", "DEBUG": "true", "ALLOWED_HOSTS": "a.example,b.example"}
    url = "postgres://anna:secret@db.example/shop"
    assert read(**set_so, DATABASE_URL=url) == ["k", True, ["a.example", "b.example"], "db.example"]


# -------------------------------------------------------------------- nothing, or all of it


def refuse(folder, template, error):
    before = sorted(folder.parent.iterdir()) if folder.parent.is_dir() else None
    with pytest.raises(error) as caught:
        project.create(folder, template)
    assert (sorted(folder.parent.iterdir()) if folder.parent.is_dir() else None) == before
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "link"])
def test_what_is_there_is_left_alone(tmp_path, kind):
    shop = tmp_path / "shop"
    if "folder" in kind:
        shop.mkdir()
    if kind == "folder":
        (shop / "main.py").write_text("mine")
    if kind == "file":
        shop.write_text("mine")
    if kind == "link":
        shop.symlink_to(tmp_path / "nowhere")
    assert "is there already. Choose another name" in refuse(shop, "flask", UsageError)
    assert not (shop / "lambdify.toml").exists()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("flsk", 'There is no template "flsk". Did you mean "flask"?'),
        ("fast", 'There is no template "fast". Did you mean "fastapi"?'),
        ("rails", 'There is no template "rails". There are django, fastapi, flask and worker.'),
        ("common", 'There is no template "common". There are django, fastapi, flask and worker.'),
        ("../../settings", "There is no template"),
        ("", "There is no template"),
    ],
)
def test_another_template_is_refused_with_the_nearest(tmp_path, word, said):
    assert said in refuse(tmp_path / "shop", word, UsageError)


@pytest.mark.parametrize("name", ["2shop", "my shop", "my_shop", "über", "-x", "a.b"])
def test_a_name_that_no_stack_may_have_is_refused(tmp_path, name):
    assert "letters, digits and hyphens" in refuse(tmp_path / name, "flask", SettingsError)


@pytest.mark.parametrize(
    ("name", "template"), [("flask", "flask"), ("FastAPI", "fastapi"), ("django-environ", "django")]
)
def test_a_project_is_not_called_as_what_it_depends_on(tmp_path, name, template):
    assert f'such as "my-{name}"' in refuse(tmp_path / name, template, SettingsError)


def test_a_folder_inside_nothing_is_refused(tmp_path):
    assert "is no folder. Make it first." in refuse(tmp_path / "gone" / "shop", "flask", UsageError)


def test_what_fails_on_the_way_leaves_nothing(tmp_path):
    source = tmp_path / "templates" / "broken"
    (source / "main.py").mkdir(parents=True)
    (source / "pyproject.toml.template").write_text("[project]\ndependencies = []\n")
    (source / "main.py.template").write_text("app = 1\n")
    (source / "main.py" / "inner.py.template").write_text("")  # below a file
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(OSError, match=r"main\.py"):
        project.make(place / "shop", source)
    assert list(place.iterdir()) == []


# -------------------------------------------------------------------- the command


@pytest.mark.slow
def test_the_command_names_the_files_and_what_comes_next(lambdify, tmp_path):
    done = lambdify("new", "shop", "--template", "flask", cwd=tmp_path)
    assert done.stdout == f"{tmp_path}/shop\n"
    assert done.stderr.splitlines() == [
        "  .gitignore",
        "  README.md",
        "  lambdify.toml",
        "  main.py",
        "  pyproject.toml",
        "  tests/test_main.py",
        "  Next: cd shop && lambdify serve; its README.md says how to test it.",
    ]
    assert (tmp_path / "shop").stat().st_mode & 0o077, "others may read it as any folder"
    again = lambdify("new", "shop", "--template", "flask", cwd=tmp_path)
    assert again.returncode == 2
    assert f"{tmp_path}/shop is there already." in again.stderr


def test_without_a_template_there_is_nobody_to_ask(lambdify, tmp_path):
    done = lambdify("new", "shop", cwd=tmp_path)
    assert done.returncode == 2
    assert "hint: Add --template django or --template fastapi" in done.stderr
    assert not (tmp_path / "shop").exists()


def test_answer_as_json(lambdify, tmp_path):
    answer = json.loads(lambdify("new", "shop", "-t", "worker", "--json", cwd=tmp_path).stdout)
    assert (answer["template"], "work.py" in answer["files"]) == ("worker", True)
