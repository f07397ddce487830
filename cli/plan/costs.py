"""Prices, and the costs of a stage in a month without requests. Pure; the prices are data, in prices.toml.

Costs are an estimate, shown with its date and region: what AWS bills for resources that exist, not for their
use; check/cost.py adds the use. Costs that a template does not tell (log storage, resources from outside) are
named without a number.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from lambdify.cli.template.rollback_alarm import SHIFT_UNTIL

PRICES = Path(__file__).with_name("prices.toml")
KEEP_WARM_CALLS = "keep-warm calls"
KEEP_WARM_SECONDS = 0.1
"""Assumed seconds of a keep-warm call; one that keeps one environment alone is shorter."""
KEEP_WARM_LEAD = 0.03
"""Seconds that each further environment holds those before it: adapter/aws/warming.py."""
PRICED = re.compile(
    r"AWS::(Lambda|ApiGateway|ApiGatewayV2|IAM|Logs|Scheduler|CloudWatch|Events|SNS|ElasticLoadBalancingV2|CloudFront)"
    r"::"
)
"""Types of resources that cost nothing when idle, or whose costs are estimated here."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Something that costs money when idle."""

    what: str
    monthly: float | None
    """USD; None if the template does not tell."""
    why: str


def estimate_idle(body: Mapping[str, Any], *, kept: int = 1) -> tuple[Cost, ...]:
    """Return the costs of a template's stage in a month without calls, if `kept` releases are kept."""
    resources = body.get("Resources", {})
    return tuple(
        cost
        for name, resource in sorted(resources.items())
        for cost in _estimate(name, resource, resources, kept)
    )


def total(costs: tuple[Cost, ...]) -> float:
    """Return the sum of the known costs, in USD a month."""
    return sum(cost.monthly or 0 for cost in costs)


def price_calls(calls: float, seconds: float, *, memory: int, architecture: str) -> float:
    """Return USD for a number of calls with a total duration in seconds, of a function with `memory` MB."""
    each = _prices()["request"]["each"]
    return calls * float(each) + seconds * memory / 1024 * float(_prices()[architecture]["duration"])


def price_keep_warm(minutes: float, at_once: int, *, memory: int, architecture: str) -> float:
    """Return USD a month for keeping so many environments of `memory` MB warm by a call every few minutes."""
    calls = _seconds() / 60 / minutes * at_once
    return price_calls(calls, calls * _mean_hold(at_once), memory=memory, architecture=architecture)


def _mean_hold(at_once: int) -> float:
    """Return the mean seconds of calls that keep so many environments warm: the first ones hold longest."""
    return KEEP_WARM_SECONDS + KEEP_WARM_LEAD * (max(at_once, 1) - 1) / 2


def price_requests(requests: float, endpoint: str) -> float:
    """Return USD for requests through an endpoint of that kind; 0 for kinds without a price per request."""
    return requests * float(_prices()["endpoint"].get(endpoint, 0))


def endpoints() -> tuple[str, ...]:
    """Return the kinds of endpoints that have a price for each request, which may be 0."""
    return tuple(_prices()["endpoint"])


def counts_parts(endpoint: str) -> bool:
    """Whether an endpoint of that kind counts each begun 512 KB of a response as a request."""
    return endpoint in _prices()["counts_parts"]


def price_balancer(requests: float, bytes_out: float) -> float:
    """Return USD for the capacity units of a load balancer, if each request has a connection of its own.

    https://aws.amazon.com/elasticloadbalancing/pricing/
    """
    unit = _prices()["balancer_unit"]
    units = max(requests / float(unit["connections"]), bytes_out / 1e9 / float(unit["gb"]))
    return units * float(unit["hour"])


def price_log(size: float) -> float:
    """Return USD for bytes that are written to a log."""
    return size / 1e9 * float(_prices()["logs"]["written_gb"])


def price_out(size: float) -> float:
    """Return USD for bytes of a month to the internet, of which the first are free."""
    out = _prices()["out"]
    return max(0.0, size / 1e9 - float(out["free_gb"])) * float(out["gb"])


def price_cdn(requests: float, size: float, *, files: float = 0) -> float:
    """Return USD for requests of a month to the app and to files by way of the CDN, and for bytes sent.

    The first of each are free.
    """
    prices = _prices()["cdn"]
    used = {"requests": requests + files, "calls": requests, "gb": size / 1e9}
    each = {"requests": prices["request"], "calls": prices["call"], "gb": prices["gb"]}
    return sum(
        max(0.0, amount - float(prices[f"free_{what}"])) * float(each[what]) for what, amount in used.items()
    )


def servers() -> tuple[tuple[str, float], ...]:
    """Return small servers, by name, and what each costs in USD a month."""
    return tuple((each["name"], float(each["month"])) for each in _prices()["server"])


def region() -> str:
    """Return the region whose prices these are."""
    return str(_prices()["region"])


def as_of() -> date:
    """Return the first day of the month that the prices are of."""
    day: date = _prices()["as_of"]
    return day


def basis() -> str:
    """Return region and date of the prices, as a text."""
    return f"prices of {region()}, {as_of():%B %Y}; other regions differ"


def format_dollars(amount: float) -> str:
    """Return an amount as a person reads it: "$12.40", "under $0.01"."""
    return "under $0.01" if 0 < amount < 0.005 else f"${amount:.2f}"


