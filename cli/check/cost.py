"""What a month of traffic costs on Lambda, part by part, and where a small server would cost as much.

    requests · (Lambda + endpoint) + (requests · seconds + cold starts) · memory + logs + bytes out

and what is billed while nobody calls (plan/costs.py). The prices are data with a date, in plan/prices.toml.
Free tiers are not counted, nor is what stands beside a function: databases, NAT gateways, domains.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import BinaryIO

from lambdify.cli import template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.check import access_log
from lambdify.cli.check.access_log import Traffic
from lambdify.cli.packing.target import Target
from lambdify.cli.plan import costs
from lambdify.cli.plan.costs import Cost
from lambdify.cli.settings import Settings

INIT = 1.0
"""Assumed seconds of a cold start."""
SECONDS = 0.1
"""Assumed seconds of a request."""
COLD = 0.01
"""Assumed share of requests that meet a cold start."""
LOG_BYTES = 500
"""Assumed bytes in the function's log for each request: Lambda's own lines, and a few of the app."""
MEMORIES = (256, 512, 1024, 2048)
"""MB that are compared, beside those of the settings."""
OLD = timedelta(days=365)
"""From what age on it is said that prices may have changed."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of what a month costs."""

    what: str
    monthly: float
    """USD."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A small server for comparison."""

    name: str
    monthly: float
    """USD."""
    requests: float
    """How many requests like these a month make the function cost as much."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a month costs, in USD."""

    traffic: Traffic
    endpoint: str
    memory: int
    """MB."""
    parts: tuple[Part, ...]
    monthly: float
    endpoints: tuple[str, ...]
    """Kinds of endpoints that are compared."""
    memories: tuple[int, ...]
    compared: tuple[tuple[float, ...], ...]
    """What a month costs, by endpoint and memory, if requests take as long."""
    unknown: tuple[str, ...]
    """What costs as well, and how much is not known."""
    servers: tuple[Server, ...]
    region: str
    """Whose prices these are."""
    as_of: date
    """The month that they are of."""
    old: bool
    """Whether the prices are older than a year."""


def assume(requests: int) -> Traffic:
    """Return usual traffic of so many requests a month."""
    return access_log.assume(requests, seconds=SECONDS, cold=COLD)


def read(log: BinaryIO, settings: Settings) -> Traffic:
    """Return the month that an access log stands for. Raises UsageError if no line of it can be read."""
    warm = settings.warm.concurrency if settings.warm.every else 0
    return access_log.read(access_log.text_of(log), assumed=SECONDS, init=INIT, warm=warm)


def estimate(traffic: Traffic, settings: Settings, *, today: date) -> Estimate:
    """Return what a month of this traffic costs with these settings, and with other ones.

    `today` tells whether the prices are old.
    """
    idle = _idle(settings)
    parts = tuple(_parts(traffic, settings, settings.http.endpoint, idle))
    monthly, standing = sum(part.monthly for part in parts), costs.total(idle)
    endpoints = tuple(dict.fromkeys((*costs.endpoints(), settings.http.endpoint)))
    memories = tuple(sorted({*MEMORIES, settings.function.memory}))
    return Estimate(
        traffic=traffic,
        endpoint=settings.http.endpoint,
        memory=settings.function.memory,
        parts=parts,
        monthly=round(monthly, 2),
        endpoints=endpoints,
        memories=memories,
        compared=tuple(
            tuple(_total(traffic, _with_memory(settings, memory), endpoint) for memory in memories)
            for endpoint in endpoints
        ),
        unknown=tuple(f"{cost.what} ({cost.why})" for cost in idle if cost.monthly is None),
        servers=tuple(_servers(traffic, monthly - standing, standing)),
        region=costs.region(),
        as_of=costs.as_of(),
        old=today - costs.as_of() > OLD,
    )


def _with_memory(settings: Settings, memory: int) -> Settings:
    return replace(settings, function=replace(settings.function, memory=memory))


def _total(traffic: Traffic, settings: Settings, endpoint: str) -> float:
    return round(sum(part.monthly for part in _parts(traffic, settings, endpoint, _idle(settings))), 2)


def _idle(settings: Settings) -> tuple[Cost, ...]:
    """Return what is billed while nobody calls, by the template that would be deployed."""
    function = settings.function
    artifact = Artifact(bucket="bucket", app_key="app.zip", layer_key=None, uploaded=())
    target = Target(python=function.python, architecture=function.architecture)
    return costs.estimate_idle(template.write(settings, artifact, target).body, kept=settings.release.keep)


def _parts(traffic: Traffic, settings: Settings, endpoint: str, idle: tuple[Cost, ...]) -> Iterator[Part]:
    function, requests = settings.function, traffic.requests
    seconds, starts = requests * traffic.seconds, requests * traffic.cold * INIT

    def lambda_price(calls: float, seconds: float) -> float:
        return costs.price_calls(calls, seconds, memory=function.memory, architecture=function.architecture)

    if endpoint == "alb":
        what = "capacity of the load balancer, which itself is not counted"
        yield Part(what=what, monthly=costs.price_balancer(requests, traffic.bytes_out))
    elif endpoint != "none":
        counted = traffic.metered if costs.counts_parts(endpoint) else requests
        yield Part(
            what=f"requests through the endpoint ({endpoint})",
            monthly=costs.price_requests(counted, endpoint),
        )
    yield Part(what="requests to Lambda", monthly=lambda_price(requests, 0))
    yield Part(
        what=f"{traffic.seconds * 1000:,.0f} ms each at {function.memory} MB",
        monthly=lambda_price(0, seconds),
    )
    yield Part(what="cold starts", monthly=lambda_price(0, starts))
    yield Part(what=f"logs, {LOG_BYTES / 1000:g} KB a request", monthly=costs.price_log(requests * LOG_BYTES))
    size = f"{traffic.bytes_out / 1e9:,.1f} GB"
    if settings.http.cdn:
        # From AWS to CloudFront they cost nothing: https://aws.amazon.com/cloudfront/pricing/pay-as-you-go/
        sent = costs.price_cdn(requests, traffic.bytes_out)
        yield Part(what=f"requests and {size} by way of the CDN", monthly=sent)
    else:
        yield Part(what=f"{size} to the internet", monthly=costs.price_out(traffic.bytes_out))
    yield from (Part(what=cost.what, monthly=cost.monthly) for cost in idle if cost.monthly)


def _servers(traffic: Traffic, moving: float, standing: float) -> Iterator[Server]:
    """Yield small servers, and how many requests like these make the function cost as much."""
    for name, monthly in costs.servers():
        each = moving / traffic.requests if traffic.requests else 0
        yield Server(name=name, monthly=monthly, requests=max(0, monthly - standing) / each if each else 0)
