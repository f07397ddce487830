"""The git commit that a project's folder is at."""

import os
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli import programs


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A commit, and whether the folder differs from it."""

    commit: str
    """All forty digits; "" if there is no git, or no commit yet."""
    dirty: bool


def find(root: Path) -> Revision:
    """Return the commit of the folder that is deployed. Files that git does not track make it dirty too."""
    commit = ask(root, "rev-parse", "--verify", "HEAD")
    return Revision(commit=commit, dirty=bool(commit and ask(root, "status", "--porcelain", "--", ".")))


def ask(root: Path, *question: str) -> str:
    """Return git's output; "" if git fails or is not installed."""
    # Without optional locks, git never blocks another git in the folder: git-status(1), background refresh.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        outcome = programs.run(["git", *question], cwd=root, environment=environment)
    except FileNotFoundError:
        return ""
    return outcome.output.strip() if outcome.succeeded else ""
