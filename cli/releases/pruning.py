"""Old versions and bundles go, so that what is kept is what one may go back to, and no more is paid for.

[release] keep says how many releases stay, the one that is live among them. With SnapStart each version costs
money for as long as it exists: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-pricing

Rules:
- What an alias leads to stays, whoever made the alias; and so does what the stack's template has published,
  and what had the traffic until now: requests may still be on their way to it.
- A version is only removed when it is older than both: what somebody else is deploying just now is newer.
- An archive or image is removed with the last release that was made of it. Records stay longer.
- One of which no release was made goes when it is a day old: its deployment was refused or killed after the
  upload. A younger one may be of a deployment that is under way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lambdify.cli import releases
from lambdify.cli.artifacts import archives
from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.releases import Release
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

RECORDS_KEPT = 100
"""Releases whose records stay."""
LONGEST_DEPLOYMENT = timedelta(days=1)
"""From the upload to the release; far more than it takes, so that nobody's archive goes under their hands."""
WORKED = {"live", "superseded", "rolled back"}


@translated(during="removing old releases")
def prune(
    deployed: Stack, stage: Stage, console: Console, *, previous: str, now: datetime | None = None
) -> None:
    """Remove the versions, archives and records that are too old; `had` had the traffic until now."""
    known = releases.find_all(stage, deployed)
    kept = choose_kept(known, stage.settings.release.keep)
    keep = {each.version for each in kept} | {deployed.live, deployed.published, previous}
    newest = max(int(deployed.live), int(deployed.published))
    existing = releases.find_versions(stage)
    old = [each for each in existing if int(each) < newest and each not in keep]
    aliased = _aliased(stage) if old else set()
    for version in old:
        if version not in aliased:
            _remove_version(version, stage)
    needed = {key for each in kept for key in each.artifacts} | set(deployed.outputs.values())
    unneeded = {key for each in known if each not in kept for key in each.artifacts} - needed
    cutoff = (now or datetime.now(UTC)) - LONGEST_DEPLOYMENT
    unneeded |= archives.find_older(cutoff, stage) - needed
    records = [releases.record_key(each.number, stage.settings) for each in known[RECORDS_KEPT:]]
    archives.remove([*sorted(unneeded), *records], stage)
    if removed := [version for version in old if version not in aliased]:
        console.note(f"Removed version{'s'[: len(removed) > 1]} {', '.join(sorted(removed, key=int))}.")


def choose_kept(known: Sequence[Release], keep: int) -> tuple[Release, ...]:
    """The live release, and of the others that worked the newest; `keep` in all."""
    live = [each for each in known if each.state == "live"]
    others = [each for each in known if each.state in WORKED and each not in live]
    return tuple(live + others[: keep - len(live)])


def _aliased(stage: Stage) -> set[str]:
    """The versions that an alias of the function leads to, with some of its traffic or all of it."""
    pages = stage.client("lambda").get_paginator("list_aliases").paginate(FunctionName=stage.name)
    found: set[str] = set()
    for page in pages:
        for alias in page["Aliases"]:
            weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            found |= {alias["FunctionVersion"], *weights}
    return found


def _remove_version(version: str, stage: Stage) -> None:
    # An alias that came to it since we looked keeps it: that is a conflict.
    attempt(
        stage.client("lambda").delete_function,
        none_if="^ResourceConflictException:|^ResourceNotFoundException:",
        FunctionName=stage.name,
        Qualifier=version,
    )
