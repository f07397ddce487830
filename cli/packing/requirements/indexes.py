"""Package indexes: the same ones for uv, for pip in a container, and for our own downloads.

Indexes are read from these places, in this order. The first default index counts; extra indexes add up:

1. uv's variables    UV_DEFAULT_INDEX or UV_INDEX_URL, UV_INDEX, UV_EXTRA_INDEX_URL, UV_FIND_LINKS
2. requirements      --index-url, --extra-index-url, --find-links, --no-index
3. pip's variables   PIP_INDEX_URL, PIP_EXTRA_INDEX_URL
4. uv's files        [[index]] and its older forms, in the project's uv.toml or [tool.uv], then the user's

uv itself has 1 before 2 before 4, pip has 2 before 3. Other places, such as pip's own files, are not read.
https://docs.astral.sh/uv/concepts/indexes/, https://pip.pypa.io/en/stable/cli/pip_install/
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli.packing.requirements.credentials import (
    basic_authorization,
    find_login,
    with_login,
    with_netrc,
)
from lambdify.cli.settings import config_file
from lambdify.cli.storage import texts

_KINDS_OF_UV_VARIABLES = {
    "UV_DEFAULT_INDEX": "default",
    "UV_INDEX_URL": "default",
    "UV_INDEX": "extra",
    "UV_EXTRA_INDEX_URL": "extra",
    "UV_FIND_LINKS": "links",
}
_KINDS_OF_PIP_VARIABLES = {"PIP_INDEX_URL": "default", "PIP_EXTRA_INDEX_URL": "extra"}
PIP_VARIABLES = tuple(_KINDS_OF_PIP_VARIABLES)
"""The variables of pip that are read, too."""
_OPTION = re.compile(
    r"(?:--(?P<long>index-url|extra-index-url|find-links)|-(?P<short>[if]))[ =]\s*(?P<value>\S+)"
)
_KINDS_OF_OPTIONS = {
    "index-url": "default",
    "i": "default",
    "extra-index-url": "extra",
    "find-links": "links",
    "f": "links",
}
_NO_INDEX = "--no-index"


@dataclass(frozen=True, kw_only=True)
class Indexes:
    """The package indexes, with credentials."""

    default: str = ""
    """URL; "" means the public index."""
    extra: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Pages and folders that list files (--find-links)."""
    offline: bool = False
    """Whether only `links` are used (--no-index)."""
    explicit: tuple[str, ...] = ()
    """Indexes that are used only for the packages that uv's settings assign to them."""
    options: tuple[str, ...] = ()
    """Lines of the requirements that name an index or --no-index."""
    uv_environment: tuple[tuple[str, str], ...] = ()
    """Variables with the indexes that uv does not read by itself. They are no arguments, which `ps` shows."""

    @property
    def uv_options(self) -> tuple[str, ...]:
        """The arguments of uv for which it has no variable."""
        return (_NO_INDEX,) if self.offline else ()

    @property
    def pip_environment(self) -> Mapping[str, str]:
        """The variables for pip in a container. file: URLs are left out, since the files are not there."""
        given = {
            "PIP_INDEX_URL": (self.default,),
            "PIP_EXTRA_INDEX_URL": self.extra,
            "PIP_FIND_LINKS": self.links,
        }
        remote = {
            name: " ".join(with_netrc(url) for url in urls if url.startswith("http"))
            for name, urls in given.items()
        }
        return {name: urls for name, urls in remote.items() if urls} | (
            {"PIP_NO_INDEX": "1"} if self.offline else {}
        )

    def authorization(self, url: str) -> Mapping[str, str]:
        """Return the headers with the credentials for a URL; empty if there are none."""
        login = find_login(url, (self.default, *self.extra, *self.links, *self.explicit))
        return {"Authorization": basic_authorization(login)} if login else {}


