"""A stage as it is: what is deployed, how it does, and what is said of both."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.errors import AccessDenied, NotDeployed
from lambdify.cli.look import status, status_view
from lambdify.cli.look.cold_starts import ColdStarts
from lambdify.cli.look.health import Health
from lambdify.cli.look.metrics import Metrics
from lambdify.cli.look.status import CostEstimate, Status
from lambdify.cli.releases import Release
from lambdify.cli.releases.traffic_split import TrafficSplit

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOCAL = f"{AT.astimezone():%Y-%m-%d %H:%M}"
RELEASE = Release(
    number=7,
    at=AT,
    by="arn:aws:sts::123456789012:assumed-role/deployer/ann",
    commit="0123456789abcdef",
    dirty=True,
    stack="id",
    version="9",
    artifacts=(),
    settings={},
    state="live",
    reason="",
)
USE = Metrics(
    hours=24,
    invocations=1492,
    errors=0,
    throttles=0,
    duration_p50_ms=2.0,
    duration_p95_ms=40.0,
    billed_invocations=1494,
    duration_total_ms=20_000.0,
    requests=1204,
    answers_4xx=12,
    answers_5xx=0,
    latency_p50_ms=9.5,
    latency_p95_ms=80.0,
)
STATUS = Status(
    stack="shop-dev",
    state="UPDATE_COMPLETE",
    reason="",
    region="eu-central-1",
    endpoint="https://abc.execute-api.eu-central-1.amazonaws.com",
    function="shop-dev",
    version="9",
    runtime="python3.13",
    memory=512,
    timeout=30,
    code_size=1_234_567,
    changed_at=AT,
    schedule="rate(5 minutes)",
    kept_warm=7,
    app="a" * 64,
    layer="",
    release=RELEASE,
    shift=None,
    drift="IN_SYNC",
    drift_checked_at=AT,
    health=Health(path="/", ok=True, status=200, milliseconds=34, problem=""),
    use=USE,
    cold_starts=ColdStarts(hours=24, count=5, p50_ms=345.0, longest_ms=910.4, complete=True),
    cost=CostEstimate(
        idle_usd_per_month=0.02, used_usd_per_month=1.5, basis="prices of us-east-1, November 2026"
    ),
    left_out=(),
)


def texts(found):
    return [line.text for line in status_view.show(found)]


def line(found, name):
    """The line of that name, or None."""
    return next((line for line in status_view.show(found) if line.text.startswith(f"{name}  ")), None)


def test_a_status_is_one_fact_a_line():
    assert texts(STATUS) == [
        "endpoint     https://abc.execute-api.eu-central-1.amazonaws.com",
        "health       200 in 34 ms (GET /)",
        f"release      7, of {LOCAL}, by ann, commit 0123456789 and changes",
        "stack        shop-dev in eu-central-1",
        f"state        UPDATE_COMPLETE, since {LOCAL}",
        "function     shop-dev, version 9",
        "runtime      python3.13, 512 MB, 30 s",
        "code         1.2 MB",
        "app          aaaaaaaaaaaaaaaa",
        "kept warm    7 environments, rate(5 minutes)",
        "requests     1,204 in 24 h, 0 answered with 5xx, 12 with 4xx; p50 9.5 ms, p95 80 ms",
        "calls        1,492 in 24 h, 0 errors, 0 throttled; p50 2.0 ms, p95 40 ms",
        "cold starts  5 in 24 h; p50 345 ms, longest 910 ms",
        "cost         about $0.02 a month when idle, $1.50 if every day is like the last",
        "             estimated by prices of us-east-1, November 2026; without logs and traffic",
        f"drift        nothing was changed by hand ({LOCAL})",
    ]


def test_what_is_not_known_is_left_out():
    unknown = replace(
        STATUS, release=None, health=None, use=None, cold_starts=None, cost=None, drift="NOT_CHECKED"
    )
    assert [text.split()[0] for text in texts(unknown)] == [
        "endpoint",
        "stack",
        "state",
        "function",
        "runtime",
        "code",
        "app",
        "kept",
    ]


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("ROLLBACK_COMPLETE", "the first deployment failed, and nothing of it is there"),
        ("UPDATE_ROLLBACK_COMPLETE", "the last change failed and was taken back, all is as before"),
        ("UPDATE_IN_PROGRESS", "CloudFormation is at work"),
    ],
)
def test_a_state_that_is_no_plain_success_is_explained(state, meaning):
    assert (
        line(replace(STATUS, state=state), "state").text == f"state        {state}, since {LOCAL}: {meaning}"
    )


def test_a_shift_under_way_is_part_of_the_status():
    shift = TrafficSplit(
        percent=40, version="10", release=8, rest="9", until=AT, guarded=True, taken_back=False
    )
    (said,) = [each for each in texts(replace(STATUS, shift=shift)) if each.startswith("shift")]
    assert said == "shift        40% of the traffic to release 8, version 10"
    (said,) = [
        each for each in texts(replace(STATUS, shift=replace(shift, taken_back=True))) if "shift " in each
    ]
    assert said == "shift        ended at 40%, taken back by AWS"


def test_a_stage_that_is_not_kept_warm_says_so():
    assert line(replace(STATUS, schedule=""), "kept warm").text == "kept warm    no"
    one = line(replace(STATUS, kept_warm=1), "kept warm").text
    assert one == "kept warm    1 environment, rate(5 minutes)"


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (
            Health(path="/up", ok=False, status=503, milliseconds=1234, problem=""),
            "NOT WELL: 503 in 1,234 ms (GET /up)",
        ),
        (
            Health(path="/", ok=False, status=0, milliseconds=9, problem="Connection refused"),
            "NO ANSWER to GET /: Connection refused",
        ),
    ],
)
def test_an_app_that_is_not_well_stands_out(health, said):
    shown = line(replace(STATUS, health=health), "health")
    assert (shown.text.split(maxsplit=1)[1], shown.style) == (said, "danger")


def test_errors_stand_out():
    failing = replace(STATUS, use=replace(USE, answers_5xx=3, errors=1))
    assert line(failing, "requests").style == line(failing, "calls").style == "danger"
    assert line(STATUS, "requests").style == line(STATUS, "calls").style == ""


def test_cold_starts_that_were_not_all_counted_are_at_least_so_many():
    some = ColdStarts(hours=24, count=5, p50_ms=345.0, longest_ms=910.4, complete=False)
    assert "at least 5 in 24 h" in line(replace(STATUS, cold_starts=some), "cold starts").text


def test_what_was_changed_by_hand_stands_out():
    shown = line(replace(STATUS, drift="DRIFTED"), "drift")
    assert "something was changed by hand" in shown.text
    assert shown.style == "changed"


# -------------------------------------------------------------------- from AWS


@pytest.fixture
def deployed(stubbed):
    """A stage in an account where CloudWatch and the logs are not for us to see."""
    drift = {"StackDriftStatus": "DRIFTED", "LastCheckTimestamp": AT}
    stubbed.finds_stage(DriftInformation=drift)
    stubbed.refuses("cloudwatch.get_metric_data", "AccessDenied", "no cloudwatch:GetMetricData", 403)
    stubbed.refuses("logs.filter_log_events", "AccessDeniedException", "no logs:FilterLogEvents")
    stubbed.refuses("s3.list_objects_v2", "AccessDenied", "no s3:ListBucket", 403)
    stubbed.refuses("scheduler.get_schedule", "ResourceNotFoundException")
    stubbed.answers(
        "lambda.get_function_configuration",
        {
            "FunctionName": "shop-dev",
            "Version": "9",
            "MemorySize": 512,
            "Timeout": 30,
            "Runtime": "python3.13",
        },
    )
    body = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm"}}}
    stubbed.answers("cloudformation.get_template", {"TemplateBody": json.dumps(body)})
    return stubbed


def test_what_is_refused_is_left_out_and_said_and_the_rest_is_there(deployed, make_settings):
    found = status.fetch(stage_in(deployed.account, make_settings()))
    assert (found.version, found.memory, found.drift, found.drift_checked_at) == ("9", 512, "DRIFTED", AT)
    assert found.cost.idle_usd_per_month == 0.1
    assert (found.use, found.cold_starts, found.release, found.health) == (None, None, None, None)
    assert [each.partition(":")[0] for each in found.left_out] == [
        "the metrics",
        "the release",
        "cold starts",
    ]


def test_what_is_deployed_has_to_be_told(stubbed, make_settings):
    stubbed.refuses("cloudformation.describe_stacks", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied):
        status.fetch(stage_in(stubbed.account, make_settings()))


def test_what_is_not_there_has_no_status(stubbed, make_settings):
    stubbed.refuses(
        "cloudformation.describe_stacks", "ValidationError", "Stack with id shop-dev does not exist"
    )
    with pytest.raises(NotDeployed):
        status.fetch(stage_in(stubbed.account, make_settings()))
