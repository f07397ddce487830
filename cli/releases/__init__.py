"""Releases: what was deployed when, by whom, from which commit, and what became of it.

Each is one object in the stage's part of the bucket, `NAME/STAGE/releases/00012.json`.

Rules:
- The stack says which release is live: the one of the version that gets the traffic. A record never says it,
  so a deployment that was killed leaves no record that is wrong.
- A conditional put takes a number, so that two deployments at the same time never share one.
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
- A record holds the names of environment variables and secrets, never their values.
"""

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Literal

from lambdify.cli.artifacts import objects
from lambdify.cli.aws import attempt, translated
from lambdify.cli.releases import revision
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

State = Literal["live", "superseded", "rolled back", "failed", "unfinished", "pruned"]
"""unfinished: its deployment is under way, or was killed; pruned: its version was removed."""
NOT_RECORDED = ("root", "source", "profile", "local", "hooks", "environment", "secrets")
"""Settings that a record leaves out: they are about this machine, or hold values that nobody else may see."""
SUMMARY_LENGTH = 140
"""Characters of a reason that is shown on one line."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One deployment of a version, or the attempt at one."""

    number: int
    at: datetime
    by: str
    """ARN of the caller that deployed it."""
    commit: str
    """The git commit; "" if there was none."""
    dirty: bool
    """Whether there were changes that are in no commit."""
    stack: str
    """Id of the stack. A stack that is created again counts its versions from 1 again."""
    version: str
    """The published version of the function."""
    artifacts: tuple[str, ...]
    """Keys in the bucket, or the URI of an image; they end in the digests."""
    settings: dict[str, Any]
    """The settings as deployed; only the names of environment variables and secrets."""
    state: State
    reason: str
    """Why it failed, or what it was rolled back to and by whom. A live release has a reason if it failed its
    trial and there was no other version to give the traffic to."""
    files: str = ""
    """Key of the record of the files that a CDN serves; "" if it serves none."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """The Lambda and version of each function: {"report": "shop-dev-report:3"}."""

    @property
    def code(self) -> tuple[str, Mapping[str, str]]:
        """All versions that it consists of. Releases that differ in settings alone have the same ones."""
        return self.version, self.functions

    def has_traffic(self, deployed: Stack) -> bool:
        """Whether its versions are those that the stack's aliases lead to.

        Functions that the stack has no longer, or has in another Lambda, tell nothing.
        """
        now = {each.name: each for each in aliases.functions(deployed)}
        return (self.stack, self.version) == (deployed.id, deployed.live) and all(
            now[name].code == code
            for name, code in self.functions.items()
            if name in now and now[name].function == code.partition(":")[0]
        )

    @property
    def summary(self) -> str:
        """The reason on one line, shortened: it may quote a whole page that a version answered with."""
        return textwrap.shorten(self.reason, SUMMARY_LENGTH, placeholder=" ...")


@translated(during="reading the releases")
def find_all(stage: Stage, deployed: Stack | None = None) -> tuple[Release, ...]:
    """Return every recorded release, newest first, in the state that it is in now.

    `deployed` is the stack, if the caller has fetched it already.
    """
    deployed = deployed or stack.find(stage)
    # A stage that is deployed every day has a hundred: read one by one, they would take seconds.
    found = objects.at_once(lambda number: _fetch(number, stage), _list_numbers(stage))
    recorded = tuple(each for each in found if each)
    versions = find_versions(stage) if recorded and deployed else ()
    return determine_states(recorded, deployed, versions)


@translated(during="reading the releases")
def find_live(stage: Stage, deployed: Stack | None = None) -> Release | None:
    """Return the release that has the traffic; None if no record is known.

    `deployed` is the stack, if the caller has fetched it already.
    """
    deployed = deployed or stack.find(stage)
    return _choose_live(_records(stage), deployed) if deployed else None


@translated(during="reading the releases")
def find_since(stage: Stage, since: datetime) -> tuple[Release, ...]:
    """Return the records of releases that were begun since then, newest first; each as it ended."""
    return tuple(takewhile(lambda release: release.at >= since, _records(stage)))


def determine_states(
    recorded: Sequence[Release], deployed: Stack | None, versions: Sequence[str]
) -> tuple[Release, ...]:
    """Return the releases in the order given, each in the state that the stack and its versions imply."""
    live = _choose_live(recorded, deployed) if deployed else None

    def determine_state(release: Release) -> Release:
        if live and release.number == live.number:
            return live
        is_there = deployed and release.stack == deployed.id and release.version in versions
        if release.state == "failed":
            return release
        if not is_there:
            return replace(release, state="pruned", reason=_describe_past(release))
        return replace(release, state="superseded") if release.state == "live" else release

    return tuple(map(determine_state, recorded))


def _describe_past(release: Release) -> str:
    """Say what happened to a release before it was pruned."""
    parts = {"rolled back": "was rolled back {}", "unfinished": "was unfinished: {}"}
    return parts.get(release.state, "{}").format(release.reason) if release.reason else ""


def _choose_live(recorded: Iterable[Release], deployed: Stack) -> Release | None:
    """Return the newest release of the version with the traffic; a failed one only if there is no other."""
    failed = None
    for each in recorded:
        if not each.has_traffic(deployed):
            continue
        if each.state != "failed":
            return replace(each, state="live")
        failed = failed or replace(each, state="live")
    return failed


@translated(during="recording the release")
def begin(deployed: Stack, stage: Stage) -> Release:
    """Record an unfinished release of the published version, under the next free number."""
    found = revision.find(stage.settings.root)
    keys = (deployed.outputs.get(name, "") for name in ("App", "Layer", "Image"))
    release = Release(
        number=next(_list_numbers(stage), 0) + 1,
        at=datetime.now(UTC),
        by=stage.account.caller,
        commit=found.commit,
        dirty=found.dirty,
        stack=deployed.id,
        version=deployed.published,
        artifacts=tuple(key for key in keys if key),
        settings=describe_settings(stage.settings),
        state="unfinished",
        reason="its deployment has not ended",
        files=deployed.outputs.get("Files", ""),
        functions={each.name: f"{each.function}:{each.published}" for each in aliases.functions(deployed)},
    )
    while not _put(release, stage, new=True):
        # boto3 repeats a put whose answer was lost. The record that is there may then be this very one.
        if _fetch(release.number, stage) == release:
            break
        release = replace(release, number=release.number + 1)
    return release


@translated(during="recording the release")
def end(release: Release, state: State, stage: Stage, *, reason: str = "") -> Release:
    """Record the final state of a release, and return it with that state."""
    ended = replace(release, state=state, reason=reason)
    _put(ended, stage, new=False)
    return ended


@translated(during="reading the releases")
def is_ended(release: Release, stage: Stage) -> bool:
    """Whether the record of a release has a final state."""
    found = _fetch(release.number, stage)
    return found is not None and found.state != "unfinished"


def find_versions(stage: Stage, function: str = "", *, by: datetime | None = None) -> tuple[str, ...]:
    """Return the published versions of the app's Lambda, or of `function`, that exist; () if it does not.

    With `by`, those that were there by then: a Lambda that was made again counts from 1 again.
    """
    pages = stage.client("lambda").get_paginator("list_versions_by_function")
    found = attempt(
        lambda **which: [each for page in pages.paginate(**which) for each in page["Versions"]],
        none_if="^ResourceNotFoundException:",
        FunctionName=function or stage.name,
    )
    return tuple(
        each["Version"]
        for each in found or ()
        if each["Version"] != "$LATEST" and (by is None or _published_at(each) <= by)
    )


def _published_at(version: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(version["LastModified"])


def describe_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings as a record holds them, ready for JSON."""
    recorded = {name: value for name, value in asdict(settings).items() if name not in NOT_RECORDED}
    recorded |= {"environment": sorted(settings.environment), "secrets": sorted(settings.secrets)}
    described: dict[str, Any] = json.loads(json.dumps(recorded, default=str))
    return described


