"""[alarms]: what is watched at which endpoint, who is told, what it costs, and nothing unasked."""

import json
import re
from pathlib import Path

import pytest
from stages import stage_in
from template.beside import TASKS, TOPIC, calling
from template.variants import ENDPOINTS

from lambdify.cli import aws, settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.plan import costs
from lambdify.cli.template import deployer

MAIL = {"alarms.email": ["ops@shop.example", "me@shop.example"]}
FULL = {**MAIL, "alarms.topic": TOPIC, "alarms.slow": "p95 over 2.5 s for 10 minutes"}
COUNT = {"alarms.errors": "10 for 1 minute"}
WORK = {**calling(), **TASKS}
SIMPLE = [name for name in ENDPOINTS if name in ("http-api", "function-url", "rest-api", "alb", "none")]


def alarms(written):
    return {
        each["Properties"]["AlarmName"]: each["Properties"]
        for each in written.body["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_without_anybody_to_tell_there_is_not_one_line_of_it(write):
    off = {"alarms.errors": "", "alarms.throttles": False, "alarms.failed": False}
    assert write(off).text == write().text
    assert not re.search("(?i)alarm|sns", write(WORK).text)


@pytest.mark.parametrize("endpoint", SIMPLE)
def test_the_alarms_of_an_endpoint(write, golden, endpoint):
    written = write({**ENDPOINTS[endpoint], **FULL})
    found = {name: each for name, each in written.body["Resources"].items() if name.startswith("Alarm")}
    golden(f"alarms-{endpoint}.json", json.dumps(found, indent=2) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", SIMPLE)
def test_cfn_lint_has_nothing_to_say(write, complaints, endpoint):
    limits = COUNT if endpoint == "alb" else {}
    assert complaints(write({**ENDPOINTS[endpoint], **FULL, **WORK, **limits}), "eu-central-1") == []


@pytest.mark.slow
@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_cfn_lint_has_nothing_to_say_in_other_partitions(write, complaints, region, partition):
    there = json.loads(json.dumps(FULL).replace("arn:aws:", f"arn:{partition}:"))
    assert complaints(write(there), region) == []


def test_a_number_and_a_share_are_two_kinds_of_alarm(write):
    number = alarms(write({**MAIL, **COUNT}))["shop-dev.answers"]
    assert (number["MetricName"], number["Threshold"], number["Period"]) == ("5xx", 10, 60)
    share = alarms(write(MAIL))["shop-dev.answers"]
    assert [each["Id"] for each in share["Metrics"]] == ["failed", "every", "share"]
    assert {each["MetricStat"]["Period"] for each in share["Metrics"][:2]} == {300}
    assert (share["Threshold"], share["ComparisonOperator"]) == (1, "GreaterThanThreshold")
    assert "more than 1% in 5 minutes" in share["AlarmDescription"]


def test_lambdas_of_functions_have_alarms_of_their_own_and_tasks_are_told_by_their_queue(write):
    own = {"functions": {"report": {"handler": "shop:report", "memory": 256}}, **TASKS}
    found = alarms(write({**own, **MAIL}))
    assert set(found) == {
        "shop-dev.answers",
        "shop-dev.errors",
        "shop-dev.errors-Report",
        "shop-dev.throttles",
        "shop-dev.throttles-Report",
        "shop-dev-failed",
    }


def test_the_failed_queue_has_one_alarm_whoever_asks_for_it(write):
    def told(overrides):
        found = alarms(write({**WORK, **overrides}))
        return found.get("shop-dev-failed", {}).get("AlarmActions")

    other = TOPIC.replace("payments", "others")
    assert told({}) is None
    assert told({"failed.notify": [TOPIC]}) == [TOPIC]
    assert told({"alarms.topic": TOPIC}) == [TOPIC]
    assert told({"failed.notify": [TOPIC], "alarms.topic": TOPIC}) == [TOPIC]
    assert told({"failed.notify": [other], **MAIL}) == [other, {"Ref": "AlarmTopic"}]
    assert told({**MAIL, "alarms.failed": False}) is None


def test_an_address_that_goes_takes_its_subscription_along(write):
    def mails(*addresses):
        resources = write({"alarms.email": [*addresses]}).body["Resources"]
        return {name for name, each in resources.items() if each["Type"] == "AWS::SNS::Subscription"}

    assert mails("a@b.example") < mails("a@b.example", "c@b.example")


def test_what_it_costs_is_counted_by_the_metrics_that_each_alarm_reads(write):
    def idle(overrides):
        return round(costs.total(costs.estimate_idle(write({"warm.every": "off", **overrides}).body)), 2)

    assert idle({}) == 0
    assert idle({**MAIL, **COUNT, "alarms.throttles": False}) == 0.10
    assert idle({**MAIL, "alarms.throttles": False}) == 0.20, "a share reads two metrics"
    assert idle({**MAIL, "alarms.slow": "p95 over 2 s for 10 minutes"}) == 0.40
    assert not [each for each in costs.estimate_idle(write(MAIL).body) if "SNS" in each.why]


def test_the_deployer_may_make_these_and_no_others(make_settings):
    account = aws.placeholder_account("123456789012", "eu-central-1", "aws")

    def allowed(overrides, action):
        policy = deployer.write(stage_in(account, make_settings(overrides=overrides)))
        return [
            arn
            for each in policy.document["Statement"]
            if action in each["Action"]
            for arn in each["Resource"]
        ]

    alarm = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:"
    topic = "arn:aws:sns:eu-central-1:123456789012:shop-dev-alarms"
    assert allowed(MAIL, "cloudwatch:PutMetricAlarm") == [f"{alarm}shop-dev-errors", f"{alarm}shop-dev.*"]
    assert allowed(MAIL, "sns:CreateTopic") == allowed(MAIL, "sns:Subscribe") == [topic]
    assert allowed({"alarms.topic": TOPIC}, "sns:CreateTopic") == []
    assert allowed({}, "cloudwatch:PutMetricAlarm") == []


def test_the_page_says_what_is_so(write, tmp_path):
    page = (Path(__file__).parents[2] / "docs/alarms.md").read_text()
    first, second = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "lambdify.toml").write_text(second)
    written = settings.load(tmp_path).alarms
    defaults = write({"alarms.topic": written.topic, "alarms.slow": "p95 over 2 s for 10 minutes"})
    assert (written.throttles, written.failed, written.errors.value) == (True, True, 1)
    names = {*alarms(defaults), *alarms(write({**TASKS, **MAIL})), "shop-dev.errors"}
    assert names == set(re.findall(r"`(shop-dev[.-]\w+)`", page))
    (tmp_path / "lambdify.toml").write_text(first)
    two_lines = {"warm.every": "off", "alarms.email": settings.load(tmp_path).alarms.email}
    assert f"${costs.total(costs.estimate_idle(write(two_lines).body)):.2f} a month for a web app" in page


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({"alarms.email": ["nobody"]}, "addresses"),
        ({"alarms.errors": "1 percent"}, '"1% for 5 minutes", "10 for 5 minutes"'),
        ({"alarms.errors": "101% for 5 minutes"}, "a share or a number"),
        ({"alarms.errors": "1% for 0 minutes"}, "a share or a number"),
        ({"alarms.slow": "p42 over 2 s for 5 minutes"}, "a percentile, seconds and minutes"),
        ({"alarms.topic": "Nothing"}, 'no "Nothing" in'),
        ({"alarms.slow": "p95 over 2 s for 10 minutes"}, "nobody is told"),
        ({"alarms.topic": "T", "resources": {"T": {"Type": "AWS::SQS::Queue"}}}, "not an AWS::SNS::Topic"),
        ({**MAIL, "resources": {"AlarmTopic": {"Type": "AWS::SNS::Topic"}}}, "logical id of lambdify's own"),
    ],
)
def test_what_the_settings_refuse(make_settings, overrides, why):
    with pytest.raises(SettingsError) as caught:
        make_settings(overrides=overrides)
    assert why in f"{caught.value.message} {caught.value.hint}"
