"""Where lambdify keeps things on this machine: what it runs (home) and what it may always make again (cache).

LAMBDIFY_HOME and LAMBDIFY_CACHE move them; otherwise the XDG base directories decide.
https://specifications.freedesktop.org/basedir-spec/latest/
"""

import os
from pathlib import Path


def home() -> Path:
    """The folder of the local cloud's state and unpacked functions: one folder, one cloud."""
    return _folder("LAMBDIFY_HOME", "XDG_STATE_HOME", Path(".local", "state"))


def cache() -> Path:
    """The folder of built wheels and runtime clients; deleting it costs time and nothing else."""
    return _folder("LAMBDIFY_CACHE", "XDG_CACHE_HOME", Path(".cache"))


def _folder(own: str, standard: str, fallback: Path) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).absolute()
    base = os.environ.get(standard, "")
    # The specification says that a relative path in an XDG variable is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / fallback) / "lambdify"