def _folder(settings: Settings) -> str:
    return f"{settings.prefix}releases/"


def record_key(number: int, settings: Settings) -> str:
    """Return the key of a release's record in the bucket."""
    return f"{_folder(settings)}{number:05}.json"


def _list_numbers(stage: Stage) -> Iterator[int]:
    """Yield the numbers that are taken, highest first."""
    folder = _folder(stage.settings)
    names = (key.removeprefix(folder).removesuffix(".json") for key in objects.find(stage, folder))
    yield from sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _records(stage: Stage) -> Iterator[Release]:
    """Yield the records, newest first; each is read when it is needed."""
    found = (_fetch(number, stage) for number in _list_numbers(stage))
    yield from (each for each in found if each)


def _fetch(number: int, stage: Stage) -> Release | None:
    """Return the record of that number; None if there is none."""
    found = objects.fetch(stage, record_key(number, stage.settings))
    if found is None:
        return None
    record = json.loads(found)
    record |= {"at": datetime.fromisoformat(record["at"]), "artifacts": tuple(record["artifacts"])}
    known = {each.name for each in fields(Release)}
    return Release(**{name: value for name, value in record.items() if name in known})


def _put(release: Release, stage: Stage, *, new: bool) -> bool:
    """Write the record; return False if another release has taken the number."""
    content = json.dumps(asdict(release) | {"at": release.at.isoformat()}, indent=2).encode()
    return objects.put(stage, record_key(release.number, stage.settings), content, new=new)
