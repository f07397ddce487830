"""Which tools' files are in a project, and which of them count.

One tool that deploys to AWS counts alone, the first of AWS_TOOLS: it says how the app runs there. Without
one, the files that say how a server is started count together, and the first to say something wins.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Keys, Moved, Setting, needless
from lambdify.cli.moving.servers import app_engine, dockerfile, fly, procfile, vercel
from lambdify.cli.moving.tools import chalice, sam, serverless, zappa


class Tool(Protocol):
    """A module of `tools`."""

    def find(self, root: Path) -> Path | None:
        """Return the tool's file; None if there is none."""

    def read(self, path: Path, code: Code) -> Moved:
        """Return what the file says. Raises SettingsError."""


AWS_TOOLS: tuple[Tool, ...] = (zappa, serverless, sam, chalice)
SERVER_FILES: tuple[Tool, ...] = (fly, app_engine, vercel, procfile, dockerfile)


@dataclass(frozen=True, kw_only=True)
class Present:
    """What was read, and what else is there."""

    moved: tuple[Moved, ...]
    """What counts; all have the same stages."""
    others: tuple[str, ...]
    """Files that were not read."""


def read(root: Path, code: Code, only: str = "") -> Present:
    """Return what the files in `root` say; `only` names the one that counts. Raises SettingsError."""
    there = {
        path.relative_to(root).as_posix(): (tool, path)
        for tool in (*AWS_TOOLS, *SERVER_FILES)
        if (path := tool.find(root))
    }
    if only and only not in there:
        raise SettingsError(
            f"{only} is no file of a tool that `lambdify init` reads, or is not in {root}.",
            hint=hints.nearest(only, there) or f"It reads {', '.join(there) or 'none that is here'}.",
        )
    first = next(iter(there), "")
    alone = only or (first if any(there[first][0] is tool for tool in AWS_TOOLS) else "") if there else ""
    chosen = [alone] if alone else list(there)
    moved = [tool.read(path, code) for name, (tool, path) in there.items() if name in chosen]
    # A Dockerfile without a command or a variable says nothing.
    said = [each for each in moved if any(each.stages.values()) or each.deployed]
    return Present(moved=_first_wins(said), others=tuple(name for name in there if name not in chosen))


def _first_wins(found: list[Moved]) -> tuple[Moved, ...]:
    """Return the files' settings without those that an earlier file has made already."""
    said: dict[Keys, str] = {}
    return tuple(_without(each, said) for each in found)


def _without(moved: Moved, said: dict[Keys, str]) -> Moved:
    stages = {
        stage: tuple(_unless_said(each, moved.file, said) for each in settings)
        for stage, settings in moved.stages.items()
    }
    return replace(moved, stages=stages)


def _unless_said(setting: Setting, file: str, said: dict[Keys, str]) -> Setting:
    earlier = next((said[keys] for keys in setting.values if said.get(keys, file) != file), "")
    if earlier:
        return needless(setting.key, f"{earlier} says so, too, and counts")
    for keys in setting.values:
        said.setdefault(keys, file)
    return setting
