"""A stage's status as a person reads it: a line for each fact, none for missing ones."""

import re
from collections.abc import Iterator

from lambdify.cli.console import Line
from lambdify.cli.domains.state import MEANINGS, SERVED
from lambdify.cli.look.cold_starts import ColdStarts
from lambdify.cli.look.functions import FunctionSource
from lambdify.cli.look.health import Health
from lambdify.cli.look.metrics import Metrics
from lambdify.cli.look.status import CostEstimate, Status
from lambdify.cli.plan import costs
from lambdify.cli.releases import Release
from lambdify.cli.releases.traffic_split import TrafficSplit

DRIFT = {
    "IN_SYNC": "nothing was changed by hand",
    "DRIFTED": "something was changed by hand",
}

STATES = {
    "ROLLBACK_COMPLETE": "the first deployment failed, and nothing of it is there",
    "UPDATE_ROLLBACK_COMPLETE": "the last change failed and was taken back, all is as before",
}
"""What CloudFormation's states mean for a stage; states that speak for themselves are left out."""


def show(status: Status, *, visitors: str = "") -> list[Line]:
    """Return the lines, with problems in colour; `visitors` is what they met, if it is known."""
    facts = [
        ("endpoint", status.endpoint, ""),
        *_names(status),
        ("health", *_health(status.health)),
        ("release", _release(status.release), ""),
        ("shift", _shift(status.shift), "changed"),
        ("stack", f"{status.stack} in {status.region}", ""),
        ("state", *_state(status)),
        ("reason", status.reason, "removed"),
        ("function", f"{status.function}, version {status.version}" if status.function else "", ""),
        ("runtime", _runtime(status), ""),
        ("code", f"{status.code_size / 1e6:.1f} MB" if status.code_size else "", ""),
        ("app", status.app[:16], ""),
        ("layer", status.layer[:16], ""),
        ("kept warm", _kept_warm(status), ""),
        *_functions(status),
        *_use(status.use),
        ("cold starts", _cold_starts(status.cold_starts), ""),
        ("visitors", visitors, ""),
        ("cost", _cost(status.cost), ""),
        ("", f"estimated by {status.cost.basis}; without logs and traffic" if status.cost else "", "quiet"),
        ("drift", *_drift(status)),
    ]
    shown = [(name, fact, style) for name, fact, style in facts if fact]
    width = max(len(name) for name, _, _ in shown)
    return [Line(f"{name:<{width}}  {fact}", style) for name, fact, style in shown]


def _names(status: Status) -> Iterator[tuple[str, str, str]]:
    """Yield a line for each name, and one for each certificate."""
    for name in status.names:
        served = name.state == SERVED
        yield "name", f"{name.name}, {MEANINGS[name.state]}", "" if served else "changed"
    for each in status.certificates:
        until = f" until {each.expires:%Y-%m-%d}" if each.expires else ""
        yield "certificate", f"{each.status}{until}", "" if each.expires else "changed"


def _kept_warm(status: Status) -> str:
    if not status.schedule:
        return "no"
    many = "environment" if status.kept_warm == 1 else "environments"
    return f"{status.kept_warm} {many}, {status.schedule}"


def _functions(status: Status) -> Iterator[tuple[str, str, str]]:
    """Yield a line for each function and for each of its sources, and what waits and what has failed."""
    label = "functions"
    for function in status.functions:
        where = "" if function.function == status.function else f", in {function.function}"
        yield label, f"{function.name}: {function.handler}{where}, version {function.version}", ""
        label = ""
        for source in function.sources:
            yield "", f"  {_source(source)}", "" if source.enabled else "quiet"
        if not function.sources:
            yield "", f"  nothing calls it but `lambdify invoke --function {function.name}`", "quiet"
    if status.tasks_waiting is not None:
        yield "tasks", f"{status.tasks_waiting:,} waiting", ""
    if status.failed is not None:
        yield "failed", f"{status.failed:,} given up", "danger" if status.failed else ""


