"""What calls the functions, asked before anything changes; schedules whose time has passed."""

from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli import template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.target import Target
from lambdify.cli.plan import pitfalls, sources

ORDERS = "arn:aws:sqs:eu-central-1:123456789012:orders"
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
REDRIVE = {"RedrivePolicy": "{}"}
NOW = datetime(2027, 6, 1, tzinfo=UTC)


def calling(**sources):
    return {"functions": {"work": {"handler": "shop.work:run", **sources}}}


@pytest.fixture
def ask(stubbed, make_settings, talk):
    """`ask(settings)`: check what calls the functions; what was said is returned."""

    def ask(overrides, *, local=False, yes=True, console=None):
        stage = stage_in(stubbed.account, make_settings("dev", overrides))
        sources.check(stage, console or talk.console, yes=yes, local=local)
        return talk.said

    return ask


@pytest.fixture
def queue(stubbed):
    """`queue(30)`: the next question is about the queue, which hides messages for so long."""

    def queue(hidden, **attributes):
        stubbed.answers(
            "sqs.get_queue_url", {"QueueUrl": URL}, QueueName="orders", QueueOwnerAWSAccountId="123456789012"
        )
        found = {"VisibilityTimeout": str(hidden), **attributes}
        stubbed.answers("sqs.get_queue_attributes", {"Attributes": found})

    return queue


def test_a_queue_that_hides_messages_long_enough_needs_no_word(ask, queue):
    queue(180, **REDRIVE)
    assert ask(calling(sqs=[{"queue": ORDERS}])) == ""


def test_what_aws_would_refuse_is_refused_before_anything_changes(ask, queue):
    queue(30, **REDRIVE)
    with pytest.raises(SettingsError) as caught:
        ask(calling(sqs=[{"queue": ORDERS}], timeout=60))
    assert caught.value.message == (
        "orders hides messages for 30 s, the function may take 60: AWS refuses that."
    )
    assert caught.value.hint == "VisibilityTimeout = 360, or a shorter timeout."


def test_less_than_six_times_the_timeout_is_said_and_so_is_a_queue_without_redrive(ask, queue):
    queue(30)
    said = " ".join(ask(calling(sqs=[{"queue": ORDERS}])).split())
    assert "orders hides messages for 30 s; AWS asks for six times the 30 s" in said
    assert "VisibilityTimeout = 180" in said
    assert "orders has no redrive policy" in said


def test_a_queue_that_is_not_there_is_refused_and_in_the_local_cloud_told(ask, stubbed):
    stubbed.refuses("sqs.get_queue_url", "AWS.SimpleQueueService.NonExistentQueue", "It does not exist")
    with pytest.raises(SettingsError, match=f"There is no queue {ORDERS}"):
        ask(calling(sqs=[{"queue": ORDERS}]))
    stubbed.refuses("sqs.get_queue_url", "QueueDoesNotExist", "It does not exist")
    assert "In the local cloud it has to be made" in " ".join(
        ask(calling(sqs=[{"queue": ORDERS}]), local=True).split()
    )


def test_who_may_not_ask_is_told_and_goes_on(ask, stubbed):
    stubbed.refuses("sqs.get_queue_url", "AccessDenied", "not authorized to perform: sqs:getqueueurl")
    stubbed.refuses("s3.get_bucket_location", "AccessDenied", "Access Denied")
    said = ask(calling(sqs=[{"queue": ORDERS}], s3=[{"bucket": "shop-uploads"}]))
    assert "orders: these credentials may not ask" in said
    assert "shop-uploads: these credentials may not ask" in said


def test_what_is_in_the_projects_resources_is_not_asked(ask):
    own = {"resources": {"Orders": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 180}}}}
    assert ask(calling(sqs=[{"queue": "Orders"}]) | own) == ""


BUCKET = calling(s3=[{"bucket": "shop-uploads"}, {"bucket": "shop-uploads", "key": "in/*"}])
CLASSIC = {"QueueConfigurations": [{"Id": "1", "QueueArn": ORDERS, "Events": ["s3:ObjectCreated:*"]}]}


def test_a_bucket_sends_its_events_from_now_on_beside_what_it_sends_already(ask, stubbed):
    stubbed.answers("s3.get_bucket_location", {"LocationConstraint": "eu-central-1"})
    stubbed.answers("s3.get_bucket_notification_configuration", CLASSIC)
    stubbed.answers(
        "s3.put_bucket_notification_configuration",
        Bucket="shop-uploads",
        NotificationConfiguration={**CLASSIC, "EventBridgeConfiguration": {}},
    )
    assert "shop-uploads sends its events to EventBridge from now on" in ask(BUCKET)


def test_a_bucket_that_sends_its_events_is_left_alone(ask, stubbed):
    stubbed.answers("s3.get_bucket_location", {"LocationConstraint": "eu-central-1"})
    stubbed.answers("s3.get_bucket_notification_configuration", {"EventBridgeConfiguration": {}})
    assert ask(BUCKET) == ""


