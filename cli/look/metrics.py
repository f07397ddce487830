"""CloudWatch's metrics: calls, errors and durations of the function; requests and answers of the endpoint.

Calls are those of the stage's aliases: a deployment tries a version by its number, for which nobody waits.
What is billed are all of them.

Lambda counts an error of the function if it raised outside of the app, died or ran out of time. An exception
of the app is a 500 of the endpoint, and no error of the function: so both are fetched, in one call.

Each metric costs a thousandth of a cent (https://aws.amazon.com/cloudwatch/pricing/, GetMetricData), so one
call costs about a hundredth of a cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lambdify.cli.aws import translated
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage
from lambdify.cli.template import ALIAS

HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The metrics of the last hours; None for those that CloudWatch has no value of."""

    hours: int
    invocations: int | None
    """Through the aliases, so those that try a version are left out. Includes keep-warm calls."""
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    """Of the web app, with keep-warm calls."""
    duration_p95_ms: float | None
    billed_invocations: int | None
    """All of them."""
    duration_total_ms: float | None
    """Of all of them."""
    requests: int | None
    """Requests to the endpoint, including those answered with 4xx and 5xx."""
    answers_4xx: int | None
    answers_5xx: int | None
    latency_p50_ms: float | None
    """Time until the endpoint had answered."""
    latency_p95_ms: float | None


Query = tuple[str, str, Mapping[str, str], str]
"""Namespace, metric, dimensions, statistic."""


@translated(during="reading the metrics")
def read(stage: Stage, endpoint: str, *, aliases: Sequence[str] = (ALIAS,)) -> Metrics | None:
    """Return the last day's metrics of the stage and of its endpoint's URL; None if nothing was counted.

    `aliases` are those of the app's Lambda: that of the web app, and those of functions in it.
    """
    queries = {**_function_queries(stage.settings, aliases), **_endpoint_queries(stage.settings, endpoint)}
    # The end is a whole minute: otherwise CloudWatch would round it, and split the day into two values.
    end = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    answer = stage.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query(name, *query) for name, query in queries.items()],
        StartTime=end - timedelta(hours=HOURS),
        EndTime=end,
    )
    found: dict[str, list[float]] = {}
    for each in answer["MetricDataResults"]:
        if each["Values"]:
            found.setdefault(each["Id"].partition("_of_")[0], []).extend(each["Values"])
    if not found:
        return None
    # Counts of several aliases, or of a day in two parts, are added; of percentiles the worst is taken.
    values = {
        name: (max if "p50" in name or "p95" in name else sum)(values) for name, values in found.items()
    }
    return _read_values(values)


def _read_values(values: Mapping[str, float]) -> Metrics:
    def count(name: str) -> int | None:
        return round(values[name]) if name in values else None

    def time(name: str) -> float | None:
        return round(values[name], 2) if name in values else None

    return Metrics(
        hours=HOURS,
        invocations=count("invocations"),
        errors=count("errors"),
        throttles=count("throttles"),
        duration_p50_ms=time("duration_p50"),
        duration_p95_ms=time("duration_p95"),
        billed_invocations=count("billed_invocations"),
        duration_total_ms=time("duration_total"),
        requests=count("requests"),
        answers_4xx=count("answers_4xx"),
        answers_5xx=count("answers_5xx"),
        latency_p50_ms=time("latency_p50"),
        latency_p95_ms=time("latency_p95"),
    )


def _function_queries(settings: Settings, aliases: Sequence[str]) -> dict[str, Query]:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html"""
    function = {"FunctionName": settings.full_name}
    live = {**function, "Resource": f"{settings.full_name}:{ALIAS}"}
    queries: dict[str, Query] = {
        "billed_invocations": ("AWS/Lambda", "Invocations", function, "Sum"),
        "throttles": ("AWS/Lambda", "Throttles", function, "Sum"),
        "duration_p50": ("AWS/Lambda", "Duration", live, "p50"),
        "duration_p95": ("AWS/Lambda", "Duration", live, "p95"),
        "duration_total": ("AWS/Lambda", "Duration", function, "Sum"),
    }
    for number, alias in enumerate(aliases):
        called = {**function, "Resource": f"{settings.full_name}:{alias}"}
        queries[f"invocations_of_{number}"] = ("AWS/Lambda", "Invocations", called, "Sum")
        queries[f"errors_of_{number}"] = ("AWS/Lambda", "Errors", called, "Sum")
    return queries


def _endpoint_queries(settings: Settings, endpoint: str) -> dict[str, Query]:
    """Return the queries for the endpoint; {} for a load balancer, whose metrics include other targets."""
    api = (urlsplit(endpoint).hostname or "").partition(".")[0]
    match settings.http.endpoint:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        case "http-api" if api:
            names = ("AWS/ApiGateway", {"ApiId": api}, "Count", "4xx", "5xx", "Latency")
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
        case "rest-api":
            dimensions = {"ApiName": settings.full_name}
            names = ("AWS/ApiGateway", dimensions, "Count", "4XXError", "5XXError", "Latency")
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
        case "function-url":
            dimensions = {"FunctionName": settings.full_name}
            names = (
                "AWS/Lambda",
                dimensions,
                "UrlRequestCount",
                "Url4xxCount",
                "Url5xxCount",
                "UrlRequestLatency",
            )
        case _:
            return {}
    namespace, dimensions, count, client_errors, server_errors, latency = names
    return {
        "requests": (namespace, count, dimensions, "Sum"),
        "answers_4xx": (namespace, client_errors, dimensions, "Sum"),
        "answers_5xx": (namespace, server_errors, dimensions, "Sum"),
        "latency_p50": (namespace, latency, dimensions, "p50"),
        "latency_p95": (namespace, latency, dimensions, "p95"),
    }


def _query(name: str, namespace: str, metric: str, of: Mapping[str, str], statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in of.items()]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions},
            "Period": HOURS * 3600,
            "Stat": statistic,
        },
    }
