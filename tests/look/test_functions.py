"""The functions of a stage: what calls them, what waits, and when they run next."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from look.test_status import RELEASE, STATUS
from stages import stage_in

from lambdify.cli import releases
from lambdify.cli.errors import AccessDenied
from lambdify.cli.look import functions, status_view
from lambdify.cli.look.functions import FunctionSource, FunctionStatus
from lambdify.cli.stacks.stack import Stack

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
ARN = "arn:aws:lambda:eu-central-1:123456789012:function"
ORDERS = "arn:aws:sqs:eu-central-1:123456789012:orders"
REPORT = {
    "handler": "shop.reports:nightly",
    "timeout": 900,
    "schedule": [
        {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin"},
        {"every": "10 minutes", "enabled": False},
    ],
}
WORK = {
    "handler": "shop.orders:work",
    "sqs": [{"queue": ORDERS}, {"queue": "Parcels"}],
    "sns": [{"topic": "arn:aws:sns:eu-central-1:123456789012:payments"}],
    "s3": [{"bucket": "uploads", "key": ["in/*.jpg"]}],
    "events": [{"pattern": {"source": ["shop"]}}],
    "dynamodb": [{"stream": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026"}],
    "kinesis": [{"stream": "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks"}],
    "invokers": [{"service": "cognito-idp.amazonaws.com", "arn": ORDERS}],
}
PARCELS = {"Parcels": {"Type": "AWS::SQS::Queue"}}


@pytest.fixture
def stage(stubbed, make_settings):
    overrides = {"functions": {"report": REPORT, "work": WORK, "idle": {"handler": "shop:idle"}}}
    return stage_in(stubbed.account, make_settings(overrides={**overrides, "resources": PARCELS}))


def deployed(*names):
    """The stack with the aliases of these functions."""
    outputs = {"Function": "shop-dev", "Version": "7", "Published": "7"}
    for name in names:
        own = "-report" if name == "Report" else ""
        outputs |= {f"Alias{name}": f"{ARN}:shop-dev{own}:{name.lower()}", f"Version{name}": "7"}
    return Stack(
        name="shop-dev",
        id="shop-dev/1",
        state="UPDATE_COMPLETE",
        reason="",
        outputs=outputs,
        parameters={"Live": "", **{f"Live{name}": "7" for name in names}},
        tags={},
        changed_at=NOW,
    )


def recorded(stage):
    """The live release, as its record has it."""
    return replace(RELEASE, settings=releases.describe_settings(stage.settings))


def ask(read, what, left_out):
    try:
        return read()
    except AccessDenied as error:
        left_out.append(f"{what}: {error.message}")
        return None


def fetch(stage, *names, left_out=None):
    told = [] if left_out is None else left_out
    return functions.fetch(stage, deployed(*names), recorded(stage), partial(ask, left_out=told), now=NOW)


def test_a_schedule_tells_when_it_runs_next(stage, stubbed):
    stubbed.answers(
        "scheduler.get_schedule",
        {"ScheduleExpression": "cron(0 6 ? * 2-6 *)", "State": "ENABLED", "CreationDate": NOW},
        Name="shop-dev.report.1",
    )
    (report,) = fetch(stage, "Report")
    assert (report.name, report.handler, report.function) == (
        "report",
        "shop.reports:nightly",
        "shop-dev-report",
    )
    weekdays, often = report.sources
    assert weekdays.what == 'cron = "0 6 * * 1-5", Europe/Berlin'
    assert weekdays.next_run == datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
    assert (often.what, often.enabled, often.next_run) == ('every = "10 minutes"', False, None)


def find_orders(stubbed, count):
    url = "https://sqs/orders"
    stubbed.answers(
        "sqs.get_queue_url", {"QueueUrl": url}, QueueName="orders", QueueOwnerAWSAccountId="123456789012"
    )
    attributes = {"ApproximateNumberOfMessages": str(count), "ApproximateNumberOfMessagesNotVisible": "2"}
    stubbed.answers("sqs.get_queue_attributes", {"Attributes": attributes})


def test_every_source_is_told_and_queues_with_what_waits_in_them(stage, stubbed):
    find_orders(stubbed, 10)
    resource = {
        "LogicalResourceId": "Parcels",
        "PhysicalResourceId": "https://sqs/parcels",
        "ResourceType": "AWS::SQS::Queue",
        "Timestamp": NOW,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    stubbed.answers("cloudformation.describe_stack_resources", {"StackResources": [resource]})
    stubbed.answers("sqs.get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "3"}})
    (work,) = fetch(stage, "Work")
    assert [(each.kind, each.what, each.waiting) for each in work.sources] == [
        ("sqs", "orders", 12),
        ("sqs", "Parcels", 3),
        ("sns", "payments", None),
        ("s3", "uploads, in/*.jpg", None),
        ("events", 'default, {"source": ["shop"]}', None),
        ("dynamodb", "orders", None),
        ("kinesis", "clicks", None),
        ("invokers", "cognito-idp.amazonaws.com", None),
    ]


def test_a_queue_that_may_not_be_looked_at_is_left_out_and_the_rest_is_there(stage, stubbed):
    stubbed.refuses("sqs.get_queue_url", "AccessDenied", "not authorized to perform: sqs:GetQueueUrl")
    stubbed.answers("cloudformation.describe_stack_resources", {"StackResources": []})
    left_out = []
    (work,) = fetch(stage, "Work", left_out=left_out)
    assert [each.waiting for each in work.sources[:2]] == [None, None]
    assert len(work.sources) == 8
    assert left_out[0].startswith("how much waits in orders: ")


def test_a_function_that_is_not_deployed_yet_is_not_shown(stage, stubbed):
    assert [each.name for each in fetch(stage, "Idle")] == ["idle"]
    assert functions.fetch(stage, deployed(), recorded(stage), lambda read, _: read()) == ()
    assert functions.fetch(stage, deployed("Idle"), None, lambda read, _: read()) == ()


def test_options_of_a_later_lambdify_are_passed_over(stage, stubbed):
    record = recorded(stage)
    record.settings["functions"]["idle"] |= {"colour": "blue"}
    found = functions.fetch(stage, deployed("Idle"), record, lambda read, _: read())
    assert found[0].handler == "shop:idle"


def test_a_stage_without_functions_asks_nothing_more(stage, stubbed):
    assert functions.count_tasks(stage, deployed()) is None
    assert functions.count_failed(stage, deployed()) is None


def test_the_status_has_a_line_for_each_function_and_each_source():
    runs = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
    schedule = FunctionSource(
        kind="schedule", what='cron = "0 6 * * *"', enabled=True, next_run=runs, waiting=None
    )
    off = replace(schedule, what='every = "1 hours"', enabled=False, next_run=None)
    orders = replace(schedule, kind="sqs", what="orders", next_run=None, waiting=1200)
    report = FunctionStatus(
        name="report",
        handler="shop.reports:nightly",
        function="shop-dev-report",
        version="3",
        sources=(schedule, off),
    )
    work = replace(report, name="work", handler="shop:work", function="shop-dev", sources=(orders,))
    idle = replace(work, name="idle", handler="shop:idle", sources=())
    found = replace(STATUS, functions=(report, work, idle), tasks_waiting=4, failed=2)
    texts = [line.text for line in status_view.show(found)]
    begin = next(number for number, text in enumerate(texts) if text.startswith("functions"))
    assert texts[begin : begin + 9] == [
        "functions    report: shop.reports:nightly, in shop-dev-report, version 3",
        f'               schedule cron = "0 6 * * *"; next at {runs.astimezone():%Y-%m-%d %H:%M}',
        '               schedule every = "1 hours"; not enabled',
        "             work: shop:work, version 3",
        "               sqs orders; 1,200 waiting",
        "             idle: shop:idle, version 3",
        "               nothing calls it but `lambdify invoke --function idle`",
        "tasks        4 waiting",
        "failed       2 given up",
    ]
