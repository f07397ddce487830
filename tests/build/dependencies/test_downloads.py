"""Wheels of indexes as files: downloaded once, and believed only if they are what was locked."""

import pytest

from lambdify.cli.errors import RequirementsError

from .packages import write_wheel


@pytest.fixture
def downloads(shared_cache):
    """The wheels that are there."""
    return lambda: {path.name: path.stat().st_mtime_ns for path in (shared_cache / "downloads").iterdir()}


def test_a_wheel_is_downloaded_once_for_all_projects(project, index, install, downloads):
    index.add_wheel("web", "8.1")
    root = project({"requirements.txt": f"{index.option}web==8.1\n"})
    assert "Download web 8.1" in install(root).story
    before = downloads()
    assert "Download" not in install(root, "3.12").story
    assert downloads() == before


def test_one_that_was_damaged_is_downloaded_again(project, index, install, shared_cache):
    wheel = index.add_wheel("web", "8.2")
    root = project({"requirements.txt": f"{index.option}web==8.2\n"})
    first = install(root)
    (distribution,) = first.dependencies.distributions
    distribution.wheel.write_bytes(wheel.read_bytes()[:-1])
    again = install(root)
    assert "Download web 8.2" in again.story
    assert again.dependencies.key == first.dependencies.key
    assert distribution.wheel.read_bytes() == wheel.read_bytes()


def test_where_one_cannot_be_had_the_message_names_it_and_nothing_half_written_stays(
    project, index, install, downloads
):
    wheels = [index.add_wheel(name, "8.3") for name in ("web", "shop", "till")]
    lines = "".join(f"{name}==8.3\n" for name in ("web", "shop", "till"))
    root = project({"requirements.txt": f"{index.option}{lines}"})
    packed = install(root).dependencies.distributions
    # Resolved before, gone since: from the cache, and from the index.
    for path in (*wheels, *(distribution.wheel for distribution in packed)):
        path.unlink()
    before = downloads()
    with pytest.raises(RequirementsError, match=r"(web|shop|till) 8\.3 could not be downloaded from http"):
        install(root)
    assert downloads() == before


def test_a_wheel_on_this_machine_is_taken_from_where_it_lies(project, index, install, tmp_path, downloads):
    wheel = write_wheel(tmp_path, "web", "8.4")
    run = install(project({"requirements.txt": f"{index.option}web @ {wheel.as_uri()}\n"}))
    assert run.dependencies.distributions[0].wheel == wheel
    assert "Download" not in run.story
