"""The last day: what CloudWatch counted, and cold starts in the log."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from stages import stage_in

from lambdify.cli.errors import AccessDenied
from lambdify.cli.look import cold_starts, metrics

API = "https://abc123.execute-api.eu-central-1.amazonaws.com"
ID = "1a2b3c4d-0000-4000-8000-000000000001"


@pytest.fixture
def count(account):
    """`count("Invocations", 1, 2, FunctionName="shop-dev")`: what AWS's services count, an hour ago."""
    client = account.client("cloudwatch")

    def count(name, *values, namespace="AWS/Lambda", **of):
        data = {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in of.items()],
            "Timestamp": datetime.now(UTC) - timedelta(hours=1),
        }
        each = [{**data, "Value": value} for value in values]
        client.put_metric_data(Namespace=namespace, MetricData=each)

    return count


@pytest.mark.cloud
@pytest.mark.slow
def test_calls_errors_and_durations_are_those_of_the_function(account, count, make_settings):
    for of in ({"FunctionName": "shop-dev"}, {"FunctionName": "shop-dev", "Resource": "shop-dev:live"}):
        count("Invocations", 1, 1, 1, **of)
        count("Errors", 0, 1, 0, **of)
        count("Duration", 10.0, 20.0, 900.0, **of)
    count("Invocations", 1, FunctionName="shop-production", Resource="shop-production:live")
    found = metrics.read(stage_in(account, make_settings()), API)
    assert (found.hours, found.invocations, found.errors, found.throttles) == (24, 3, 1, None)
    assert (found.duration_p50_ms, found.duration_total_ms) == (20.0, 930.0)
    assert 20.0 < found.duration_p95_ms <= 900.0
    assert found.requests is None


@pytest.mark.cloud
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "namespace", "of", "names"),
    [
        ("http-api", "AWS/ApiGateway", {"ApiId": "abc123"}, ("Count", "4xx", "5xx", "Latency")),
        ("rest-api", "AWS/ApiGateway", {"ApiName": "shop-dev"}, ("Count", "4XXError", "5XXError", "Latency")),
        (
            "function-url",
            "AWS/Lambda",
            {"FunctionName": "shop-dev"},
            ("UrlRequestCount", "Url4xxCount", "Url5xxCount", "UrlRequestLatency"),
        ),
    ],
)
def test_requests_are_those_that_the_endpoint_counted(
    account, count, make_settings, kind, namespace, of, names
):
    for name, values in zip(names, [(1, 1, 1, 1), (0, 1), (1, 1), (5.0, 7.0, 9.0)], strict=True):
        count(name, *values, namespace=namespace, **of)
    found = metrics.read(stage_in(account, make_settings(overrides={"http.endpoint": kind})), API)
    assert (found.requests, found.answers_4xx, found.answers_5xx, found.latency_p50_ms) == (4, 1, 2, 7.0)
    assert found.invocations is None


@pytest.mark.cloud
@pytest.mark.slow
def test_where_nothing_was_counted_there_is_nothing_to_tell(account, make_settings):
    assert metrics.read(stage_in(account, make_settings()), API) is None


def test_a_refusal_of_cloudwatch_says_what_is_missing(stubbed, make_settings):
    message = "User: ann is not authorized to perform: cloudwatch:GetMetricData"
    stubbed.refuses("cloudwatch.get_metric_data", "AccessDenied", message, 403)
    with pytest.raises(AccessDenied, match="cloudwatch:GetMetricData"):
        metrics.read(stage_in(stubbed.account, make_settings()), API)


# -------------------------------------------------------------------- cold starts


@pytest.fixture
def log(moto):
    """`log("text", ...)`: lines that the function wrote just now."""
    client = moto.client("logs")
    where = {"logGroupName": "/aws/lambda/shop-dev", "logStreamName": "one"}
    client.create_log_group(logGroupName=where["logGroupName"])
    client.create_log_stream(**where)

    def log(*messages):
        now = round(datetime.now(UTC).timestamp() * 1000)
        client.put_log_events(**where, logEvents=[{"timestamp": now, "message": text} for text in messages])

    return log


def report(**more):
    told = {"Duration": 2.0, **more}
    return f"REPORT RequestId: {ID}\t" + "\t".join(f"{name}: {value} ms" for name, value in told.items())


def test_cold_starts_are_the_requests_that_an_init_was_done_for(log, moto, make_settings):
    inits = [report(**{"Init Duration": took}) for took in (300.0, 400.0, 900.5)]
    log(*inits, report(), "INIT_REPORT Init Duration: 9999.0 ms\tPhase: init\tStatus: timeout")
    found = cold_starts.read(stage_in(moto, make_settings()))
    assert (found.count, found.p50_ms, found.longest_ms, found.complete) == (3, 400.0, 900.5, True)


def test_in_the_json_format_too(log, moto, make_settings):
    metrics_of = {"durationMs": 2.0, "initDurationMs": 300.0}
    log(json.dumps({"type": "platform.report", "record": {"requestId": ID, "metrics": metrics_of}}))
    found = cold_starts.read(stage_in(moto, make_settings(overrides={"logs.format": "json"})))
    assert (found.count, found.longest_ms) == (1, 300.0)


def test_with_snapstart_they_are_the_restores(log, moto, make_settings):
    log(report(**{"Restore Duration": 150.0}), report())
    snapstart = make_settings(overrides={"function.snapstart": True})
    assert cold_starts.read(stage_in(moto, snapstart)).longest_ms == 150.0


def test_without_any_there_are_none(log, moto, make_settings):
    log(report())
    found = cold_starts.read(stage_in(moto, make_settings()))
    assert (found.count, found.p50_ms, found.complete) == (0, 0, True)


def test_a_log_that_takes_too_long_is_told_as_far_as_it_was_read(stubbed, make_settings):
    event = {"message": report(**{"Init Duration": 300.0})}
    stubbed.answers("logs.filter_log_events", {"events": [event], "nextToken": "more"})
    times = iter([0.0, 1.0, 9.0])
    found = cold_starts.read(
        stage_in(stubbed.account, make_settings()), timeout=5.0, clock=lambda: next(times)
    )
    assert (found.count, found.complete) == (1, False)


def test_without_a_log_there_is_nothing_to_tell(moto, make_settings):
    assert cold_starts.read(stage_in(moto, make_settings())) is None
