"""A traffic split between two versions: how much goes where, whether somebody leads the shift, what to type.

Whether the process that began a shift still runs cannot be seen. But each of its steps has a time limit: when
it has passed, nobody leads the shift.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lambdify.cli.releases import Release, shift, traffic
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage
from lambdify.cli.template import SHARE
from lambdify.cli.template.rollback_alarm import SHIFT_UNTIL


@dataclass(frozen=True, kw_only=True)
class TrafficSplit:
    """A shift that is under way, or was left unfinished."""

    percent: int
    """Percentage of the traffic that the new version was given."""
    version: str
    """The new version."""
    release: int
    """Number of the new version's release; 0 if it is not known."""
    rest: str
    """The version with the rest of the traffic."""
    until: datetime
    """The time after which nobody leads the shift."""
    guarded: bool
    """Whether AWS takes the traffic back then."""
    taken_back: bool
    """Whether AWS has taken it back."""


def find(deployed: Stack, known: Iterable[Release], stage: Stage) -> TrafficSplit | None:
    """Return the traffic split that the stack describes; None if all traffic goes to one version."""
    if not traffic.is_split(deployed):
        return None
    of_version = (each for each in known if (each.stack, each.version) == (deployed.id, deployed.published))
    release = next(of_version, None)
    moment = deployed.parameters.get(SHIFT_UNTIL, "")
    return TrafficSplit(
        percent=round(float(deployed.parameters[SHARE]) * 100),
        version=deployed.published,
        release=release.number if release else 0,
        rest=deployed.live,
        until=_parse_utc(moment)
        if moment
        else deployed.changed_at + shift.step_timeout(_step_minutes(release, stage.settings)),
        guarded=bool(moment),
        taken_back=not traffic.fetch_weights(stage),
    )


def describe(split: TrafficSplit, *, now: datetime | None = None) -> str:
    """Say in sentences how the traffic is split."""
    new = f"version {split.version}" + (f" (release {split.release})" if split.release else "")
    if split.taken_back:
        return (
            f"The shift to {new} ended at {split.percent}%: nobody was leading it any more, so AWS gave all "
            f"traffic to version {split.rest} again."
        )
    under_way = f"A shift is under way: {split.percent}% of the traffic goes to {new}, the rest to version "
    under_way += split.rest
    if (now or datetime.now(UTC)) >= split.until:
        return f"{under_way}, and nobody is leading it."
    ends = f"AWS takes it back at {split.until.astimezone():%H:%M}" if split.guarded else "it stays so"
    return f"{under_way}. The `deploy` that began it leads it; where that was killed, {ends}."


def advise(split: TrafficSplit, settings: Settings) -> str:
    """Say which commands end the split."""
    back, anew = f"`lambdify rollback {settings.stage}`", f"`lambdify deploy {settings.stage}`"
    if split.taken_back:
        return f"{anew} begins it anew, {back} leaves it at that."
    return f"{back} takes it back now, {anew} begins it anew."


def _parse_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _step_minutes(release: Release | None, settings: Settings) -> int:
    """Return the minutes of a step, as recorded for that release; else those of the settings."""
    recorded = (release.settings.get("release", {}).get("shift") if release else None) or {}
    if minutes := recorded.get("minutes"):
        return int(minutes)
    return settings.release.shift.minutes if settings.release.shift else 0
