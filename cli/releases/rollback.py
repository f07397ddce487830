"""lambdify rollback: give the traffic back to an earlier release. No build, no upload, no other template.

The version goes back: code, dependencies, environment, memory. Everything else stays as it was deployed last:
endpoint, schedule, rights, log group. The next `deploy` goes forward again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lambdify.cli import releases
from lambdify.cli.artifacts import published
from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined, LambdifyError, ReleaseMissing, StackBusy
from lambdify.cli.releases import Release, traffic, traffic_split, trial, warm_up
from lambdify.cli.releases.traffic_split import TrafficSplit
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.aliases import COMMANDS, Alias
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """The result: where the stage's traffic goes now."""

    stack: str
    endpoint: str
    release: int
    version: str
    left: int
    """Number of the release that had the traffic before; 0 if it is not known."""
    changed: bool


def rollback(
    stage: Stage,
    console: Console,
    *,
    number: int | None = None,
    yes: bool = False,
    find_address: Callable[[str], str] = str,
    sleep: Sleep = time.sleep,
) -> Rollback:
    """Give all traffic to release `number`, or to the one before the live one; with `yes` nobody is asked.

    `find_address` returns the URL that answers for that of the stack: another one in the local cloud.
    During a shift, the release before is the one that still has the rest of the traffic. The version is tried
    first. Raises NotDeployed, ReleaseMissing, StackBusy, AppBroken, ReleaseFailed, DeployFailed, Declined.
    """
    deployed = stack.fetch(stage)
    stack.check(deployed, stage.settings)
    known = releases.find_all(stage, deployed)
    live = next((each for each in known if each.state == "live"), None)
    split = traffic_split.find(deployed, known, stage)
    shifting = split is not None
    if split:
        console.warn(traffic_split.describe(split))
    target = choose(known, live, number, stage.settings, shifting=shifting)
    url = find_address(deployed.outputs.get("Endpoint", ""))
    if target.has_traffic(deployed) and not shifting:
        published.publish(target.files, stage)
        console.note(f"Release {target.number} has the traffic already.")
        return _describe(deployed, target, target, url, changed=False)
    _check_version_exists(target, deployed, stage)
    functions, staying = _find_function_versions(target, deployed, stage)
    for alias in staying:
        where = f"release {target.number} has no version of it in {alias.function}"
        console.warn(f"{alias.name} stays with version {alias.version}: {where}.")
    if live and _has_cdn(live) and not _has_cdn(target):
        console.warn(
            f"Release {target.number} was made without a CDN: it sees the host of the endpoint, not that of "
            "its visitors, and the static files stay those of the CDN."
        )
    _agree(target, live, stage, console, yes=yes)
    _try(target, functions, deployed, stage, console, url)
    warm_up.start(target.version, stage, console)
    deployed = _move(target, live, functions, deployed, stage, console, sleep)
    losing = _find_losing(known, live, split, target)
    for each in losing:
        reason = f"to {target.number} by {stage.account.caller}"
        releases.end(each, "rolled back", stage, reason=reason)
    # The local endpoint learns by this where the traffic goes now; on AWS it is the same URL.
    url = find_address(deployed.outputs.get("Endpoint", ""))
    return _describe(deployed, target, live, url, changed=True)


def _move(
    target: Release,
    live: Release | None,
    functions: Mapping[str, str],
    deployed: Stack,
    stage: Stage,
    console: Console,
    sleep: Sleep,
) -> Stack:
    """Show the release's static files, and give it the traffic; if that fails, show those of before again."""
    published.publish(target.files, stage)
    try:
        with console.step(f"Giving the traffic to version {target.version}, of release {target.number}"):
            return traffic.move(target.version, deployed, stage, console, sleep=sleep, functions=functions)
    except StackBusy:
        raise
    except LambdifyError:
        published.publish(live.files if live and target.files else "", stage)
        raise


def _has_cdn(release: Release) -> bool:
    return bool(release.settings["http"].get("cdn"))


def _find_losing(
    known: Sequence[Release], live: Release | None, split: TrafficSplit | None, target: Release
) -> list[Release]:
    """Return the releases that lose traffic: the live one, and the one that a shift was giving some."""
    numbers = {live.number if live else 0, split.release if split else 0}
    return [each for each in known if each.number in numbers and each.code != target.code]


