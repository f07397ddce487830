"""What an app is asked for its static files with, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.target import Target
from lambdify.cli.static.outline import Place

COLLECTED = ".lambdify/static"
"""The folder of the bundle for files that have no place of their own in it."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An app that is not packed yet."""

    app: str
    """"package.module:attribute"."""
    framework: str
    """As detection names it."""
    members: tuple[Member, ...]
    """The files of the app's zip."""
    target: Target
    layer: str
    """The digest of the dependencies in a layer; "" if there are none."""
    make_layer: Callable[[], tuple[Entry, ...]]
    """Returns the files of that layer."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files of the app in one folder."""

    url: str
    """The path that they are served below, not encoded: "/static/"."""
    folder: str
    """Their folder in the bundle."""
    own: bool = False
    """Whether it is a folder of the project, of which every file is served."""
    pages: bool = False
    """Whether its index.html stands for a folder."""
    hashed: tuple[str, ...] = ()
    """Names below the folder that change with their content."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an app has said."""

    sources: tuple[Source, ...] = ()
    read: tuple[str, ...] = ()
    """Files and folders of the project that were read for it, or looked for in vain; "" for the project's."""
    served_by: str = ""
    """Who in the app serves Django's files: "WhiteNoise"; "" for nobody."""
    elsewhere: str = ""
    """Why Django's files are not to be served here: a sentence; "" if they are."""
    hosts: tuple[str, ...] = ("*",)
    """Those that a Django answers to, as ALLOWED_HOSTS has them; all others answer to every host."""


class Asked(NamedTuple):
    """An answer, with the files that the bundle gets by it, as they are called there."""

    answer: Answer
    files: tuple[Member, ...]
    ran: Mapping[str, frozenset[Place]] = {}
    """Where the functions are that ran, by file of the project, of those that were imported only."""


Ask = Callable[[Subject], Asked]
"""Asks an app. Raises StaticFilesUnknown."""
