"""Removal of old versions and bundles: only those that a rollback may need stay.

[release] keep says how many releases stay, including the live one. With SnapStart each version costs money
for as long as it exists: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-pricing

Rules:
- A version that any alias leads to stays. So does the version that the stack's template has published, and
  the one that had the traffic until now: requests may still be on their way to it.
- A version is removed only if it is older than both the live and the published one. A newer version may be
  part of another deployment that is under way.
- An archive or image is removed with the last release that was made of it. Records stay longer.
- Static files go with the last release that has them and is kept, or had traffic within [static] keep.
- An archive or image without a release is removed when it is a day old: its deployment was refused or killed
  after the upload. A younger one may belong to a deployment that is under way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lambdify.cli import releases
from lambdify.cli.artifacts import archives, published
from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.releases import Release
from lambdify.cli.stacks import aliases
from lambdify.cli.stacks.aliases import Alias
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

RECORDS_KEPT = 100
"""Releases whose records stay."""
LONGEST_DEPLOYMENT = timedelta(days=1)
"""Far more than an upload and its release take, so that a running deployment keeps its archive."""
WORKED = {"live", "superseded", "rolled back"}


@translated(during="removing old releases")
def prune(
    deployed: Stack,
    stage: Stage,
    console: Console,
    *,
    previous: Sequence[Alias],
    now: datetime | None = None,
) -> None:
    """Remove versions, archives and records that are too old; `previous` are the aliases of before."""
    known = releases.find_all(stage, deployed)
    kept = choose_kept(known, stage.settings.release.keep)
    keep = {each.version for each in kept}
    removed = _prune_versions(aliases.read(deployed)[0], keep, previous, stage)
    for name, alias in aliases.find_lambdas(deployed).items():
        codes = (code.partition(":") for each in kept for code in each.functions.values())
        keep = {version for function, _, version in codes if function == name}
        _prune_versions(alias, keep, previous, stage)
    needed = {key for each in kept for key in each.artifacts} | set(deployed.outputs.values())
    unneeded = {key for each in known if each not in kept for key in each.artifacts} - needed
    cutoff = (now or datetime.now(UTC)) - LONGEST_DEPLOYMENT
    unneeded |= archives.find_older(cutoff, stage) - needed
    records = [releases.record_key(each.number, stage.settings) for each in known[RECORDS_KEPT:]]
    archives.remove([*sorted(unneeded), *records], stage)
    if any(each.files for each in known):
        moment = now or datetime.now(UTC)
        staying = _choose_files(known, kept, deployed, moment, timedelta(days=stage.settings.static.keep))
        published.prune(staying, stage, now=moment)
    if removed:
        console.note(f"Removed version{'s'[: len(removed) > 1]} {', '.join(sorted(removed, key=int))}.")


def _choose_files(
    known: Sequence[Release],
    kept: Sequence[Release],
    deployed: Stack,
    now: datetime,
    outlive: timedelta,
) -> set[str]:
    """Return the records of files that stay: `outlive` is how long they do after their traffic.

    Pages that a release has sent may be open for weeks, and ask for its files then: [release] keep does not
    count alone. A release had traffic until the next one was made, at the latest.
    """
    staying = {each.files for each in kept} | {deployed.outputs.get("Files", "")}
    until = now
    for each in known:
        if now - until < outlive:
            staying.add(each.files)
        until = each.at
    return staying - {""}


def _prune_versions(alias: Alias, keep: set[str], previous: Sequence[Alias], stage: Stage) -> list[str]:
    """Remove the versions of an alias's Lambda that are too old and not to be kept; return them."""
    function, newest = alias.function, max(int(alias.version), int(alias.published))
    keep = keep | {alias.version, alias.published}
    keep |= {each.version for each in previous if each.function == function}
    existing = releases.find_versions(stage, function)
    old = [each for each in existing if int(each) < newest and each not in keep]
    aliased = _aliased(function, stage) if old else set()
    removed = [version for version in old if version not in aliased]
    for version in removed:
        _remove_version(function, version, stage)
    return removed


def choose_kept(known: Sequence[Release], keep: int) -> tuple[Release, ...]:
    """Return the live release and the newest others that worked, `keep` in all."""
    live = [each for each in known if each.state == "live"]
    others = [each for each in known if each.state in WORKED and each not in live]
    return tuple(live + others[: keep - len(live)])


def _aliased(function: str, stage: Stage) -> set[str]:
    """Return the versions that get some or all of the traffic of any alias of the Lambda."""
    pages = stage.client("lambda").get_paginator("list_aliases").paginate(FunctionName=function)
    found: set[str] = set()
    for page in pages:
        for alias in page["Aliases"]:
            weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            found |= {alias["FunctionVersion"], *weights}
    return found


def _remove_version(function: str, version: str, stage: Stage) -> None:
    # If an alias was pointed to the version since it was listed, Lambda answers with a conflict and keeps it.
    attempt(
        stage.client("lambda").delete_function,
        none_if="^ResourceConflictException:|^ResourceNotFoundException:",
        FunctionName=function,
        Qualifier=version,
    )
