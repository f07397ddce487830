"""lambdify status: what is deployed, whether it answers, its metrics of the last day, and what it costs.

    CloudFormation ──▶ stack, release, drift     Lambda, Scheduler ──▶ function, schedule
    a GET request  ──▶ health                    CloudWatch        ──▶ use, cold starts
    the release    ──▶ functions and their sources      SQS        ──▶ what waits, what has failed

It is an error if the stack cannot be read. Anything else is left out if a service refuses it or has no data;
the status names what was refused.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from lambdify.cli import releases, template
from lambdify.cli.aws import attempt, translated
from lambdify.cli.domains import state
from lambdify.cli.domains.state import Issued, Name
from lambdify.cli.look import cold_starts, functions, health, kept_warm, metrics
from lambdify.cli.look.cold_starts import ColdStarts
from lambdify.cli.look.functions import FunctionStatus
from lambdify.cli.look.health import Health
from lambdify.cli.look.metrics import Metrics
from lambdify.cli.look.refusals import unless_refused
from lambdify.cli.plan import costs
from lambdify.cli.releases import Release, traffic, traffic_split
from lambdify.cli.releases.traffic_split import TrafficSplit
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

DAYS_PER_MONTH = 365 / 12
"""Average days of a month."""


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """An estimate of the costs, without free tiers, logs and data transfer."""

    idle_usd_per_month: float
    used_usd_per_month: float | None
    """Costs if every day is like the last one, including idle costs; None if the last day is not known."""
    basis: str
    """Region and date of the prices."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """One stage as it is now; "" and 0 if a failed deployment left nothing, None if it is not known."""

    stack: str
    state: str
    """CloudFormation's, such as UPDATE_COMPLETE."""
    reason: str
    """Why the stack is in that state, if CloudFormation says so."""
    region: str
    endpoint: str
    function: str
    version: str
    """The published version that the alias points to."""
    runtime: str
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    code_size: int
    """Bytes of the app zip."""
    changed_at: datetime
    schedule: str
    """Such as "rate(5 minutes)"; "" if the stage is not kept warm."""
    kept_warm: int
    """Environments that it keeps warm at once."""
    app: str
    """Digest of the app's archive."""
    layer: str
    """Digest of the layer's archive; "" if there is no layer."""
    release: Release | None
    shift: TrafficSplit | None
    """The split, if traffic goes to two versions."""
    drift: str
    """Result of the last drift detection: "IN_SYNC", "DRIFTED", "NOT_CHECKED"."""
    drift_checked_at: datetime | None
    health: Health | None
    use: Metrics | None
    cold_starts: ColdStarts | None
    cost: CostEstimate | None
    left_out: tuple[str, ...]
    """Parts that could not be read, and why."""
    functions: tuple[FunctionStatus, ...] = ()
    tasks_waiting: int | None = None
    """None if the stage has no queue of tasks."""
    failed: int | None = None
    """Events and tasks that were given up; None if the stage has neither functions nor tasks."""
    names: tuple[Name, ...] = ()
    """Names of the stage's own."""
    certificates: tuple[Issued, ...] = ()
    """The certificates for these names, the newest last."""


