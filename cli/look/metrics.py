"""What CloudWatch counted: calls, errors and durations of the function, requests and answers of the endpoint.

An error of the function is one that Lambda saw: it raised outside of the app, died or ran out of time. What
the app raised is a 500 of the endpoint, and no error of the function: so both are asked for, in one call.

Each metric that is asked for costs a thousandth of a cent (https://aws.amazon.com/cloudwatch/pricing/,
GetMetricData): a look costs about a hundredth of one.
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
class Use:
    """The last hours, as far as there is something to tell: None where CloudWatch has nothing."""

    hours: int
    invocations: int | None
    """Keep-warm calls are among them, and in the durations below."""
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    duration_total_ms: float | None
    requests: int | None
    """That the endpoint got; answers with 4xx and 5xx are of these."""
    answers_4xx: int | None
    answers_5xx: int | None
    latency_p50_ms: float | None
    """Until the endpoint had answered."""
    latency_p95_ms: float | None


Query = tuple[str, str, Mapping[str, str], str]
"""Namespace, metric, dimensions, statistic."""


@translated(during="reading the metrics")
def read(stage: Stage, endpoint: str) -> Use | None:
    """The last day of the stage whose endpoint has that address; None where nothing was counted."""
    queries = {**_of_function(stage.settings), **_of_endpoint(stage.settings, endpoint)}
    # A whole minute, or CloudWatch would round, and split the day in two.
    end = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    answer = stage.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query(name, *query) for name, query in queries.items()],
        StartTime=end - timedelta(hours=HOURS),
        EndTime=end,
    )
    found = {each["Id"]: each["Values"] for each in answer["MetricDataResults"] if each["Values"]}
    if not found:
        return None
    # One value is the rule; of percentiles that were split all the same, the worst is told.
    values = {
        name: (max if "p50" in name or "p95" in name else sum)(values) for name, values in found.items()
    }
    counts = ("invocations", "errors", "throttles", "requests", "answers_4xx", "answers_5xx")
    return Use(
        hours=HOURS,
        **{name: round(values[name]) if name in values else None for name in counts},
        **{
            f"{name}_ms": round(values[name], 2) if name in values else None
            for name in ("duration_p50", "duration_p95", "duration_total", "latency_p50", "latency_p95")
        },
    )


def _of_function(settings: Settings) -> dict[str, Query]:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    of = {"FunctionName": settings.full_name}
    return {
        "invocations": ("AWS/Lambda", "Invocations", of, "Sum"),
        "errors": ("AWS/Lambda", "Errors", of, "Sum"),
        "throttles": ("AWS/Lambda", "Throttles", of, "Sum"),
        "duration_p50": ("AWS/Lambda", "Duration", of, "p50"),
        "duration_p95": ("AWS/Lambda", "Duration", of, "p95"),
        "duration_total": ("AWS/Lambda", "Duration", of, "Sum"),
    }


def _of_endpoint(settings: Settings, endpoint: str) -> dict[str, Query]:
    """Nothing for a load balancer, which counts for all that is behind it."""
    api = (urlsplit(endpoint).hostname or "").partition(".")[0]
    match settings.http.endpoint:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        case "http-api" if api:
            names = ("AWS/ApiGateway", {"ApiId": api}, "Count", "4xx", "5xx", "Latency")
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
        case "rest-api":
            of = {"ApiName": settings.full_name}
            names = ("AWS/ApiGateway", of, "Count", "4XXError", "5XXError", "Latency")
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
        case "function-url":
            of = {"FunctionName": settings.full_name}
            names = ("AWS/Lambda", of, "UrlRequestCount", "Url4xxCount", "Url5xxCount", "UrlRequestLatency")
        case _:
            return {}
    namespace, of, count, client_errors, server_errors, latency = names
    return {
        "requests": (namespace, count, of, "Sum"),
        "answers_4xx": (namespace, client_errors, of, "Sum"),
        "answers_5xx": (namespace, server_errors, of, "Sum"),
        "latency_p50": (namespace, latency, of, "p50"),
        "latency_p95": (namespace, latency, of, "p95"),
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
