"""The owner of a stage: the project that was deployed to it last. Another project has to ask first.

Two projects of the same name in an account would replace and remove each other, with --yes even without a
question. So the bucket holds, beside the records of releases, what tells projects apart:

    repository   the first commit, or the URL of the remote: one of them is enough
    folder       the project's folder in the repository, which may hold several projects
    place        without a repository: a digest of the folder on this machine, which hides its name

Rules:
- An unknown value is not compared: a shallow clone has no first commit, a container image may have no git.
- A project without a repository that comes from another machine is compared by the names of folder and app.
- Passwords in URLs are never recorded.
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
    """The values that tell projects apart; "" for an unknown one."""

    commit: str
    """The first commit of the repository."""
    remote: str
    """Host and path of the remote: "github.com/octo/shop"."""
    folder: str
    """The project's folder in the repository; without a repository, the folder's name."""
    app: str
    machine: str
    """A digest of this machine."""
    place: str
    """A digest of the folder on this machine."""

    def is_same(self, other: "Owner") -> bool:
        """Whether both may be the same project, judged by the values that both have."""
        commits, remotes = (self.commit, other.commit), (self.remote, other.remote)
        matches = [one == two for one, two in (commits, remotes) if one and two]
        if matches:
            return any(matches) and self.folder == other.folder
        if self.machine and self.machine == other.machine:
            return self.place == other.place
        apps_known = self.app and other.app
        return Path(self.folder).name == Path(other.folder).name and (not apps_known or self.app == other.app)

    def is_beside(self, other: "Owner") -> bool:
        """Whether only the place on this machine tells the two apart."""
        repositories = self.commit or self.remote or other.commit or other.remote
        return not repositories and bool(self.machine) and self.machine == other.machine

    def __str__(self) -> str:
        where = self.remote or (f"the repository that began with {self.commit[:12]}" if self.commit else "")
        return ", ".join(
            filter(None, [where, f"folder {self.folder or '.'}", self.app and f"app {self.app}"])
        )


def find(settings: Settings) -> Owner:
    """Return the project that is about to deploy, without a network call."""
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


def check(
    stage: Stage, now: Owner, console: Console, what: str, *, yes: bool, take_over: bool
) -> Owner | None:
    """Return the owner of the stage, if it is this project, or the user agrees to `what` ("deploy") anyway.

    `now` is this project. Raises StageTaken if another one owns the stage and nobody can be asked; Declined.
    """
    before = fetch(stage)
    if before is None or before.is_same(now) or take_over:
        return before
    here = " in another folder of this machine" if before.is_beside(now) else ""
    taken = f"{stage.name} in {stage.region} was deployed last from another project{here}: {before}"
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
    """Return the project that deployed to the stage last; None if it was not recorded."""
    found = objects.fetch(stage, stage.prefix + KEY)
    return _read(json.loads(found)) if found else None


@translated(during="keeping whose stage this is")
def record(stage: Stage, now: Owner, before: Owner | None) -> None:
    """Record this project, `now`, as the owner, unless it is the owner `before` already."""
    if now != before:
        objects.put(stage, stage.prefix + KEY, json.dumps(asdict(now), indent=2).encode())


def _read(record: Any) -> Owner:
    """Return the owner in a record; unknown fields, of a later lambdify, are ignored."""
    names = ("commit", "remote", "folder", "app", "machine", "place")
    return Owner(**{name: str(record.get(name, "")) for name in names})


def _first_commit(root: Path) -> str:
    """Return the oldest commit without a parent; "" in a shallow clone, where other commits look like it."""
    if git.ask(root, "rev-parse", "--is-shallow-repository") != "false":
        return ""
    return git.ask(root, "rev-list", "--max-parents=0", "HEAD").rpartition("\n")[2]


def _normalize(url: str) -> str:
    """Return host and path of a repository's URL, the same for https and ssh: "github.com/octo/shop"."""
    by_ssh = re.fullmatch(r"(?:[^@/:]+@)?([^/:]+):(?!//)(.+)", url)
    try:
        host, path = by_ssh.groups() if by_ssh else (urlsplit(url).hostname or "", urlsplit(url).path)
    except ValueError:
        return ""
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}".strip("/")
