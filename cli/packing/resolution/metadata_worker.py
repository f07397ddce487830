"""A program that has a build backend write the metadata of the project in its working folder (PEP 517).

In:  the backend, its path, the requirements that are installed, and a folder, as JSON.
Out: in that folder NAME.dist-info/, or requirements.json with what the backend needs besides.

It imports nothing of lambdify.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(text: str) -> None:
    """Write the metadata, or the requirements that are missing for it."""
    task: dict[str, Any] = json.loads(text)
    sys.path[:0] = [str(Path(path).resolve()) for path in task["path"]]
    module, _, attributes = task["backend"].partition(":")
    backend: Any = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        backend = getattr(backend, name)
    ask = getattr(backend, "get_requires_for_build_wheel", None)
    missing = [each for each in (ask() if ask else []) if each not in task["installed"]]
    if missing:
        Path(task["folder"], "requirements.json").write_text(json.dumps(missing), encoding="utf-8")
        return
    backend.prepare_metadata_for_build_wheel(task["folder"])


if __name__ == "__main__":
    main(sys.argv[1])
