"""What the app imports and only older versions of a distribution have: the bound to write is told."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection import distributions
from lambdify.cli.detection.imports import Import
from lambdify.cli.errors import ImportUnmet
from lambdify.cli.packing.requirements.sources import Source
from lambdify.cli.packing.wheels import provision
from lambdify.cli.packing.wheels.distributions import Distribution

PKG_RESOURCES = Import("pkg_resources", "pkg_resources", "app.py", 3, False, True, False)
NEWEST = Distribution(
    name="setuptools", version="82.0.1", files=("setuptools/__init__.py",), key="", wheel=Path("x"), sha256=""
)


@pytest.mark.parametrize(
    ("kind", "packed", "hint"),
    [
        ("requirements.txt", [], "Add setuptools<82 to requirements.txt."),
        (
            "requirements.txt",
            [NEWEST],
            "setuptools 82.0.1 has no pkg_resources any more. Add setuptools<82 to requirements.txt.",
        ),
        ("pyproject.toml", [], 'Add "setuptools<82" to dependencies in [project] of pyproject.toml.'),
        # A shell reads these.
        ("uv.lock", [], "Add it: uv add 'setuptools<82'."),
        ("poetry.lock", [], "Add it: poetry add 'setuptools<82'."),
        ("", [], "Write requirements.txt, a line for each: setuptools<82."),
    ],
)
def test_the_bound_is_told(tmp_path, kind, packed, hint):
    source = Source(kind=kind, path=tmp_path / kind, folder=tmp_path, name=kind) if kind else None
    settings = settings_room.load(tmp_path)
    with pytest.raises(ImportUnmet) as raised:
        provision.check([PKG_RESOURCES], packed, source, settings, Console(stderr=io.StringIO()))
    assert raised.value.hint == hint


@pytest.mark.parametrize("first", ["distutils", "pkg_resources"])
def test_one_line_is_told_for_a_distribution_that_has_several(tmp_path, first):
    """setuptools has distutils in all its versions."""
    distutils = Import("distutils", "distutils.core", "app.py", 4, False, True, False)
    wanted = [distutils, PKG_RESOURCES] if first == "distutils" else [PKG_RESOURCES, distutils]
    source = Source(
        kind="requirements.txt", path=tmp_path / "r.txt", folder=tmp_path, name="requirements.txt"
    )
    with pytest.raises(ImportUnmet) as raised:
        provision.check(wanted, [], source, settings_room.load(tmp_path), Console(stderr=io.StringIO()))
    assert "app.py:3 imports pkg_resources" in raised.value.message
    assert "app.py:4 imports distutils" in raised.value.message
    assert raised.value.hint.endswith("Add setuptools<82 to requirements.txt.")


def test_what_is_left_out_is_taken_back_first(tmp_path):
    settings = settings_room.load(tmp_path)
    settings = replace(settings, build=replace(settings.build, omit=("setuptools",)))
    source = Source(
        kind="requirements.txt", path=tmp_path / "r.txt", folder=tmp_path, name="requirements.txt"
    )
    with pytest.raises(ImportUnmet) as raised:
        provision.check([PKG_RESOURCES], [], source, settings, Console(stderr=io.StringIO()))
    assert raised.value.hint == "Take setuptools out of [build] omit in the settings."


@pytest.mark.parametrize(
    ("module", "requirement"),
    [
        ("pkg_resources", "setuptools<82"),
        ("pkg_resources.extern.packaging", "setuptools<82"),
        ("setuptools", "setuptools"),
        ("werkzeug.contrib.cache", "Werkzeug<1"),
        ("werkzeug.contributed", "werkzeug"),
        ("werkzeug", "werkzeug"),
        ("yaml", "PyYAML"),
    ],
)
def test_the_requirement_to_add(module, requirement):
    assert distributions.requirement_for(module) == requirement
    Requirement(requirement)


def test_bounds_are_of_the_distribution_that_has_the_module():
    for module, bound in distributions.bounds().items():
        requirement = Requirement(bound)
        assert requirement.specifier
        names = map(distributions.normalize, distributions.names_of(module))
        assert distributions.normalize(requirement.name) in names