def find_indexes(
    lines: Iterable[str], root: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Indexes:
    """Return the indexes that requirement lines, the environment and uv's settings for `root` name."""
    options = tuple(line for line in lines if _OPTION.match(line) or line.strip() == _NO_INDEX)
    of_uv = tuple(_in_variables(_KINDS_OF_UV_VARIABLES, environ))
    unknown = (*_in_lines(options), *_in_variables(_KINDS_OF_PIP_VARIABLES, environ))
    named = (*of_uv, *unknown, *(_in_files(root, environ) if root else ()))

    def found(kind: str) -> tuple[str, ...]:
        return tuple(with_login(it.url, it.name, environ) for it in named if it.kind == kind)

    return Indexes(
        default=next(iter(found("default")), ""),
        extra=found("extra"),
        links=found("links"),
        explicit=found("explicit"),
        offline=any(line.strip() == _NO_INDEX for line in options),
        options=options,
        uv_environment=tuple(_uv_variables(of_uv, unknown, environ)),
    )


def settings_files(root: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Yield the paths where uv looks for its settings, the nearest first; the files may not exist."""
    if chosen := environ.get("UV_CONFIG_FILE"):
        yield Path(chosen)
        return
    for folder in (root, *root.parents):
        yield folder / "uv.toml"
        yield folder / "pyproject.toml"
    yield Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "uv", "uv.toml")
    yield Path("/etc/uv/uv.toml")


class _Index(NamedTuple):
    """An index that a variable, an option or a file names."""

    kind: str
    """default, extra, links or explicit."""
    url: str
    name: str = ""


def _in_variables(variables: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[_Index]:
    for variable, kind in variables.items():
        for value in re.split(r"[\s,]+" if kind == "links" else r"\s+", environ.get(variable, "")):
            # An index can have a name: "internal=https://host/simple".
            name, separator, url = value.partition("=")
            if separator and re.fullmatch(r"[\w.-]+", name):
                yield _Index(kind, url, name)
            elif value:
                yield _Index(kind, value)


def _in_lines(options: Iterable[str]) -> Iterator[_Index]:
    for line in options:
        if match := _OPTION.match(line):
            kind = _KINDS_OF_OPTIONS[match["long"] or match["short"]]
            # uv and pip both fill ${NAME} from the environment.
            yield _Index(kind, os.path.expandvars(match["value"].strip("'\"")))


def _uv_variables(
    known: Sequence[_Index], unknown: Sequence[_Index], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    defaults = [it.url for it in unknown if it.kind == "default"]
    if defaults and not any(it.kind == "default" for it in known):
        yield "UV_DEFAULT_INDEX", defaults[0]
    # uv reads these variables after its other settings of the same kind, which therefore stay first.
    for kind, variable, separator in (("extra", "UV_EXTRA_INDEX_URL", " "), ("links", "UV_FIND_LINKS", ",")):
        if added := [it.url for it in unknown if it.kind == kind]:
            own = [environ[variable]] if environ.get(variable) else []
            yield variable, separator.join((*own, *added))


def _in_files(root: Path, environ: Mapping[str, str]) -> Iterator[_Index]:
    for table in _tables(root, environ):
        for index in table.get("index", ()):
            kind = next((word for word in ("default", "explicit") if index.get(word)), "extra")
            yield _Index(
                "links" if index.get("format") == "flat" else kind, index["url"], index.get("name", "")
            )
        # The forms from before [[index]]: at the top level, or under [pip] for the commands that we use.
        older = {**table, **table.get("pip", {})}
        yield from (_Index("default", url) for url in [older.get("index-url")] if url)
        yield from (_Index("extra", url) for url in older.get("extra-index-url", ()))
        yield from (_Index("links", link) for link in older.get("find-links", ()))


def _tables(root: Path, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield uv's settings: of the nearest file in or above the project, the user's and the system's."""
    nearest: Path | None = None
    for file in settings_files(root, environ):
        above = file.parent == root or file.parent in root.parents
        if above and nearest is not None:
            continue
        table: dict[str, Any] = {}
        # uv itself reports a broken file.
        with suppress(OSError, ValueError, RecursionError):
            table = tomllib.loads(texts.read(file))
        if file.name == "pyproject.toml":
            table = table.get("tool", {}).get("uv", {})
        if table:
            if above:
                config_file.refuse_foreign_file(file, root)
                nearest = file
            yield table
