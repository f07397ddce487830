"""A function that streams."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from local.running import Running
from local.streaming import HANDLER, Streaming


@pytest.fixture
def stream(
    run: Callable[..., Running], pack_adapter: Callable[..., None], tmp_path: Path
) -> Iterator[Callable[..., Streaming]]:
    """A function with that source as app.py, and the adapter as the bundle has it."""
    threads = ThreadPoolExecutor(4)

    def start(source: str, bundle: dict[str, Any] | None = None, **changes: Any) -> Streaming:
        pack_adapter(**(bundle or {}))
        folder = tmp_path / "told"
        folder.mkdir()
        environment = (("TEST_FOLDER", str(folder)), *changes.pop("environment", ()))
        running = run(source, handler=HANDLER, environment=environment, **changes)
        return Streaming(running, folder, threads)

    yield start
    threads.shutdown(wait=False)
