"""What only serves an app, and is left out: servers, their helpers and what restarts them (serving.toml).

[build] keep has one packed all the same; [build] omit leaves out anything else.
"""

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from packaging.utils import canonicalize_name

from lambdify.cli.settings.tables import Build


@dataclass(frozen=True, kw_only=True)
class Server:
    """A distribution that only serves; names are normalised."""

    name: str
    modules: frozenset[str]
    """The top-level modules that it has: an app that imports one needs it."""
    why: str
    brings: frozenset[str]
    """Distributions that mostly come with it."""
    needed_by: frozenset[str]
    """Distributions that import it themselves."""
    library: bool
    """Whether it has other uses."""


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """The distributions that are left out; names are normalised."""

    serving: frozenset[str] = frozenset()
    """Those that only serve."""
    omitted: frozenset[str] = frozenset()
    """Those that the settings name."""
    companions: frozenset[str] = frozenset()
    """Those that only came with them."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self.serving | self.omitted | self.companions))

    def without(self, names: Collection[str]) -> "Exclusion":
        """Return the exclusion of all but these names, which turned out to be needed."""
        needed = frozenset(names)
        return replace(self, serving=self.serving - needed, companions=self.companions - needed)


NOTHING = Exclusion()


def choose(build: Build, imported: Collection[str], required: Iterable[str | None]) -> Exclusion:
    """Return what is left out for an app that imports these modules; the project requires these names."""
    kept = {canonicalize_name(name) for name in build.keep}
    named = set(required)
    serving = {
        server.name
        for server in known()
        if server.name not in kept
        and server.modules.isdisjoint(imported)
        and server.needed_by.isdisjoint(named)
    }
    return Exclusion(
        serving=frozenset(serving), omitted=frozenset(canonicalize_name(name) for name in build.omit)
    )


def companions(exclusion: Exclusion) -> frozenset[str]:
    """Return the distributions that mostly come with those left out."""
    return frozenset(name for server in known() if server.name in exclusion.serving for name in server.brings)


def describe(names: Collection[str]) -> str:
    """Return the note on those of these names that are left out since they only serve."""
    listed = ", ".join(sorted(names))
    first = min(names)
    return f'left out, since Lambda is the server: {listed} ([build] keep = ["{first}"] packs it)'


@cache
def known() -> tuple[Server, ...]:
    """Return all distributions that are known to serve only."""
    text = resources.files(__package__).joinpath("serving.toml").read_text(encoding="utf-8")
    return tuple(
        Server(
            name=row["name"],
            modules=frozenset(row["modules"]),
            why=row["why"],
            brings=frozenset(row.get("brings", ())),
            needed_by=frozenset(row.get("needed_by", ())),
            library=bool(row.get("library")),
        )
        for row in tomllib.loads(text)["server"]
    )
