"""Packages that need a compiler, without a container engine: told together, first, with what is ready."""

import pytest
from packing.packages import source_tree

from lambdify.cli.errors import BuildError, DockerUnavailable
from lambdify.cli.packing.resolution import advice

NO_ENGINE = "tcp://127.0.0.1:1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("psycopg2", "psycopg2-binary"),
        ("psycopg-c", "psycopg[binary]"),
        ("mysqlclient", "PyMySQL"),
        ("uvloop", '[build] omit = ["uvloop"]'),
        ("pycrypto", "pycryptodome"),
        ("python-ldap", "openldap-devel"),
    ],
)
def test_twins(name, said):
    assert said in advice.find_twin(name)


def test_a_package_without_a_twin_has_none():
    assert advice.find_twin("pyproj") == ""


@pytest.fixture
def natives(index):
    for name, version in (("psycopg2", "2.9"), ("mysqlclient", "2.2"), ("odd", "1")):
        index.add_sdist(name, version, tree={**source_tree(name, version), "core.c": "int x;"})
    index.add_sdist("apure", "1")
    return index


@pytest.mark.slow
def test_all_are_told_together_before_anything_is_built(
    natives, project, install, shared_cache, monkeypatch, capsys
):
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    root = project({"requirements.txt": f"{natives.option}apure\nodd\npsycopg2\nmysqlclient\n"})
    with pytest.raises(DockerUnavailable) as raised:
        install(root)
    for label in ("psycopg2 2.9", "mysqlclient 2.2", "odd 1"):
        assert label in raised.value.message
    assert "apure" not in raised.value.message
    assert "In place of psycopg2: psycopg2-binary" in raised.value.hint
    assert "In place of mysqlclient: PyMySQL" in raised.value.hint
    assert "What the app does without, [build] omit leaves out." in raised.value.hint
    # Not even what is pure was built before that was known.
    assert "Build apure" not in capsys.readouterr().err
    assert not list(shared_cache.rglob("apure-1-*.whl"))


@pytest.mark.slow
def test_wheels_only_says_the_same(natives, project, install):
    root = project({"requirements.txt": f"{natives.option}psycopg2\n"})
    with pytest.raises(BuildError) as raised:
        install(root, strategy="wheels")
    assert "In place of psycopg2: psycopg2-binary" in raised.value.hint
