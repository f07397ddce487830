"""The git commit that a project's folder is at."""

from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.programs import git

_STATUS = ("status", "--porcelain", "--ignore-submodules=dirty", "--", ".")
"""Of a submodule the commit counts: for more, git would be started in it, with its own settings."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A commit, and whether the folder differs from it."""

    commit: str
    """All forty digits; "" if there is no git, or no commit yet."""
    dirty: bool


def find(root: Path) -> Revision:
    """Return the commit of the folder that is deployed. Files that git does not track make it dirty too."""
    commit = git.ask(root, "rev-parse", "--verify", "HEAD")
    return Revision(commit=commit, dirty=bool(commit and git.ask(root, *_STATUS)))