def _estimate(
    name: str, resource: Mapping[str, Any], resources: Mapping[str, Any], kept: int
) -> Iterator[Cost]:
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::Lambda::Function":
            yield from _function(properties, kept)
        case "AWS::Lambda::Alias":
            yield from _provisioned(properties, resources)
        case "AWS::Scheduler::Schedule":
            yield from _keep_warm(name, properties, resources)
        case "AWS::CloudWatch::Alarm":
            yield _alarm(name, properties)
        case "AWS::CloudFront::Distribution":
            yield from _cdn(properties)
        case "AWS::Logs::LogGroup":
            days = properties.get("RetentionInDays")
            yield Cost(
                what=f"log storage of {name}",
                monthly=None,
                why=f"${_prices()['stored']['logs_gb']:.2f} for each GB, kept "
                + (f"{days} days" if days else "for ever"),
            )
        case kind if not PRICED.match(kind):
            yield Cost(what=name, monthly=None, why=f"{kind} has prices of its own")


def _alarm(name: str, properties: Mapping[str, Any]) -> Cost:
    """https://aws.amazon.com/cloudwatch/pricing/: an alarm is billed by the metrics that it reads."""
    metrics = sum("MetricStat" in each for each in properties.get("Metrics", ())) or 1
    why = f"for the {metrics} metrics that it reads" if metrics > 1 else "for being there"
    return Cost(what=f"alarm {name}", monthly=metrics * _prices()["alarm"]["month"], why=why)


def _cdn(properties: Mapping[str, Any]) -> Iterator[Cost]:
    """https://aws.amazon.com/cloudfront/pricing/pay-as-you-go/, https://aws.amazon.com/waf/pricing/"""
    config, prices = properties["DistributionConfig"], _prices()
    cdn, acl = prices["cdn"], prices["web_acl"]
    yield Cost(
        what="use of the CDN",
        monthly=None,
        why=f"{cdn['free_requests'] / 1e6:.0f} million requests and {cdn['free_gb'] / 1000:.0f} TB a month "
        f"are free, then ${(cdn['request'] + cdn['call']) * 1e6:.2f} a million and ${cdn['gb']:.3f} a GB",
    )
    if any(each["Id"] == "files" for each in config["Origins"]):
        stored = prices["stored"]["files_gb"]
        yield Cost(what="static files", monthly=None, why=f"${stored:.3f} for each GB of those kept")
    if "WebACLId" in config:
        yield Cost(
            what="the web ACL",
            monthly=None,
            why=f"${acl['month']:.2f} and ${acl['rule']:.2f} for each rule, whatever it stands before, and "
            f"${acl['request'] * 1e6:.2f} a million requests",
        )


def _function(properties: Mapping[str, Any], kept: int) -> Iterator[Cost]:
    prices, memory = _prices(), _gigabytes(properties)
    if properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
        each = memory * prices["snapstart"]["cache"] * _seconds()
        yield Cost(
            what="SnapStart", monthly=each * kept, why=f"{memory:g} GB for each of {kept} kept versions"
        )
    if "ImageUri" in properties.get("Code", {}):
        stored = prices["stored"]["images_gb"]
        yield Cost(what="container images", monthly=None, why=f"${stored:.2f} for each GB of those kept")
    if properties.get("VpcConfig"):
        yield Cost(
            what="the VPC", monthly=None, why="NAT gateways and endpoints of its subnets, if there are any"
        )


def _provisioned(properties: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Cost]:
    config = properties.get("ProvisionedConcurrencyConfig") or {}
    count = config.get("ProvisionedConcurrentExecutions")
    if not isinstance(count, int):
        return
    function = _find_function(resources)
    each = _gigabytes(function) * _prices()[_architecture(function)]["provisioned"] * _seconds()
    yield Cost(
        what="provisioned concurrency",
        monthly=count * each,
        why=f"{count} environments of {_gigabytes(function):g} GB",
    )


def _keep_warm(name: str, properties: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Cost]:
    if properties.get("ScheduleExpression") == {"Fn::Sub": f"at(${{{SHIFT_UNTIL}}})"}:
        return  # our own ShiftReturn: one call at most, and only while traffic is split
    event = _read_event(properties.get("Target", {}).get("Input"))
    if "lambdify" not in event:
        # Of a function: nobody knows here what a call takes.
        yield Cost(what=f"calls by {name}", monthly=None, why="for as long as each of them takes")
        return
    rate = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", str(properties.get("ScheduleExpression")))
    if not rate:
        yield Cost(what=name, monthly=None, why="its schedule is not a plain rate")
        return
    minutes = int(rate[1]) * (60 if rate[2] == "hour" else 1)
    at_once = event.get("concurrency", 1)
    function = _find_function(resources)
    memory = round(_gigabytes(function) * 1024)
    yield Cost(
        what=KEEP_WARM_CALLS,
        monthly=price_keep_warm(minutes, at_once, memory=memory, architecture=_architecture(function)),
        why=f"{_seconds() / 60 / minutes * at_once:.0f} calls of {_mean_hold(at_once):.2g} s",
    )


def _read_event(text: object) -> Mapping[str, Any]:
    """Return the event that a schedule sends; {} for one that is no JSON object."""
    try:
        values = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _find_function(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties: Mapping[str, Any] = resource.get("Properties", {})
            return properties
    return {}


def _gigabytes(function: Mapping[str, Any]) -> float:
    return float(function.get("MemorySize", 128)) / 1024


def _architecture(function: Mapping[str, Any]) -> str:
    return str((function.get("Architectures") or ["x86_64"])[0])


def _seconds() -> float:
    return float(_prices()["hours"]) * 3600


@cache
def _prices() -> dict[str, Any]:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))
