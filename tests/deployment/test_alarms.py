"""[alarms] in an account: what is made, that it rings, and that it goes when nobody is told any more."""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.plan import diff, preview
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

WATCHED = {
    "alarms.email": ["ops@shop.example"],
    "alarms.errors": "10 for 5 minutes",
    "tasks.workers": 2,
}


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    def ship(overrides):
        settings = make_settings(overrides={"warm.every": "off", **overrides})
        return deploy(stage_in(account, settings), make_bundle, talk.console, yes=True)

    return ship


def there(account):
    """The names of alarms, and of topics, in the account."""
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    topics = account.client("sns").list_topics()["Topics"]
    return (
        {each["AlarmName"] for each in alarms},
        {each["TopicArn"].rpartition(":")[2] for each in topics},
    )


def test_alarms_come_and_go_with_those_who_are_told(account, make_settings, make_bundle, talk, ship):
    ship({})
    assert there(account) == (set(), set())

    settings = make_settings(overrides={"warm.every": "off", **WATCHED})
    found = diff.compute(stage_in(account, settings), make_bundle, talk.console, drift=False)
    shown = [line.text for line in preview.show_in_full(found.preview, None)]
    assert "ops@shop.example gets a mail from AWS: no alarm comes before its link was followed." in shown
    assert "         $0.10  alarm AlarmAnswers: for being there" in shown

    ship(WATCHED)
    assert there(account) == (
        {"shop-dev.answers", "shop-dev.throttles", "shop-dev-failed"},
        {"shop-dev-alarms"},
    )
    topic = account.client("sns").list_topics()["Topics"][0]["TopicArn"]
    mails = account.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(each["Protocol"], each["Endpoint"]) for each in mails] == [("email", "ops@shop.example")]

    ship({**WATCHED, "alarms.errors": "1% for 5 minutes", "alarms.throttles": False})
    assert there(account)[0] == {"shop-dev.answers", "shop-dev-failed"}

    ship({"tasks.workers": 2})
    assert there(account) == (set(), set())


@pytest.fixture
def count(account):
    """`count(alarm, "5xx", 3)`: so many more of that metric, as the service would count them."""
    watch = account.client("cloudwatch")

    def count(api, metric, value):
        dimensions = [{"Name": "ApiId", "Value": api}]
        data = {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Timestamp": datetime.now(UTC),
            "Value": value,
        }
        watch.put_metric_data(Namespace="AWS/ApiGateway", MetricData=[data])

    return count


def state(account, name="shop-dev.answers"):
    (alarm,) = account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm["StateValue"]


@pytest.mark.parametrize(("errors", "requests"), [("2 for 5 minutes", 1), ("2% for 5 minutes", 100)])
def test_one_rings_when_there_is_more_than_may_be(
    account, ship, count, make_settings, talk, errors, requests
):
    watched = {**WATCHED, "alarms.errors": errors}
    ship(watched)
    (api,) = (each["ApiId"] for each in account.client("apigatewayv2").get_apis()["Items"])
    assert state(account) == "INSUFFICIENT_DATA"
    count("another", "Count", 1)
    count("another", "5xx", 1000)
    count(api, "Count", requests)
    count(api, "5xx", 2)
    assert state(account) == "OK"
    count(api, "5xx", 1)
    assert state(account) == "ALARM"

    undeploy(stage_in(account, make_settings(overrides=watched)), talk.console, yes=True)
    assert there(account) == (set(), set())


def test_an_alarm_of_the_projects_own_may_calculate_too_and_one_that_is_not_understood_stays_quiet(
    account, ship, count
):
    def alarm(expression, *, name):
        metric = {"Namespace": "AWS/ApiGateway", "MetricName": "5xx"}
        metric["Dimensions"] = [{"Name": "ApiId", "Value": "mine"}]
        stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        queries = [
            {"Id": "all", "Expression": expression},
            {"Id": "twice", "ReturnData": False, "Expression": "m * 2"},
            {"Id": "m", "ReturnData": False, "MetricStat": stat},
        ]
        limit = {"Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": name, "Metrics": queries, **limit},
        }

    own = {"Mine": alarm("twice + 1", name="mine"), "Odd": alarm("ANOMALY(m)", name="odd")}
    ship({"resources": own})
    count("mine", "5xx", 2)
    assert (state(account, "mine"), state(account, "odd")) == ("OK", "INSUFFICIENT_DATA")
    count("mine", "5xx", 1)
    assert (state(account, "mine"), state(account, "odd")) == ("ALARM", "INSUFFICIENT_DATA")
