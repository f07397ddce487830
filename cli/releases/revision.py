"""Which commit of git a project's folder is at."""

import os
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli import programs


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A commit, and whether what is in the folder is another thing."""

    commit: str
    """All forty digits; "" where there is no git, or no commit yet."""
    dirty: bool


def find(root: Path) -> Revision:
    """The commit of the folder that is to be deployed. Files that git does not know make it dirty too."""
    commit = ask(root, "rev-parse", "--verify", "HEAD")
    return Revision(commit=commit, dirty=bool(commit and ask(root, "status", "--porcelain", "--", ".")))


def ask(root: Path, *question: str) -> str:
    """What git says; "" when it does not know, or is not there."""
    # A look at the folder must not get in the way of anybody: git-status(1), background refresh.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        outcome = programs.run(["git", *question], cwd=root, environment=environment)
    except FileNotFoundError:
        return ""
    return outcome.output.strip() if outcome.succeeded else ""
