"""What `status` tells of a stage behind a CDN: its requests, which the endpoint counts, and their costs."""

import json

import pytest
from stages import stage_in

from lambdify.cli.look import status

API = "https://abc123.execute-api.eu-central-1.amazonaws.com"
OUTPUTS = {"Endpoint": "https://d111111abcdef8.cloudfront.net", "Origin": API}
BODY = {
    "Resources": {
        "Distribution": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {"DistributionConfig": {"Origins": [{"Id": "app"}]}},
        }
    }
}


def refuse(stubbed):
    """Have AWS tell nothing of what is no matter here."""
    stubbed.refuses("logs.filter_log_events", "AccessDeniedException", "no")
    stubbed.refuses("s3.list_objects_v2", "AccessDenied", "no", 403)
    stubbed.refuses("scheduler.get_schedule", "ResourceNotFoundException")


@pytest.fixture
def fetch(stubbed, make_settings):
    """`fetch(1_000_000)`: the status of a stage with so many requests in the last day."""

    def fetch(requests):
        stubbed.finds_stage(OUTPUTS)
        refuse(stubbed)
        stubbed.answers(
            "lambda.get_function_configuration",
            {"FunctionName": "shop-dev", "Version": "9", "MemorySize": 512, "Timeout": 30},
        )
        stubbed.answers("cloudformation.get_template", {"TemplateBody": json.dumps(BODY)})
        counted = {"requests": requests, "billed_invocations": 0, "duration_total": 0.0}
        results = [{"Id": name, "Values": [value]} for name, value in counted.items()]
        stubbed.answers("cloudwatch.get_metric_data", {"MetricDataResults": results})
        settings = make_settings(overrides={"http.cdn": True})
        return status.fetch(stage_in(stubbed.account, settings), check_health=False)

    return fetch


@pytest.mark.parametrize("requests", [50_000, 100_000, 1_000_000])
def test_requests_beyond_the_free_ones_are_counted(fetch, requests):
    found = fetch(requests)
    assert found.use.requests == requests
    month = requests * 365 / 12
    edge = max(0, month - 10_000_000) * 1e-6 + max(0, month - 2_000_000) * 1e-7
    assert found.cost.used_usd_per_month == pytest.approx(month * 1e-6 + edge, abs=1e-4)
    assert found.cost.idle_usd_per_month == 0


def test_the_api_is_asked_for_by_its_own_name(stubbed, make_settings):
    """The address of the stage is the CDN's, which is no API."""
    asked = []

    def note(params, **_):
        asked.extend(params["MetricDataQueries"])

    client = stubbed.account.client("cloudwatch")
    client.meta.events.register("provide-client-params.cloudwatch.GetMetricData", note)
    stubbed.finds_stage(OUTPUTS)
    refuse(stubbed)
    stubbed.answers("lambda.get_function_configuration", {"FunctionName": "shop-dev"})
    stubbed.answers("cloudformation.get_template", {"TemplateBody": json.dumps(BODY)})
    stubbed.answers("cloudwatch.get_metric_data", {"MetricDataResults": []})
    status.fetch(stage_in(stubbed.account, make_settings(overrides={"http.cdn": True})), check_health=False)
    (requests,) = [each for each in asked if each["Id"] == "requests"]
    assert requests["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "ApiId", "Value": "abc123"}]
