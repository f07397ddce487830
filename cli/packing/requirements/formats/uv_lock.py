"""uv.lock: whose it is. A workspace has one lock, for the project in its folder and for each member.

https://docs.astral.sh/uv/concepts/projects/workspaces/
"""

from collections.abc import Mapping
from pathlib import Path

from lambdify.cli.packing.requirements.formats.toml_files import read_toml

_KINDS = ("editable", "virtual", "directory")
_MANIFEST = b"[manifest]"
"""The table that lists a workspace's members."""


def find_member(lock: Path, folder: Path) -> str | None:
    """Return the name of the workspace's member that a folder belongs to.

    It is "" for the project beside the lock, and None for another project, which is no member.
    """
    if _MANIFEST not in lock.read_bytes():
        return "" if _nearest_project(folder, lock.parent) == lock.parent else None
    content = read_toml(lock)
    members = set(content["manifest"].get("members", ()))
    top = lock.parent.resolve()
    places = {
        (top / path).resolve(): package["name"]
        for package in content.get("package", ())
        for path in [find_place(package.get("source", {}))]
        if path and package["name"] in members
    }
    nearest = _nearest_project(folder.resolve(), top)
    if nearest == top:
        return ""
    return places.get(nearest)


def find_place(source: Mapping[str, str]) -> str:
    """Return the folder that a package of a lock comes from, relative to the lock; "" if it is none."""
    return next(filter(None, map(source.get, _KINDS)), "")


def _nearest_project(folder: Path, top: Path) -> Path:
    """Return the nearest folder, from `folder` up to `top`, that has a pyproject.toml with a [project]."""
    for each in (folder, *folder.parents):
        if each == top:
            break
        if (each / "pyproject.toml").is_file() and "project" in read_toml(each / "pyproject.toml"):
            return each
    return top