def fetch(stage: Stage, *, address: Callable[[str], str] = str, check_health: bool = True) -> Status:
    """Return the stage's status. Raises NotDeployed.

    `address` turns the endpoint of the stack's outputs into the URL that answers. With `check_health`, a
    request is sent to it.
    """
    deployed = stack.fetch(stage)
    endpoint = deployed.outputs.get("Endpoint", "")
    url = address(endpoint)
    for service in ("cloudwatch", "logs"):  # boto3 does not make two clients at once
        stage.client(service)
    left_out: list[str] = []
    ask = partial(unless_refused, left_out=left_out)
    with ThreadPoolExecutor(3) as threads:
        pending_health = threads.submit(health.check, url, stage.settings) if check_health and url else None
        shared = [each.name for each in aliases.read(deployed) if each.function == stage.name]
        asked = deployed.outputs.get(template.ORIGIN, endpoint)
        pending_metrics = threads.submit(metrics.read, stage, asked, aliases=shared or (template.ALIAS,))
        pending_cold_starts = threads.submit(cold_starts.read, stage)
        function, warm = _function(stage), kept_warm.fetch(stage)
        use = unless_refused(pending_metrics.result, "the metrics", left_out)
        live = unless_refused(lambda: releases.find_live(stage, deployed), "the release", left_out)
        app, layer = _digests(live, deployed)
        return Status(
            stack=deployed.name,
            state=deployed.state,
            reason=deployed.reason,
            region=stage.region,
            endpoint=url,
            function=function.get("FunctionName", ""),
            version=function.get("Version", ""),
            runtime=function.get("Runtime", ""),
            memory=function.get("MemorySize", 0),
            timeout=function.get("Timeout", 0),
            code_size=function.get("CodeSize", 0),
            changed_at=deployed.changed_at,
            schedule=warm.schedule,
            kept_warm=warm.environments,
            app=app,
            layer=layer,
            release=live,
            shift=unless_refused(lambda: _shift(deployed, stage), "the shift", left_out),
            drift=deployed.drift,
            drift_checked_at=deployed.drift_checked_at,
            health=pending_health.result() if pending_health else None,
            use=use,
            cold_starts=unless_refused(pending_cold_starts.result, "cold starts", left_out),
            cost=unless_refused(lambda: _cost(deployed, function, use, stage), "costs", left_out),
            functions=functions.fetch(stage, deployed, live, ask),
            tasks_waiting=ask(lambda: functions.count_tasks(stage, deployed), "how many tasks wait"),
            failed=ask(lambda: functions.count_failed(stage, deployed), "what has failed"),
            **_names(stage, left_out),
            left_out=tuple(left_out),
        )


def _names(stage: Stage, left_out: list[str]) -> dict[str, Any]:
    """Return what is known of the stage's names; {} for none."""
    if not stage.settings.domain.names:
        return {}
    found = unless_refused(lambda: state.fetch(stage), "the names", left_out)
    return {"names": found.names, "certificates": found.certificates} if found else {}


@translated(during="reading what is deployed")
def _function(stage: Stage) -> Mapping[str, Any]:
    configuration = attempt(
        stage.client("lambda").get_function_configuration,
        none_if=kept_warm.GONE,
        FunctionName=stage.name,
        Qualifier=template.ALIAS,
    )
    return configuration or {}


def _shift(deployed: Stack, stage: Stage) -> TrafficSplit | None:
    if not traffic.is_split(deployed):
        return None
    return traffic_split.find(deployed, releases.find_all(stage, deployed), stage)


def _cost(
    deployed: Stack, function: Mapping[str, Any], use: Metrics | None, stage: Stage
) -> CostEstimate | None:
    body = stack.fetch_body(deployed, stage.account)
    if not (isinstance(body, dict) and function):
        return None
    idle = costs.estimate_idle(body, kept=stage.settings.release.keep)
    used = None
    if use and use.billed_invocations is not None:
        # The calls of the last day include keep-warm calls, so those of an idle month are not added.
        calls = costs.price_calls(
            use.billed_invocations,
            (use.duration_total_ms or 0) / 1000,
            memory=function["MemorySize"],
            architecture=(function.get("Architectures") or ["x86_64"])[0],
        )
        requests = use.requests or 0
        daily = calls + costs.price_requests(requests, stage.settings.http.endpoint)
        edge = costs.price_cdn(requests * DAYS_PER_MONTH, 0) if stage.settings.http.cdn else 0
        standing = tuple(each for each in idle if each.what != costs.KEEP_WARM_CALLS)
        # The estimate of a stage that is younger than a day may be below that of an idle month.
        used = max(daily * DAYS_PER_MONTH + edge + costs.total(standing), costs.total(idle))
    return CostEstimate(
        idle_usd_per_month=round(costs.total(idle), 4),
        used_usd_per_month=None if used is None else round(used, 4),
        basis=costs.basis(),
    )


def _digests(live: Release | None, deployed: Stack) -> tuple[str, str]:
    """Return the digests of the app and the layer that run; after a rollback they are older ones."""
    outputs = [deployed.outputs.get(name, "") for name in ("App", "Image", "Layer")]
    keys = [key for key in (live.artifacts if live else ()) or outputs if key]
    layer = next((key for key in keys if "/layer-" in key), "")
    return _digest(next((key for key in keys if key != layer), "")), _digest(layer)


def _digest(key: str) -> str:
    """Return the digest in "shop/production/app-0123456789abcdef.zip", or at the end of an image's URI."""
    return PurePosixPath(key).stem.replace(":", "-").rpartition("-")[2]
