"""git, asked so that nothing runs which a repository names.

A folder from elsewhere brings its `.git/config` along, and that can name programs for nearly everything:
hooks, a file system monitor, filters, pagers, ways to fetch. A look at a commit needs none of them.

Rules:
- What git is told on its command line, or by GIT_CONFIG_*, goes before what any of its files say.
- Filters have names of their own, so those of the repository are looked up first. The user's own stay: who
  has set up git-lfs wants to have it.
- Nobody is asked for a password: a run that waits for an answer waits for ever.

https://git-scm.com/docs/git-config, https://git-scm.com/docs/git#_environment_variables
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lambdify.cli import programs
from lambdify.cli.programs import Outcome

_QUIET = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.pager", "cat"),
    ("diff.external", ""),
    ("core.askPass", ""),
    ("protocol.ext.allow", "never"),
    # A folder that looks like a repository is one only by its .git.
    ("safe.bareRepository", "explicit"),
)
_CALM = {
    # A look at the folder must not get in the way of anybody: git-status(1), background refresh.
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_PAGER": "cat",
    "SSH_ASKPASS_REQUIRE": "never",
}
_ALONE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_ASKPASS": ""}
"""Nothing is fetched, not even what a partial clone lacks."""
_OF_COMMITS = ("config", "rev-list", "rev-parse")
"""Questions for which git opens no file of the folder, so that there is nothing to filter."""
_LOCAL = ("local", "worktree", "command")
"""Whose settings are the repository's, its own includes among them."""


def ask(folder: Path, *question: str) -> str:
    """What git says of a repository on this machine; "" when it does not know, or is not there."""
    environment = {**os.environ, **_CALM, **_ALONE}
    try:
        names = () if question[0] in _OF_COMMITS else _filters(folder, environment)
        filters = [word for name in names for word in ("-c", f"{name}=")]
        outcome = programs.run(["git", *_words(), *filters, *question], cwd=folder, environment=environment)
    except FileNotFoundError:
        return ""
    return outcome.output.strip() if outcome.succeeded else ""


def run(*arguments: str, cwd: Path) -> Outcome:
    """Have git do something that may need the network, with the user's own ways to log in."""
    # Without a value for it, git would open a window of SSH_ASKPASS.
    environment = {"GIT_ASKPASS": "", **os.environ, **_CALM}
    return programs.run(["git", *_words(), *arguments], cwd=cwd, environment=environment)


def variables() -> Mapping[str, str]:
    """The same for a git that somebody else starts."""
    numbered = list(enumerate(_QUIET))
    names = {f"GIT_CONFIG_KEY_{number}": name for number, (name, _) in numbered}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in numbered}
    return {**_CALM, "GIT_CONFIG_COUNT": str(len(_QUIET)), **names, **values}


def _words() -> list[str]:
    return [word for name, value in _QUIET for word in ("-c", f"{name}={value}")]


def _filters(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The settings by which the repository names filters."""
    line = ["git", *_words(), "config", "--show-scope", "--name-only", "--null", "--list"]
    listed = programs.run(line, cwd=folder, environment=environment).output.split("\0")
    for scope, name in zip(listed[::2], listed[1::2], strict=False):
        if scope in _LOCAL and name.startswith("filter."):
            yield name
