"""Apps of the samples, imported as their own servers import them: from their own folder."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def import_from(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], ModuleType]]:
    """Import a module of a folder; at the end it is forgotten, with whatever else came from there."""
    folders: list[Path] = []

    def load(folder: Path, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(folder)
        folders.append(folder)
        return importlib.import_module(name)

    yield load
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if origin and any(Path(origin).is_relative_to(folder) for folder in folders):
            del sys.modules[name]
