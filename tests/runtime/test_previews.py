"""A Python that Lambda has as a preview: for whoever names it in the settings, and nobody else."""

from datetime import date

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import PythonRefused, SettingsError
from lambdify.cli.packing.target import Target, runtimes, with_previews
from lambdify.cli.plan import pitfalls
from lambdify.cli.runtime import choice

PREVIEWS = [each for each in with_previews() if each not in runtimes()]
NAMED = '[function]\npython = "{}"\n'


@pytest.fixture
def settle(tmp_path):
    """`settle({".python-version": "3.15"})`: the settings with the Python that these files get."""

    def settle(files):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return choice.settle(settings.load(tmp_path))

    return settle


def bound(versions):
    return {"pyproject.toml": f'[project]\nname = "shop"\nrequires-python = "{versions}"\n'}


def test_a_preview_is_newer_than_all_others_and_none_is_the_default():
    assert PREVIEWS == ["3.15"]
    assert list(with_previews()) == [*runtimes(), *PREVIEWS]
    assert settings.default_python() == list(runtimes())[-2]


@pytest.mark.parametrize("python", PREVIEWS)
def test_whoever_names_it_gets_it_with_a_warning(settle, python):
    found, chosen = settle({"lambdify.toml": NAMED.format(python)})
    assert (found.function.python, chosen.caution) == (python, "")
    (said,) = pitfalls.find(found, local=False, today=date(2026, 11, 29))
    assert said.startswith(f"Lambda's Python {python} is a preview, which AWS advises against in production")
    assert settle({"lambdify.toml": NAMED.format(python), **bound(">=3.15")})[0].function.python == python


def test_nobody_else_gets_it(settle):
    for versions in (">=3.11", ">=3.14", ">3.12,<4"):
        assert settle(bound(versions))[0].function.python in runtimes()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {".python-version": "3.15"},
            ".python-version asks for Python 3.15, which Lambda has as a preview only.",
        ),
        (bound(">=3.15"), "allows no Python that Lambda has"),
    ],
)
def test_a_project_that_asks_for_it_is_told_which_line_takes_it(settle, files, why):
    with pytest.raises(PythonRefused) as caught:
        settle(files)
    assert why in caught.value.message
    line = 'python = "3.15" into lambdify.toml, under [function] takes it.'
    assert f"Lambda has 3.15 as a preview, not for production: {line}" in caught.value.hint


def test_a_project_that_forbids_it_is_refused_as_with_any_other(settle):
    with pytest.raises(PythonRefused, match="does not allow it"):
        settle({"lambdify.toml": NAMED.format("3.15"), **bound("<3.15")})


def test_it_has_no_snapshots(settle):
    with pytest.raises(SettingsError) as caught:
        settle({"lambdify.toml": f"{NAMED.format('3.15')}snapstart = true\n"})
    assert caught.value.hint == "It takes 3.12 or newer, and no preview."


def test_its_wheels_are_those_of_its_own_version():
    target = Target(python="3.15")
    assert (target.id, target.full_python) == ("cp315-x86_64-glibc2.34", "3.15.0")
    tags = {str(tag) for tag in target.tags()}
    assert {"cp315-cp315-manylinux_2_34_x86_64", "cp312-abi3-manylinux_2_17_x86_64"} <= tags


@pytest.mark.slow
def test_cfn_lint_knows_its_runtime(write, complaints):
    written = write({"function.python": "3.15"})
    assert written.body["Resources"]["Function"]["Properties"]["Runtime"] == "python3.15"
    assert complaints(written, "eu-central-1") == []
