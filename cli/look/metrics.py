"""CloudWatch's metrics: calls, errors and durations of the function; requests and answers of the endpoint.

Lambda counts an error of the function if it raised outside of the app, died or ran out of time. An exception
of the app is a 500 of the endpoint, and no error of the function: so both are fetched, in one call.

Each metric costs a thousandth of a cent (https://aws.amazon.com/cloudwatch/pricing/, GetMetricData), so one
call costs about a hundredth of a cent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lambdify.cli.aws import translated
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage

HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The metrics of the last hours; None for those that CloudWatch has no value of."""

    hours: int
    invocations: int | None
    """Includes keep-warm calls, as do the durations below."""
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    duration_total_ms: float | None
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
def read(stage: Stage, endpoint: str) -> Metrics | None:
    """Return the last day's metrics of the stage and of its endpoint's URL; None if nothing was counted."""
    queries = {**_function_queries(stage.settings), **_endpoint_queries(stage.settings, endpoint)}
    # The end is a whole minute: otherwise CloudWatch would round it, and split the day into two values.
    end = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    answer = stage.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query(name, *query) for name, query in queries.items()],
        StartTime=end - timedelta(hours=HOURS),
        EndTime=end,
    )
    found = {each["Id"]: each["Values"] for each in answer["MetricDataResults"] if each["Values"]}
    if not found:
        return None
    # There is usually one value. If there are more, counts are added, and of percentiles the worst is taken.
    values = {
        name: (max if "p50" in name or "p95" in name else sum)(values) for name, values in found.items()
    }
    counts = ("invocations", "errors", "throttles", "requests", "answers_4xx", "answers_5xx")
    return Metrics(
        hours=HOURS,
        **{name: round(values[name]) if name in values else None for name in counts},
        **{
            f"{name}_ms": round(values[name], 2) if name in values else None
            for name in ("duration_p50", "duration_p95", "duration_total", "latency_p50", "latency_p95")
        },
    )


def _function_queries(settings: Settings) -> dict[str, Query]:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    dimensions = {"FunctionName": settings.full_name}
    return {
        "invocations": ("AWS/Lambda", "Invocations", dimensions, "Sum"),
        "errors": ("AWS/Lambda", "Errors", dimensions, "Sum"),
        "throttles": ("AWS/Lambda", "Throttles", dimensions, "Sum"),
        "duration_p50": ("AWS/Lambda", "Duration", dimensions, "p50"),
        "duration_p95": ("AWS/Lambda", "Duration", dimensions, "p95"),
        "duration_total": ("AWS/Lambda", "Duration", dimensions, "Sum"),
    }


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