def choose(
    known: Sequence[Release],
    live: Release | None,
    number: int | None,
    settings: Settings,
    *,
    shifting: bool = False,
) -> Release:
    """Return the release to go back to. Raises ReleaseMissing.

    A release that failed or was rolled back is chosen only by its number.
    """
    if number is not None:
        return _named(known, number, settings)
    if live and shifting:
        return live
    before = (
        each
        for each in known
        if each.state == "superseded"
        and (live is None or (each.number < live.number and each.code != live.code))
    )
    found = next(before, None)
    if found is None:
        raise ReleaseMissing(
            f"There is no release of {settings.full_name} to go back to.",
            hint=f"`lambdify releases {settings.stage}` shows what there is; what failed has to be named.",
        )
    return found


def _named(known: Sequence[Release], number: int, settings: Settings) -> Release:
    hint = f"`lambdify releases {settings.stage}` shows what there is."
    found = next((each for each in known if each.number == number), None)
    if found is None:
        raise ReleaseMissing(f"There is no release {number} of {settings.full_name}.", hint=hint)
    if found.state == "pruned":
        raise _removed_error(found, settings)
    return found


@translated(during="reading the releases")
def _check_version_exists(target: Release, deployed: Stack, stage: Stage) -> None:
    """Return if the version still exists; that of a failed release may be gone too. Raises ReleaseMissing."""
    versions = releases.find_versions(stage)
    if target.stack != deployed.id or target.version not in versions:
        raise _removed_error(target, stage.settings)


def _find_function_versions(
    target: Release, deployed: Stack, stage: Stage
) -> tuple[dict[str, str], tuple[Alias, ...]]:
    """Return the versions that functions go back to, by name, and the aliases that stay where they are.

    A function stays if the release did not have it, or had it in another Lambda: there is no version of it.
    """
    there: dict[str, tuple[str, ...]] = {}
    found: dict[str, str] = {}
    for alias in aliases.functions(deployed):
        function, _, version = target.functions.get(alias.name, "").partition(":")
        if function != alias.function:
            continue
        if function not in there:
            there[function] = releases.find_versions(stage, function, by=target.at)
        if version in there[function]:
            found[alias.name] = version
    return found, tuple(each for each in aliases.functions(deployed) if each.name not in found)


def _removed_error(release: Release, settings: Settings) -> ReleaseMissing:
    of = f"Check its commit out ({release.commit[:12]})" if release.commit else "Get its code back"
    return ReleaseMissing(
        f"Release {release.number} was removed: the last {settings.release.keep} are kept ([release] keep).",
        hint=f"{of} and deploy it again.",
    )


def _agree(
    target: Release,
    live: Release | None,
    stage: Stage,
    console: Console,
    *,
    yes: bool,
) -> None:
    described = f"release {target.number} (version {target.version}, {target.at:%Y-%m-%d %H:%M} UTC)"
    if target.state in {"failed", "rolled back"}:
        console.warn(f"Release {target.number} {_describe_state(target)}")
    now = f" instead of release {live.number}" if live and live.number != target.number else ""
    if not yes and not console.confirm(
        f"Give all traffic of {stage.name} in {stage.region} to {described}{now}?"
    ):
        raise Declined(f"{stage.name} was not changed.")


def _describe_state(target: Release) -> str:
    return f"failed: {target.summary}" if target.state == "failed" else f"was rolled back {target.summary}"


def _try(
    target: Release,
    functions: Mapping[str, str],
    deployed: Stack,
    stage: Stage,
    console: Console,
    url: str,
) -> None:
    """Check that the versions still work, with the smoke request and status of their own deployment."""
    if functions:
        moving = (each for each in aliases.functions(deployed) if each.name in functions)
        codes = [(each.function, functions[each.name]) for each in moving if each.name != COMMANDS]
        trial.check_functions(codes, stage, console)
    recorded = target.settings.get("release", {})
    path = recorded.get("smoke", "")
    if path not in ("", trial.OFF):
        recorded_http = target.settings["http"]
        http = replace(
            stage.settings.http, endpoint=recorded_http["endpoint"], cdn=bool(recorded_http.get("cdn"))
        )
        as_deployed = replace(stage.settings, http=http)
        smoke = trial.SmokeRequest(path=path, status=recorded["status"])
        then = Stage(settings=as_deployed, account=stage.account)
        trial.send_smoke_request(target.version, smoke, then, console, url=url, stack=deployed.id)
    else:
        trial.wake(target.version, stage, console)


def _describe(deployed: Stack, target: Release, live: Release | None, url: str, *, changed: bool) -> Rollback:
    return Rollback(
        stack=deployed.name,
        endpoint=url,
        release=target.number,
        version=deployed.live,
        left=live.number if live else 0,
        changed=changed,
    )
