"""A stage's status as a person reads it: a line for each thing to know, none for what is not there."""

import re

from lambdify.cli.console import Line
from lambdify.cli.look.cold_starts import ColdStarts
from lambdify.cli.look.health import Health
from lambdify.cli.look.metrics import Use
from lambdify.cli.look.status import Cost, Status
from lambdify.cli.plan import costs
from lambdify.cli.releases import Release
from lambdify.cli.releases.traffic_split import Division

DRIFT = {
    "IN_SYNC": "nothing was changed by hand",
    "DRIFTED": "something was changed by hand",
}

STATES = {
    "ROLLBACK_COMPLETE": "the first deployment failed, and nothing of it is there",
    "UPDATE_ROLLBACK_COMPLETE": "the last change failed and was taken back, all is as before",
}
"""What CloudFormation's words mean for a stage; those that a person knows by themselves are left out."""


def show(found: Status) -> list[Line]:
    """The lines, the bad news among them in colour."""
    facts = [
        ("endpoint", found.endpoint, ""),
        ("health", *_health(found.health)),
        ("release", _release(found.release), ""),
        ("shift", _shift(found.shift), "changed"),
        ("stack", f"{found.stack} in {found.region}", ""),
        ("state", *_state(found)),
        ("reason", found.reason, "removed"),
        ("function", f"{found.function}, version {found.version}" if found.function else "", ""),
        ("runtime", _runtime(found), ""),
        ("code", f"{found.code_size / 1e6:.1f} MB" if found.code_size else "", ""),
        ("app", found.app[:16], ""),
        ("layer", found.layer[:16], ""),
        ("kept warm", found.schedule or "no", ""),
        *_use(found.use),
        ("cold starts", _cold_starts(found.cold_starts), ""),
        ("cost", _cost(found.cost), ""),
        ("", f"estimated by {found.cost.basis}; without logs and traffic" if found.cost else "", "quiet"),
        ("drift", *_drift(found)),
    ]
    told = [(name, fact, style) for name, fact, style in facts if fact]
    width = max(len(name) for name, _, _ in told)
    return [Line(f"{name:<{width}}  {fact}", style) for name, fact, style in told]


def _state(found: Status) -> tuple[str, str]:
    said = f"{found.state}, since {found.changed_at.astimezone():%Y-%m-%d %H:%M}"
    if meaning := STATES.get(found.state):
        return f"{said}: {meaning}", "changed"
    if found.state.endswith("_IN_PROGRESS"):
        return f"{said}: CloudFormation is at work", "changed"
    return said, "danger" if found.state.endswith("_FAILED") else ""


def _health(health: Health | None) -> tuple[str, str]:
    if health is None:
        return "", ""
    if not health.status:
        return f"NO ANSWER to GET {health.path}: {health.problem}", "danger"
    said = f"{health.status} in {health.milliseconds:,} ms (GET {health.path})"
    return (said, "added") if health.ok else (f"NOT WELL: {said}", "danger")


def _release(release: Release | None) -> str:
    if release is None:
        return ""
    by = re.split("[:/]", release.by)[-1]
    commit = f", commit {release.commit[:10]}" + (" and changes" if release.dirty else "")
    return (
        f"{release.number}, of {release.at.astimezone():%Y-%m-%d %H:%M}"
        + (f", by {by}" if by else "")
        + (commit if release.commit else "")
    )


def _shift(shift: Division | None) -> str:
    """The command says more of it, and what to type."""
    if shift is None:
        return ""
    if shift.taken_back:
        return f"ended at {shift.percent}%, taken back by AWS"
    release = f"release {shift.release}, " if shift.release else ""
    return f"{shift.percent}% of the traffic to {release}version {shift.version}"


def _runtime(found: Status) -> str:
    facts = (found.runtime, f"{found.memory} MB", f"{found.timeout} s")
    return ", ".join(filter(None, facts)) if found.memory else ""


def _use(use: Use | None) -> list[tuple[str, str, str]]:
    """Two lines: what visitors got, and what the function did, keep-warm calls included."""
    if use is None:
        return []
    lines = []
    if use.requests is not None:
        bad = use.answers_5xx or 0
        said = (
            f"{use.requests:,} in {use.hours} h, {bad:,} answered with 5xx, {use.answers_4xx or 0:,} with 4xx"
        )
        lines.append(
            ("requests", said + _times(use.latency_p50_ms, use.latency_p95_ms), "danger" if bad else "")
        )
    if use.invocations is not None:
        errors, throttles = use.errors or 0, use.throttles or 0
        failed = f"{errors:,} error" + ("" if errors == 1 else "s")
        said = f"{use.invocations:,} in {use.hours} h, {failed}, {throttles:,} throttled"
        style = "danger" if errors or throttles else ""
        lines.append(("calls", said + _times(use.duration_p50_ms, use.duration_p95_ms), style))
    return lines


def _times(p50: float | None, p95: float | None) -> str:
    return "" if p50 is None or p95 is None else f"; p50 {_milliseconds(p50)}, p95 {_milliseconds(p95)}"


def _cold_starts(found: ColdStarts | None) -> str:
    if found is None:
        return ""
    count = f"{found.count:,}" if found.complete else f"at least {found.count:,}"
    if not found.count:
        return f"{count} in {found.hours} h"
    return (
        f"{count} in {found.hours} h; p50 {_milliseconds(found.p50_ms)}, "
        f"longest {_milliseconds(found.longest_ms)}"
    )


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return ""
    idle = f"{costs.dollars(cost.idle_usd_per_month)} a month when idle"
    used = cost.used_usd_per_month
    busy = "" if used is None else f", {costs.dollars(used)} if every day is like the last"
    return f"about {idle}{busy}"


def _drift(found: Status) -> tuple[str, str]:
    said = DRIFT.get(found.drift, "")
    if not said:
        return "", ""
    when = f" ({found.drift_checked_at.astimezone():%Y-%m-%d %H:%M})" if found.drift_checked_at else ""
    return said + when, "changed" if found.drift == "DRIFTED" else ""


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
