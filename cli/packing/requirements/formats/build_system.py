"""The [build-system] of a project: whether tools install the project itself, and by which backend.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.packing.requirements.formats.toml_files import read_toml

_LEGACY = {"requires": ["setuptools>=40.8.0"], "build-backend": "setuptools.build_meta:__legacy__"}
"""What PEP 517 has tools assume."""
_LISTS = ("requirements.txt", "Pipfile")


def find_project(root: Path, import_root: str) -> Path | None:
    """Return the folder of the project that an app is of, if tools install that project; else None."""
    start = root / import_root
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder if _is_installed(read_toml(folder / "pyproject.toml")) else None
        if (folder / "setup.py").is_file():
            # Beside a list of requirements it may be there for tools only.
            return None if any((folder / name).is_file() for name in _LISTS) else folder
        if folder == root:
            break
    return None


def read_project(folder: Path) -> Mapping[str, Any]:
    """Return the [project] of a folder; empty if there is none. Raises RequirementsError."""
    project: Mapping[str, Any] = _read(folder).get("project", {})
    return project


def read_build_system(folder: Path) -> Mapping[str, Any]:
    """Return the [build-system] of a folder, with a backend and its needs. Raises RequirementsError."""
    said: Mapping[str, Any] = _read(folder).get("build-system", {})
    return said if said.get("build-backend") else {**_LEGACY, **said}


def _read(folder: Path) -> dict[str, Any]:
    pyproject = folder / "pyproject.toml"
    return read_toml(pyproject) if pyproject.is_file() else {}


def _is_installed(content: Mapping[str, Any]) -> bool:
    """Whether tools install the project, rather than only its dependencies."""
    tools: Mapping[str, Any] = content.get("tool", {})
    only_dependencies = (
        tools.get("uv", {}).get("package") is False
        or tools.get("poetry", {}).get("package-mode") is False
        or tools.get("pdm", {}).get("distribution") is False
    )
    return "build-system" in content and not only_dependencies