def test_whose_bucket_it_is_may_say_no(ask, stubbed, talk_to):
    talk = talk_to("n\n")
    stubbed.answers("s3.get_bucket_location", {"LocationConstraint": "eu-central-1"})
    stubbed.answers("s3.get_bucket_notification_configuration", {})
    ask(BUCKET, yes=False, console=talk.console)
    assert "no function is called for it" in " ".join(talk.said.split())


@pytest.mark.parametrize(
    ("location", "region"), [({}, "us-east-1"), ({"LocationConstraint": "EU"}, "eu-west-1")]
)
def test_a_bucket_of_another_region_is_refused(ask, stubbed, location, region):
    stubbed.answers("s3.get_bucket_location", location)
    with pytest.raises(SettingsError) as caught:
        ask(BUCKET)
    assert "is not in eu-central-1, where the stage is" in caught.value.message
    assert region in caught.value.message


def test_a_bucket_that_is_not_there_is_refused(ask, stubbed):
    stubbed.refuses("s3.get_bucket_location", "NoSuchBucket", "The specified bucket does not exist")
    with pytest.raises(SettingsError, match="There is no bucket shop-uploads"):
        ask(BUCKET)


# -------------------------------------------------------------------- times


TIMES = calling(
    schedule=[
        {"at": "2027-05-31T23:59:00"},
        {"at": "2027-06-01T01:00:00", "timezone": "Europe/Berlin"},
        {"at": "2027-06-01T01:00:00"},
        {"every": "1 hour"},
    ]
)


def test_a_schedule_that_has_passed_before_it_is_deployed_is_left_out_and_the_others_keep_their_names(
    make_settings,
):
    kept, passed = sources.leave_out_passed(make_settings("dev", TIMES), (), NOW)
    assert passed == (
        'schedule 1 of [functions.work]: at = "2027-05-31T23:59:00"',
        'schedule 2 of [functions.work]: at = "2027-06-01T01:00:00", Europe/Berlin',
    )
    assert [number for _, number, _ in kept.functions["work"].sources] == [3, 4]
    artifact = Artifact(bucket="bucket", app_key="app.zip", layer_key=None, uploaded=())
    made = template.write(kept, artifact, Target(python="3.13")).body["Resources"]
    assert [made[f"Schedule{number}Work"]["Properties"]["Name"] for number in (3, 4)] == [
        "shop-dev.work.3",
        "shop-dev.work.4",
    ]
    assert not {"Schedule1Work", "Schedule2Work"} & set(made)


def test_a_schedule_that_the_stack_has_stays_when_its_time_has_passed(make_settings):
    settings = make_settings("dev", TIMES)
    kept, passed = sources.leave_out_passed(settings, ("shop-dev.work.1", "shop-dev.work.2"), NOW)
    assert (kept, passed) == (settings, ())


def test_settings_without_a_passed_time_ask_nothing(make_settings, stubbed, talk):
    stage = stage_in(stubbed.account, make_settings("dev", calling(schedule=[{"every": "1 hour"}])))
    assert sources.without_passed(stage, None, talk.console) is stage.settings


def test_a_new_stage_leaves_out_what_has_passed_with_a_warning(make_settings, stubbed, talk):
    stage = stage_in(stubbed.account, make_settings("dev", calling(schedule=[{"at": "2020-01-01T00:00:00"}])))
    kept = sources.without_passed(stage, None, talk.console)
    assert not any(kept.functions["work"].sources)
    assert "has passed, and would never run: it is left out" in " ".join(talk.said.split())


# -------------------------------------------------------------------- what settings alone tell


@pytest.fixture
def said(make_settings):
    def said(overrides):
        settings = make_settings("dev", overrides)
        return list(pitfalls.find(settings, local=False, today=NOW.date()))

    return said


def test_a_function_that_nothing_calls_is_said(said):
    assert said(calling()) == ["Nothing calls [functions.work] but `lambdify invoke --function work`."]
    assert said(calling(schedule=[{"every": "1 hour"}])) == []


def test_a_queue_of_the_projects_own_is_looked_at_too(said):
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
    short, endless = said(calling(sqs=[{"queue": "Orders"}]) | {"resources": {"Orders": queue}})
    assert short.startswith("Orders hides messages for 60 s; AWS asks for six times")
    assert endless.startswith("Orders has no redrive policy")


def test_what_a_role_of_the_users_own_needs_is_said(said):
    (caution,) = said(
        calling(sqs=[{"queue": ORDERS}], dynamodb=[])
        | {"role.arn": "arn:aws:iam::123456789012:role/shop", "warm.every": "off"}
    )
    assert caution.startswith("[role] arn: functions and tasks need rights of that role")
    assert f"sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage on {ORDERS}" in caution
    assert "sqs:SendMessage on FailedQueue.Arn" in caution
