"""Which project a stage belongs to: the one that was deployed to it last. Another one has to ask.

Two projects of one name would replace each other in an account, and remove each other, with --yes and without
a word. So what tells projects apart is kept beside the records of releases, in the bucket:

    repository   the first commit, or the address that it is fetched from: either is enough
    folder       where in the repository the project is: there may be several
    place        without a repository: the folder on this machine, as a digest that tells nothing of its name

Rules:
- What is not known tells nothing: a shallow clone knows no first commit, a container image no git at all.
- A project without a repository, from another machine, is known by the names of its folder and its app.
- Passwords in addresses are never kept.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lambdify.cli.artifacts import objects
from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined, StageTaken
from lambdify.cli.programs import git
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage
from lambdify.cli.storage import seal

KEY = "project/owner.json"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """What tells a project from another; "" where something is not known."""

    commit: str
    """The first commit of the repository."""
    remote: str
    """Where the repository is fetched from: "github.com/octo/shop"."""
    folder: str
    """Of the project, in the repository; without one, its name."""
    app: str
    machine: str
    place: str
    """Digests of this machine and of the folder on it."""

    def is_same(self, other: "Owner") -> bool:
        """Whether both may be the same project, by what is known of both."""
        commits, remotes = (self.commit, other.commit), (self.remote, other.remote)
        matches = [one == two for one, two in (commits, remotes) if one and two]
        if matches:
            return any(matches) and self.folder == other.folder
        if self.machine and self.machine == other.machine:
            return self.place == other.place
        apps_known = self.app and other.app
        return Path(self.folder).name == Path(other.folder).name and (not apps_known or self.app == other.app)

    def __str__(self) -> str:
        where = self.remote or (f"the repository that began with {self.commit[:12]}" if self.commit else "")
        return ", ".join(
            filter(None, [where, f"folder {self.folder or '.'}", self.app and f"app {self.app}"])
        )


def find(settings: Settings) -> Owner:
    """Who is about to deploy. Nothing is asked of the network."""
    root = settings.root.resolve()
    top = git.ask(root, "rev-parse", "--show-toplevel")
    return Owner(
        commit=_first_commit(root) if top else "",
        remote=_normalize(git.ask(root, "config", "--get", "remote.origin.url")) if top else "",
        folder=os.path.relpath(root, top) if top else root.name,
        app=settings.app,
        machine=seal.sign("machine", ""),
        place=seal.sign("place", str(root)),
    )


def check(stage: Stage, console: Console, what: str, *, yes: bool, take_over: bool) -> Owner | None:
    """Return who owned the stage until now, when that is the same project, or the user wants to `what` it.

    Raises StageTaken where that is another project and there is nobody to ask, and Declined.
    """
    before, now = fetch(stage), find(stage.settings)
    if before is None or before.is_same(now) or take_over:
        return before
    taken = f"{stage.name} in {stage.region} was deployed last from another project: {before}"
    if yes or not console.interactive:
        raise StageTaken(
            f"{taken}. This one is {now}.",
            hint='Give this project a name of its own, name = "..." in lambdify.toml; '
            f"or {what} that one all the same with --take-over.",
        )
    console.warn(f"{taken}. This one is {now}.")
    if not console.confirm(f"{what.capitalize()} it all the same?", flag="--take-over"):
        raise Declined(f"{stage.name} was left as it is.")
    return before


@translated(during="looking whose stage this is")
def fetch(stage: Stage) -> Owner | None:
    """Who deployed to the stage last; None where that was not kept."""
    found = objects.fetch(stage, stage.prefix + KEY)
    return _read(json.loads(found)) if found else None


@translated(during="keeping whose stage this is")
def record(stage: Stage, before: Owner | None) -> None:
    """Keep who deploys, where that is not who did `before`."""
    now = find(stage.settings)
    if now != before:
        objects.put(stage, stage.prefix + KEY, json.dumps(asdict(now), indent=2).encode())


def _read(record: Any) -> Owner:
    """The owner in a record; what a later lambdify keeps besides is left aside."""
    names = ("commit", "remote", "folder", "app", "machine", "place")
    return Owner(**{name: str(record.get(name, "")) for name in names})


def _first_commit(root: Path) -> str:
    """The oldest commit without a parent; "" in a shallow clone, which would take its edge for one."""
    if git.ask(root, "rev-parse", "--is-shallow-repository") != "false":
        return ""
    return git.ask(root, "rev-list", "--max-parents=0", "HEAD").rpartition("\n")[2]


def _normalize(url: str) -> str:
    """An address of a repository, the same for https and ssh, without who asks: "github.com/octo/shop"."""
    by_ssh = re.fullmatch(r"(?:[^@/:]+@)?([^/:]+):(?!//)(.+)", url)
    try:
        host, path = by_ssh.groups() if by_ssh else (urlsplit(url).hostname or "", urlsplit(url).path)
    except ValueError:
        return ""
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}".strip("/")
