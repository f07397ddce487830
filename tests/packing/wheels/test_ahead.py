"""Work begins with what uv knows of before, while the index is asked; and the index has the last word."""

import io
import os
import time
from dataclasses import replace

import pytest
from packing.packages import sha256

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import find_dependencies


def find(root, expect, *, upgrade=False):
    loaded = settings.load(root)
    loaded = replace(loaded, build=replace(loaded.build, strategy="wheels"))
    found = find_dependencies(
        loaded, Target(), (), Console(stderr=io.StringIO()), upgrade=upgrade, prefetch=expect
    )
    return named(found.distributions)


def named(distributions):
    return [(each.name, each.version) for each in distributions]


def publish(index, version):
    """Put `web` on the index, which tells hashes, as the public one does: uv needs no file for them."""
    folder = index.add_wheel("web", version).parent
    links = [f'<a href="{path.name}#sha256={sha256(path)}">{path.name}</a>' for path in folder.glob("*.whl")]
    page = folder / "index.html"
    page.write_text("\n".join(links))
    # HTTP's dates have whole seconds: a page of the same second would be the same page.
    os.utime(page, (time.time(), time.time() + 10 * len(links)))


@pytest.fixture
def root(project, index, tmp_path, monkeypatch):
    """A project whose requirements were resolved and downloaded once; `web` has a second version since."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    # What uv knows of an index goes by its address, and other tests have had this port.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    publish(index, "1.0")
    folder = project({"requirements.txt": f"{index.option}web\n"})
    assert find(folder, None) == [("web", "1.0")]
    return folder


def until_it_begins(index, begun):
    """An index that answers once something was begun with, which is noted."""
    index.answers.clear()

    def begin(distributions):
        begun.append(distributions)
        index.answers.set()

    return begin


def test_it_begins_with_what_was_known_before(root, index):
    begun = []
    assert find(root, until_it_begins(index, begun), upgrade=True) == [("web", "1.0")]
    assert list(map(named, begun)) == [[("web", "1.0")]]


def test_what_the_index_says_is_what_counts(root, index):
    publish(index, "2.0")
    assert find(root, lambda _: None, upgrade=True) == [("web", "2.0")]


def test_nothing_is_begun_with_that_would_have_to_be_downloaded(root, index, tmp_path):
    for wheel in (tmp_path / "cache" / "downloads").iterdir():
        wheel.unlink()
    begun = []
    assert find(root, until_it_begins(index, begun), upgrade=True) == [("web", "1.0")]
    assert list(map(named, begun)) == [[]]


def test_a_failure_of_it_is_no_failure_of_the_run(root):
    def fail(_):
        raise OSError("no space left")

    assert find(root, fail, upgrade=True) == [("web", "1.0")]
