"""Which file says what the project depends on."""

from dataclasses import replace

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.sources import KINDS, find_source, read_toml

DECLARING = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask"]\n'


def find(root, **build):
    return find_source(root, replace(settings.load(root).build, **build))


def test_a_project_without_any_has_no_source(project):
    assert find(project({"app.py": ""})) is None


POETRY = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\n'


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [("pyproject.toml", POETRY, "poetry lock"), ("Pipfile", '[packages]\nflask = "*"\n', "pipenv lock")],
)
def test_what_only_its_own_tool_reads_has_to_be_locked(project, name, text, command):
    """It would be packed without a word, and without its dependencies."""
    with pytest.raises(RequirementsError, match=f"{name} .* not been locked") as refused:
        find(project({name: text}))
    assert f"`{command}`" in refused.value.hint


def test_beside_another_file_it_need_not_be(project):
    assert find(project({"requirements.txt": "", "Pipfile": ""})).kind == "requirements.txt"
    assert find(project({"requirements.txt": "", "pyproject.toml": POETRY})).kind == "requirements.txt"


DECLARING_FILES = {
    "pyproject.toml": DECLARING,
    "setup.cfg": "[options]\ninstall_requires = flask\n",
    "setup.py": "from setuptools import setup\nsetup(install_requires=['flask'])\n",
    "environment.yml": "dependencies: [flask]\n",
}


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_the_most_specific_file_is_taken_and_the_others_are_named(project, number):
    present = KINDS[number:]
    root = project({name: DECLARING_FILES.get(name, "") for name in present})
    source = find(root)
    assert source.kind == present[0]
    assert source.others == present[1:]


def test_a_pyproject_that_only_configures_tools_does_not_count(project):
    root = project({"pyproject.toml": '[tool.ruff]\nline-length = 99\n[project]\nname = "x"\n'})
    assert find(root) is None


@pytest.mark.parametrize(
    "text",
    [
        DECLARING,
        '[project]\nname = "x"\ndynamic = ["dependencies"]\n',
    ],
)
def test_a_pyproject_that_declares_dependencies_counts(project, text):
    assert find(project({"pyproject.toml": text})).kind == "pyproject.toml"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("requirements/production.txt", "requirements.txt"),
        ("locks/poetry.lock", "poetry.lock"),
        ("pylock.production.toml", "pylock.toml"),
    ],
)
def test_the_setting_names_a_file_outright(project, name, kind):
    root = project({"uv.lock": "", name: ""})
    source = find(root, requirements=name)
    assert (source.kind, source.path, source.others) == (kind, root / name, ("uv.lock",))


def test_a_setting_that_names_no_file_says_which_there_are(project):
    with pytest.raises(RequirementsError, match=r"names deps\.txt") as caught:
        find(project({"requirements.txt": "", "uv.lock": ""}), requirements="deps.txt")
    assert caught.value.hint == "The project has uv.lock, requirements.txt."


@pytest.mark.parametrize(
    ("name", "option"),
    [("requirements.txt", "extras"), ("requirements.txt", "groups"), ("Pipfile.lock", "extras")],
)
def test_extras_and_groups_that_a_file_cannot_have_are_refused(project, name, option):
    with pytest.raises(RequirementsError, match=f"{name} knows no {option}"):
        find(project({name: ""}), **{option: ("postgres",)})


def test_a_merge_that_left_conflicts_is_named(project):
    text = '[[package]]\n<<<<<<< HEAD\nname = "a"\n=======\nname = "b"\n>>>>>>> main\n'
    with pytest.raises(RequirementsError, match=r"uv\.lock cannot be read: .*line 2") as caught:
        read_toml(project({"uv.lock": text}) / "uv.lock")
    assert caught.value.hint.startswith("A merge left its conflicts in it")


def test_a_broken_file_says_where(project):
    with pytest.raises(RequirementsError, match=r"poetry\.lock cannot be read: .*line 1"):
        read_toml(project({"poetry.lock": "[package\n"}) / "poetry.lock")
