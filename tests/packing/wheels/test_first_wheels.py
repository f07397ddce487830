"""Pinned packages that have no wheel: the first version that has one is named.

An image that cannot be had hides neither the packages that need it nor what is ready in their place.
"""

import socket

import pytest
from packing.packages import native_tree, source_tree

from lambdify.cli.errors import BuildError, DockerUnavailable
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution import first_wheels
from lambdify.cli.packing.resolution.resolver import TIME_LIMIT
from lambdify.cli.packing.target import Target

NO_ENGINE = "tcp://127.0.0.1:1"
NO_IMAGE = "127.0.0.1:1/nowhere:latest"
READY = "cp313-cp313-manylinux_2_17_x86_64"


def add_native(index, name, version):
    return index.add_sdist(name, version, tree={**source_tree(name, version), "core.c": "int x;"})


@pytest.fixture
def natives(index):
    """psycopg2 has no wheel at all, pinned has them from 2.1 on, and for other Pythons and systems before."""
    for name, version in (("psycopg2", "2.9"), ("pinned", "1.5"), ("pinned", "2.0")):
        add_native(index, name, version)
    index.add_wheel("pinned", "1.4", tag=READY)
    index.add_wheel("pinned", "2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    index.add_wheel("pinned", "2.0.1", tag="cp313-cp313-win_amd64")
    index.add_wheel("pinned", "2.1rc1", tag=READY)
    for version in ("2.1", "2.2"):
        index.add_wheel("pinned", version, tag=READY)
    index.add_sdist("apure", "1")
    return index


def tell(index, tmp_path, *packages, python="3.13", limit=TIME_LIMIT, options=""):
    indexes = find_indexes((options or index.option.strip(),), tmp_path)
    target = Target(python=python, architecture="x86_64")
    return first_wheels.tell(packages, indexes, tmp_path, target, limit=limit)


def pinned(version, name="pinned", kind="sdist"):
    return Package(name=name, version=version, kind=kind, filename=f"{name}.tar.gz", url="https://x.invalid/")


PINNED = "pinned {} has no wheel for Python 3.13 on x86_64; {} is the first that has: write pinned=={}."


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (pinned("1.5"), PINNED.format("1.5", "2.1", "2.1")),
        (pinned("2.0"), PINNED.format("2.0", "2.1", "2.1")),
        # A local version is of nobody's index.
        (pinned("2.0+ours"), PINNED.format("2.0+ours", "2.1", "2.1")),
        # It has one: something else forbids it, such as --no-binary.
        (pinned("2.1"), ""),
        (pinned("2.3"), ""),
        (pinned("2.9", "psycopg2"), ""),
        (pinned("1", "unheard-of"), ""),
        # These are of no index.
        (pinned("1.5", kind="directory"), ""),
        (pinned("1.5", kind="git"), ""),
        (pinned(""), ""),
    ],
)
def test_the_first_version_with_a_wheel(natives, tmp_path, package, said):
    assert tell(natives, tmp_path, package) == said


def test_many_are_not_all_asked_about(natives, tmp_path):
    said = tell(natives, tmp_path, *[pinned("1.5")] * (first_wheels.MAX_ASKED + 3))
    assert said.count("pinned==2.1") == first_wheels.MAX_ASKED


def test_several_are_told_in_one_sentence(natives, tmp_path):
    add_native(natives, "other", "1")
    natives.add_wheel("other", "1.1")
    packages = pinned("1", "other"), pinned("2.9", "psycopg2"), pinned("1.5")
    assert tell(natives, tmp_path, *packages) == (
        "The first versions that have a wheel for Python 3.13 on x86_64: "
        "write other==1.1 (not 1), pinned==2.1 (not 1.5)."
    )


@pytest.mark.slow
def test_an_index_that_does_not_answer_is_not_waited_for(index, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        option = f"--index-url http://127.0.0.1:{silent.getsockname()[1]}/simple"
        assert tell(index, tmp_path, pinned("1.5"), limit=1, options=option) == ""
        # It was asked.
        silent.setblocking(False)
        silent.accept()[0].close()


def test_nothing_is_asked_without_a_package(natives, tmp_path):
    assert tell(natives, tmp_path) == ""
    assert natives.asked == []


@pytest.mark.slow
def test_without_an_engine(natives, project, install, monkeypatch, golden):
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    root = project({"requirements.txt": f"{natives.option}psycopg2\npinned==1.5\n"})
    with pytest.raises(DockerUnavailable) as raised:
        install(root)
    golden("no-engine.txt", f"{raised.value.message.partition('answers:')[0]}\n{raised.value.hint}\n")


@pytest.mark.slow
def test_what_turns_out_to_need_a_compiler_is_told_too(index, project, install, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    tree = {**source_tree("mysql-python", "1.2"), "backend.py": "import ConfigParser\n"}
    index.add_sdist("mysql-python", "1.2", tree=tree)
    root = project({"requirements.txt": f"{index.option}MySQL-python==1.2\n"})
    with pytest.raises(DockerUnavailable) as raised:
        install(root)
    assert "In place of mysql-python: PyMySQL, pure Python." in raised.value.hint


@pytest.mark.slow
def test_where_nothing_may_be_built(natives, project, install, golden):
    root = project({"requirements.txt": f"{natives.option}psycopg2\npinned==1.5\n"})
    with pytest.raises(BuildError) as raised:
        install(root, strategy="wheels")
    golden("wheels-only.txt", f"{raised.value.message}\n{raised.value.hint}\n")


@pytest.mark.slow
@pytest.mark.docker
def test_an_image_that_cannot_be_pulled(natives, project, install, build_image, shared_cache, golden):
    root = project({"requirements.txt": f"{natives.option}apure\npsycopg2\npinned==1.5\n"})
    with pytest.raises(BuildError) as raised:
        install(root, image=NO_IMAGE)
    first, _, rest = raised.value.message.partition("\n")
    # In between stand the engine's own words.
    assert first.startswith(f"the build image {NO_IMAGE} could not be pulled: ")
    golden("no-image.txt", f"{rest}\n{raised.value.hint}\n")
    # What is pure was not built before that was known.
    assert not list(shared_cache.rglob("apure-1-*.whl"))


@pytest.mark.slow
@pytest.mark.docker
def test_an_image_of_another_python(natives, project, install, build_image):
    root = project({"requirements.txt": f"{natives.option}psycopg2\n"})
    with pytest.raises(BuildError, match=r"has Python 3\.11, the function needs 3\.13") as raised:
        install(root, image=build_image)
    assert "In place of psycopg2: psycopg2-binary" in raised.value.hint


@pytest.mark.slow
@pytest.mark.docker
def test_a_build_that_fails(index, project, install, build_image, golden):
    index.add_sdist("pinned", "1.0", tree=native_tree("pinned", value="no such thing"))
    index.add_wheel("pinned", "1.1", tag=READY.replace("313", "311"))
    root = project({"requirements.txt": f"{index.option}pinned==1.0\n"})
    with pytest.raises(BuildError, match=r"pinned 1\.0: pip wheel failed") as raised:
        install(root, "3.11", image=build_image)
    golden("build-failed.txt", f"{raised.value.hint}\n")
