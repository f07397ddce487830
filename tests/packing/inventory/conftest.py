"""What the tests of the inventory share."""

from collections.abc import Iterator

import pytest
from packing.inventory.osv_service import REQUESTS, REQUESTS_OF_THE_INDEX, Osv, serve


@pytest.fixture
def osv() -> Iterator[Osv]:
    """The service, which knows one advisory, in both of its records."""
    with serve(REQUESTS, REQUESTS_OF_THE_INDEX) as served:
        yield served