def _source(source: FunctionSource) -> str:
    text = f"{source.kind} {source.what}"
    if not source.enabled:
        return f"{text}; not enabled"
    if source.next_run:
        return f"{text}; next at {source.next_run.astimezone():%Y-%m-%d %H:%M}"
    return text if source.waiting is None else f"{text}; {source.waiting:,} waiting"


def _state(status: Status) -> tuple[str, str]:
    text = f"{status.state}, since {status.changed_at.astimezone():%Y-%m-%d %H:%M}"
    if meaning := STATES.get(status.state):
        return f"{text}: {meaning}", "changed"
    if status.state.endswith("_IN_PROGRESS"):
        return f"{text}: CloudFormation is at work", "changed"
    return text, "danger" if status.state.endswith("_FAILED") else ""


def _health(health: Health | None) -> tuple[str, str]:
    if health is None:
        return "", ""
    if not health.status:
        return f"NO ANSWER to GET {health.path}: {health.problem}", "danger"
    text = f"{health.status} in {health.milliseconds:,} ms (GET {health.path})"
    return (text, "added") if health.ok else (f"NOT WELL: {text}", "danger")


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


def _shift(shift: TrafficSplit | None) -> str:
    """Return a short text; the command adds a sentence with what to type."""
    if shift is None:
        return ""
    if shift.taken_back:
        return f"ended at {shift.percent}%, taken back by AWS"
    release = f"release {shift.release}, " if shift.release else ""
    return f"{shift.percent}% of the traffic to {release}version {shift.version}"


def _runtime(status: Status) -> str:
    facts = (status.runtime, f"{status.memory} MB", f"{status.timeout} s")
    return ", ".join(filter(None, facts)) if status.memory else ""


def _use(use: Metrics | None) -> list[tuple[str, str, str]]:
    """Return a line on requests to the endpoint, and one on calls of the function with keep-warm calls."""
    if use is None:
        return []
    lines = []
    if use.requests is not None:
        bad = use.answers_5xx or 0
        text = (
            f"{use.requests:,} in {use.hours} h, {bad:,} answered with 5xx, {use.answers_4xx or 0:,} with 4xx"
        )
        lines.append(
            ("requests", text + _times(use.latency_p50_ms, use.latency_p95_ms), "danger" if bad else "")
        )
    if use.invocations is not None:
        errors, throttles = use.errors or 0, use.throttles or 0
        failed = f"{errors:,} error" + ("" if errors == 1 else "s")
        text = f"{use.invocations:,} in {use.hours} h, {failed}, {throttles:,} throttled"
        style = "danger" if errors or throttles else ""
        lines.append(("calls", text + _times(use.duration_p50_ms, use.duration_p95_ms), style))
    return lines


def _times(p50: float | None, p95: float | None) -> str:
    return "" if p50 is None or p95 is None else f"; p50 {_milliseconds(p50)}, p95 {_milliseconds(p95)}"


def _cold_starts(cold_starts: ColdStarts | None) -> str:
    if cold_starts is None:
        return ""
    count = f"{cold_starts.count:,}" if cold_starts.complete else f"at least {cold_starts.count:,}"
    if not cold_starts.count:
        return f"{count} in {cold_starts.hours} h"
    return (
        f"{count} in {cold_starts.hours} h; p50 {_milliseconds(cold_starts.p50_ms)}, "
        f"longest {_milliseconds(cold_starts.longest_ms)}"
    )


def _cost(cost: CostEstimate | None) -> str:
    if cost is None:
        return ""
    idle = f"{costs.format_dollars(cost.idle_usd_per_month)} a month when idle"
    used = cost.used_usd_per_month
    busy = "" if used is None else f", {costs.format_dollars(used)} if every day is like the last"
    return f"about {idle}{busy}"


def _drift(status: Status) -> tuple[str, str]:
    text = DRIFT.get(status.drift, "")
    if not text:
        return "", ""
    when = f" ({status.drift_checked_at.astimezone():%Y-%m-%d %H:%M})" if status.drift_checked_at else ""
    return text + when, "changed" if status.drift == "DRIFTED" else ""


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
