"""Alarms of CloudWatch: the one way they are written, and those of [alarms].

    errors     answers of the endpoint with 5xx; where no endpoint counts them, calls of a Lambda that raised
    slow       the endpoint's latency, or the Lambda's duration
    throttles  calls that a Lambda turned away
    failed     the queue of what failed for good: failed.py, with the same ones who are told

Rules:
- Nothing is measured, so nothing is wrong: without calls no alarm rings.
- Each looks at one span of so many minutes: at little traffic no single minute has enough requests.
- Who reads mail gets it from a topic of the stage's own, which AWS asks to confirm.
- Names have a dot, which no name of a stage has.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lambdify.cli.settings import Settings
from lambdify.cli.settings.tables import ErrorLimit, TimeLimit
from lambdify.cli.template.endpoints import Endpoint, digest
from lambdify.cli.template.sources import references

Resource = dict[str, Any]

TOPIC = "AlarmTopic"
LAMBDA = "AWS/Lambda"


class Metric(NamedTuple):
    """A metric, and what of it counts."""

    namespace: str
    name: str
    dimensions: Mapping[str, object]
    statistic: str


def prefix(settings: Settings) -> str:
    """Return what the names of all alarms of [alarms] begin with."""
    return f"{settings.full_name}."


def topic_name(settings: Settings) -> str:
    """Return the name of the topic that sends mail."""
    return f"{settings.full_name}-alarms"


def told(settings: Settings) -> list[object]:
    """Return the topics that are told: the stage's own, which sends mail, and that of the settings."""
    alarms = settings.alarms
    own: list[object] = [{"Ref": TOPIC}] if alarms.email else []
    return [*own, references.arn(settings, alarms.topic)] if alarms.topic else own


def write(settings: Settings, endpoint: Endpoint) -> dict[str, Resource]:
    """Return the alarms of [alarms], and the topic that sends mail; {} if nobody is told."""
    if not settings.alarms.tell:
        return {}
    return dict(
        [
            *_mail(settings),
            *_errors(settings, endpoint),
            *_slow(settings, endpoint),
            *(_throttles(settings) if settings.alarms.throttles else ()),
        ]
    )


def alarm(
    name: str,
    description: str,
    metric: Metric,
    threshold: float,
    *,
    minutes: int = 1,
    at_least: bool = False,
    of: Metric | None = None,
    actions: list[object],
) -> Resource:
    """Return an alarm that rings if a metric is more than the threshold, or with `at_least` as much.

    With `of` the metric's percentage of that one counts. `actions` are the topics that are told.
    """
    properties: Resource = {
        "AlarmName": name,
        "AlarmDescription": description,
        **(_share(metric, of, minutes * 60) if of else _plain(metric, minutes * 60)),
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": f"GreaterThan{'OrEqualTo' if at_least else ''}Threshold",
        "TreatMissingData": "notBreaching",
        **({"AlarmActions": actions} if actions else {}),
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _plain(metric: Metric, period: int) -> Resource:
    # A percentile has a property of its own.
    statistic = "ExtendedStatistic" if metric.statistic.startswith("p") else "Statistic"
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": _dimensions(metric),
        statistic: metric.statistic,
        "Period": period,
    }


def _share(metric: Metric, of: Metric, period: int) -> Resource:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""

    def query(name: str, each: Metric) -> Resource:
        counted = {
            "Namespace": each.namespace,
            "MetricName": each.name,
            "Dimensions": _dimensions(each),
        }
        stat = {"Metric": counted, "Period": period, "Stat": each.statistic}
        return {"Id": name, "ReturnData": False, "MetricStat": stat}

    share = {"Id": "share", "Label": "%", "Expression": "100 * FILL(failed, 0) / every"}
    return {"Metrics": [query("failed", metric), query("every", of), share]}


def _dimensions(metric: Metric) -> list[Resource]:
    return [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]


def _mail(settings: Settings) -> Iterator[tuple[str, Resource]]:
    """Yield the topic that sends mail, and a resource for each address, so that each can be taken away."""
    if settings.alarms.email:
        yield TOPIC, {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": topic_name(settings)}}
    for address in settings.alarms.email:
        properties = {"TopicArn": {"Ref": TOPIC}, "Protocol": "email", "Endpoint": address}
        yield f"AlarmMail{digest(address)}", {"Type": "AWS::SNS::Subscription", "Properties": properties}


def _errors(settings: Settings, endpoint: Endpoint) -> Iterator[tuple[str, Resource]]:
    limit, counted = settings.alarms.errors, endpoint.metrics
    if limit is None:
        return
    if counted:
        failed, every = (
            Metric(counted.namespace, name, counted.dimensions, "Sum")
            for name in (counted.errors, counted.requests)
        )
        yield "AlarmAnswers", _limit(settings, "answers", "Answers with 5xx", failed, every, limit)
    # What other events than requests call is in no metric of an endpoint, and a balancer's does not tell of
    # a Lambda that raised.
    beside = settings.functions or settings.function.on_event
    only = not counted or counted.namespace == "AWS/ApplicationELB"
    for end, name in _lambdas(settings):
        if end or beside or only:
            failed, every = (Metric(LAMBDA, each, name, "Sum") for each in ("Errors", "Invocations"))
            what = f"errors{f'-{end}' if end else ''}"
            yield f"AlarmErrors{end}", _limit(settings, what, "Calls that failed", failed, every, limit)


def _limit(
    settings: Settings, name: str, what: str, failed: Metric, every: Metric, limit: ErrorLimit
) -> Resource:
    unit = "%" if limit.share else ""
    return alarm(
        f"{prefix(settings)}{name}",
        f"{what}: more than {limit.value:g}{unit} in {limit.minutes} minutes",
        failed,
        limit.value,
        minutes=limit.minutes,
        of=every if limit.share else None,
        actions=told(settings),
    )


def _slow(settings: Settings, endpoint: Endpoint) -> Iterator[tuple[str, Resource]]:
    limit, counted = settings.alarms.slow, endpoint.metrics
    if limit is None:
        return
    of_app = Metric(LAMBDA, "Duration", {"FunctionName": {"Ref": "Function"}}, _percentile(limit))
    taken = (
        Metric(counted.namespace, counted.latency, counted.dimensions, _percentile(limit))
        if counted and counted.latency
        else of_app
    )
    text = f"{_percentile(limit)} over {limit.seconds:g} s in {limit.minutes} minutes"
    name, most = f"{prefix(settings)}slow", limit.seconds * 1000
    yield "AlarmSlow", alarm(name, text, taken, most, minutes=limit.minutes, actions=told(settings))


def _percentile(limit: TimeLimit) -> str:
    return f"p{limit.percentile}"


def _throttles(settings: Settings) -> Iterator[tuple[str, Resource]]:
    for end, name in _lambdas(settings):
        what = f"throttles{f'-{end}' if end else ''}"
        text = "Calls that were turned away, because too many ran at once"
        metric = Metric(LAMBDA, "Throttles", name, "Sum")
        rings = alarm(f"{prefix(settings)}{what}", text, metric, 0, minutes=5, actions=told(settings))
        yield f"AlarmThrottles{end}", rings


def _lambdas(settings: Settings) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the end of the id, and the dimensions, of each Lambda whose calls nobody tries again for good.

    A task that fails, or is turned away, comes again out of its queue, until it has failed for good.
    """
    yield "", {"FunctionName": {"Ref": "Function"}}
    for each in settings.functions.values():
        if each.has_lambda:
            yield each.id, {"FunctionName": {"Ref": f"Function{each.id}"}}
