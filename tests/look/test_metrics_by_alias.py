"""Calls are those that came through an alias: a deployment tries a version by its number."""

import pytest
from look.test_metrics import API, count  # noqa: F401 (a fixture)
from stages import stage_in

from lambdify.cli.look import metrics

pytestmark = [pytest.mark.cloud, pytest.mark.slow]
LIVE = {"FunctionName": "shop-dev", "Resource": "shop-dev:live"}
REPORT = {"FunctionName": "shop-dev", "Resource": "shop-dev:report"}
ALL = {"FunctionName": "shop-dev"}


def test_a_trial_is_no_call_but_is_billed(account, count, make_settings):  # noqa: F811
    for name, values in (("Invocations", (1, 1)), ("Errors", (0, 0)), ("Duration", (2.0, 4.0))):
        count(name, *values, **LIVE)
        count(name, *values, **ALL)
    count("Invocations", 1, 1, **ALL)
    count("Errors", 1, 0, **ALL)
    count("Duration", 1900.0, 300.0, **ALL)
    found = metrics.read(stage_in(account, make_settings()), API)
    assert (found.invocations, found.errors) == (2, 0)
    assert (found.duration_p50_ms, found.duration_p95_ms) == pytest.approx((2.0, 4.0), abs=1.1)
    assert (found.billed_invocations, found.duration_total_ms) == (4, 2206.0)


def test_functions_in_the_app_s_lambda_are_calls_and_the_percentiles_are_the_app_s(
    account,
    count,  # noqa: F811
    make_settings,
):
    for name, app, function in (("Invocations", 3, 2), ("Errors", 0, 1), ("Duration", 5.0, 800.0)):
        count(name, app, **LIVE)
        count(name, function, **REPORT)
    found = metrics.read(stage_in(account, make_settings()), API, aliases=("live", "report"))
    assert (found.invocations, found.errors, found.duration_p95_ms) == (5, 1, 5.0)
