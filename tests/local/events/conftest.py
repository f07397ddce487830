"""One function for all tests of sources, and a name of its own for each test."""

from collections.abc import Iterator

import pytest
from local.events.observed import KEEPING, Observed, new_mark
from local.stacks import Deployed

from lambdify.cli.local.daemon import cloud as room


@pytest.fixture(scope="session")
def shared(cloud: room.Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("observed")
    source = KEEPING.format(folder=str(folder))
    deployed = Deployed(cloud, tmp_path_factory.mktemp("project"), source, timeout=5)
    yield Observed(deployed, folder)
    deployed.remove()


@pytest.fixture
def function(shared: Observed) -> Iterator[Observed]:
    """The function; stacks of its sources are removed after the test."""
    yield shared
    shared.clear()


@pytest.fixture
def mark() -> str:
    return new_mark()
