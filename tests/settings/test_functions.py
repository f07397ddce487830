"""[functions], [tasks], [commands], [failed]: what they are read to, and how a wrong one is refused."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import conflicts
from lambdify.cli.settings.functions import Bucket, Invoker, Queue, Rule, Schedule, Stream, Topic

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:payments"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-28T00:00:00.000"
CLICKS = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_0a1b"

EVERYTHING = f"""
    name = "shop"
    region = "eu-west-1"
    [functions.report]
    handler = "shop.reports:nightly"
    timeout = 900
    retries = 1
    max_age = "90 minutes"
    failed = "none"
    [[functions.report.schedule]]
    cron = "0 6 * * 1-5"
    timezone = "Europe/Berlin"
    input = {{ kind = "full" }}
    [[functions.report.schedule]]
    every = "10 minutes"
    enabled = false
    [[functions.report.schedule]]
    at = 2027-01-31T12:00:00

    [functions.orders]
    handler = "shop.orders:Orders.work"
    sqs = [{{ queue = "{QUEUE}", batch = 100, window = 2, concurrency = 5, filter = [{{ body = {{ kind = ["new"] }} }}] }}]
    sns = [{{ topic = "{TOPIC}", filter = {{ kind = ["paid"] }} }}]
    s3 = [{{ bucket = "shop-uploads", key = "in/*.jpg" }}, {{ bucket = "Uploads", events = ["Object Deleted"], key = ["a*", "b*"] }}]
    events = [{{ pattern = {{ source = ["shop.orders"] }} }}, {{ bus = "shop", pattern = {{ source = ["x"] }} }}]
    dynamodb = [{{ stream = "{TABLE}", start = "oldest", bisect = false }}, {{ stream = "Orders" }}]
    kinesis = [{{ stream = "{CLICKS}", batch = 50, retries = 0 }}]
    invokers = [{{ service = "cognito-idp.amazonaws.com", arn = "{POOL}" }}]

    [functions.worker]
    handler = "shop.orders:work"
    reserved_concurrency = 0

    [tasks]
    workers = 10
    results = true
    [commands]
    timeout = 600
    [failed]
    notify = ["{TOPIC}", "Alerts"]

    [resources.Uploads]
    Type = "AWS::S3::Bucket"
    [resources.Uploads.Properties.NotificationConfiguration]
    EventBridgeConfiguration = {{ EventBridgeEnabled = true }}
    [resources.Alerts]
    Type = "AWS::SNS::Topic"
    [resources.Orders]
    Type = "AWS::DynamoDB::Table"
    [resources.Orders.Properties]
    StreamSpecification = {{ StreamViewType = "KEYS_ONLY" }}
"""  # noqa: E501


def test_functions_are_read_with_their_sources(project):
    loaded = settings.load(project({"lambdify.toml": EVERYTHING}))
    report, orders, worker = loaded.functions.values()
    assert (report.name, report.handler, report.timeout) == ("report", "shop.reports:nightly", 900)
    assert (report.retries, report.max_age, report.failed) == (1, 5400, "none")
    assert report.schedule == (
        Schedule(cron="0 6 * * 1-5", timezone="Europe/Berlin", detail={"kind": "full"}),
        Schedule(every="10 minutes", enabled=False),
        Schedule(at="2027-01-31T12:00:00"),
    )
    assert orders.sqs == (
        Queue(queue=QUEUE, batch=100, window=2, concurrency=5, filter=({"body": {"kind": ["new"]}},)),
    )
    assert orders.sns == (Topic(topic=TOPIC, filter={"kind": ["paid"]}),)
    assert orders.s3 == (
        Bucket(bucket="shop-uploads", key=("in/*.jpg",)),
        Bucket(bucket="Uploads", events=("Object Deleted",), key=("a*", "b*")),
    )
    assert orders.events == (
        Rule(pattern={"source": ["shop.orders"]}),
        Rule(bus="shop", pattern={"source": ["x"]}),
    )
    assert orders.dynamodb == (Stream(stream=TABLE, start="oldest", bisect=False), Stream(stream="Orders"))
    assert orders.kinesis == (Stream(stream=CLICKS, batch=50, retries=0),)
    assert orders.invokers == (Invoker(service="cognito-idp.amazonaws.com", arn=POOL),)
    assert [each.has_lambda for each in (report, orders, worker)] == [True, False, True]
    assert [(option, number) for option, number, _ in orders.sources][:4] == [
        ("sqs", 1),
        ("sns", 1),
        ("s3", 1),
        ("s3", 2),
    ]
    assert (loaded.tasks.workers, loaded.tasks.timeout, loaded.tasks.results) == (10, 300, True)
    assert (loaded.commands.timeout, loaded.commands.memory) == (600, 1024)
    assert (loaded.failed.notify, loaded.keeps_failed) == ((TOPIC, "Alerts"), True)


def test_an_app_alone_has_none_of_it(project):
    loaded = settings.load(project({"lambdify.toml": ""}))
    assert (loaded.functions, loaded.tasks.workers, loaded.commands.timeout) == ({}, 0, 0)
    assert not loaded.keeps_failed


def test_a_stage_changes_options_of_a_function_and_replaces_its_lists(project):
    root = project({
        "lambdify.toml": """
            [functions.report]
            handler = "shop.reports:nightly"
            schedule = [{ every = "1 hour" }]
            sns = [{ topic = "Paid" }]
            [resources.Paid]
            Type = "AWS::SNS::Topic"
            [stages.production.functions.report]
            memory = 2048
            schedule = [{ every = "5 minutes" }]
            [stages.production.functions.cleaner]
            handler = "shop.cleaning:run"
            [stages.dev.tasks]
            workers = 2
        """
    })  # fmt: skip
    production, dev = (settings.load(root, stage=stage) for stage in ("production", "dev"))
    assert list(production.functions) == ["report", "cleaner"]
    assert list(dev.functions) == ["report"]
    report = production.functions["report"]
    assert (report.handler, report.memory, report.schedule) == (
        "shop.reports:nightly",
        2048,
        (Schedule(every="5 minutes"),),
    )
    assert report.sns == dev.functions["report"].sns == (Topic(topic="Paid"),)
    assert (production.tasks.workers, dev.tasks.workers) == (0, 2)


def test_a_release_command_has_a_lambda_for_commands_though_no_setting_names_it(project):
    root = project({"lambdify.toml": '[release]\ncommand = "python manage.py migrate"\n'})
    assert settings.load(root).commands.timeout == 900
    assert settings.load(root, overrides={"commands.timeout": 60}).commands.timeout == 60


HANDLER = 'handler = "shop.x:run"'
ORDERS = '[resources.Orders]\nType = "AWS::{}"'
REFUSED = {
    "a handler's form": '[functions.x]\nhandler = "shop.x"',
    "no handler": "[functions.x]\nmemory = 512",
    "no table": '[functions]\nx = "shop.x:run"',
    "the alias of the app": f"[functions.live]\n{HANDLER}",
    "the alias of tasks": f"[functions.tasks]\n{HANDLER}",
    "the alias of commands": f"[functions.commands]\n{HANDLER}",
    "a name of digits": f"[functions.1]\n{HANDLER}",
    "a name with a dot": f'[functions."a.b"]\n{HANDLER}',
    "two names that are one in the template": (
        f"[functions.send-mail]\n{HANDLER}\n[functions.send_mail]\n{HANDLER}"
    ),
    "a name that is too long": f"[functions.{'x' * 58}]\n{HANDLER}\nmemory = 512",
    "an unknown option": f"[functions.x]\n{HANDLER}\nmemroy = 512",
    "an unknown option in a stage": f"[functions.x]\n{HANDLER}\n[stages.dev.functions.x]\nmemroy = 512",
    "an option that nothing is like": f'[functions.x]\n{HANDLER}\ncolour = "red"',
    "an option of a source": f'[functions.x]\n{HANDLER}\ncron = "0 6 * * *"',
    "a source that is no list": f'[functions.x]\n{HANDLER}\nschedule = {{ every = "1 hour" }}',
    "an unknown option of a source": f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}", btach = 1 }}]',
    "a source without what it has to have": f"[functions.x]\n{HANDLER}\nsqs = [{{ batch = 1 }}]",
    "cron and every": f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "0 6 * * *", every = "1 day" }}]',
    "no time at all": f'[functions.x]\n{HANDLER}\nschedule = [{{ timezone = "UTC" }}]',
    "every in a time zone": (
        f'[functions.x]\n{HANDLER}\nschedule = [{{ every = "1 day", timezone = "Europe/Berlin" }}]'
    ),
    "day and weekday": f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "0 6 1 * 1" }}]',
    "neither day in AWS's form": f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "0 6 * * * *" }}]',
    "a day that never comes": f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "0 6 30 2 *" }}]',
    "no cron": f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "every morning" }}]',
    "a time zone": (
        f'[functions.x]\n{HANDLER}\nschedule = [{{ cron = "0 6 * * *", timezone = "Europe/Berlni" }}]'
    ),
    "every": f'[functions.x]\n{HANDLER}\nschedule = [{{ every = "30 seconds" }}]',
    "the second schedule": (
        f'[functions.x]\n{HANDLER}\nschedule = [{{ every = "1 hour" }}, {{ at = "tomorrow" }}]'
    ),
    "a batch without a window": f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}", batch = 100 }}]',
    "a batch of a FIFO queue": (
        f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}.fifo", batch = 100, window = 1 }}]'
    ),
    "a window of a FIFO queue of the project's": (
        f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "Orders", window = 1 }}]\n'
        '[resources.Orders]\nType = "AWS::SQS::Queue"\nProperties = { FifoQueue = true }'
    ),
    "one at a time": f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}", concurrency = 1 }}]',
    "another region": f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}" }}]',
    "an ARN of something else": f'[functions.x]\n{HANDLER}\nsns = [{{ topic = "{QUEUE}" }}]',
    "a resource that there is not": (
        f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "Ordes" }}]\n{ORDERS.format("SQS::Queue")}'
    ),
    "a resource of another type": (
        f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "Orders" }}]\n{ORDERS.format("SNS::Topic")}'
    ),
    "a table without a stream": (
        f'[functions.x]\n{HANDLER}\ndynamodb = [{{ stream = "Orders" }}]\n'
        '[resources.Orders]\nType = "AWS::DynamoDB::Table"'
    ),
    "a queue that hides messages too shortly": (
        f'[functions.x]\n{HANDLER}\ntimeout = 60\nsqs = [{{ queue = "Orders" }}]\n'
        f"{ORDERS.format('SQS::Queue')}"
    ),
    "a bucket that sends no events": (
        f'[functions.x]\n{HANDLER}\ns3 = [{{ bucket = "Orders" }}]\n{ORDERS.format("S3::Bucket")}'
    ),
    "a bucket that is neither": f'[functions.x]\n{HANDLER}\ns3 = [{{ bucket = "Uploads" }}]',
    "an event that S3 has not": (
        f'[functions.x]\n{HANDLER}\ns3 = [{{ bucket = "shop-uploads", events = ["s3:ObjectCreated:*"] }}]'
    ),
    "a pattern that is no table": f'[functions.x]\n{HANDLER}\nevents = [{{ pattern = "shop" }}]',
    "six filters": f'[functions.x]\n{HANDLER}\nkinesis = [{{ stream = "{CLICKS}", filter = [{6 * "{},"}] }}]',
    "a date in an input": (
        f'[functions.x]\n{HANDLER}\nschedule = [{{ every = "1 day", input = {{ from = 2026-01-01 }} }}]'
    ),
    "too many retries": f"[functions.x]\n{HANDLER}\nretries = 3",
    "too old": f'[functions.x]\n{HANDLER}\nmax_age = "7 hours"',
    "a FIFO queue of failed ones": f'[functions.x]\n{HANDLER}\nfailed = "{QUEUE}.fifo"',
    "one task at once": "[tasks]\nworkers = 1",
    "no topic": '[failed]\nnotify = ["Alerts"]',
    "an invoker that is no service": (
        f'[functions.x]\n{HANDLER}\ninvokers = [{{ service = "cognito", arn = "{POOL}" }}]'
    ),
}


def refuse(root, text):
    (root / "lambdify.toml").write_text(f'name = "shop"\nregion = "us-east-1"\n{text}\n')
    with pytest.raises(SettingsError) as caught:
        settings.load(root)
    return f"error: {caught.value.message}\nhint: {caught.value.hint}\n"


def test_what_is_refused_is_said_in_these_words(tmp_path, golden):
    golden(
        "functions.txt",
        "\n".join(f"# {case}\n{text}\n{refuse(tmp_path, text)}" for case, text in REFUSED.items()),
    )


def test_a_region_that_only_the_profile_knows_is_judged_too(project):
    loaded = settings.load(
        project({"lambdify.toml": f'[functions.x]\n{HANDLER}\nsqs = [{{ queue = "{QUEUE}" }}]\n'})
    )
    conflicts.check_region(loaded, "eu-west-1")
    with pytest.raises(SettingsError, match="orders is not in us-east-1, where the stage is"):
        conflicts.check_region(loaded, "us-east-1")


def test_topics_and_invokers_may_be_in_other_regions(project):
    text = f"""
        region = "us-east-1"
        [functions.x]
        {HANDLER}
        sns = [{{ topic = "{TOPIC}" }}]
        invokers = [{{ service = "cognito-idp.amazonaws.com", arn = "{POOL}" }}]
    """
    assert settings.load(project({"lambdify.toml": text})).functions["x"].sns == (Topic(topic=TOPIC),)


def test_in_pyproject_toml_hints_have_the_tables_whole_names(project):
    root = project(
        {"pyproject.toml": f'[tool.lambdify.functions.x]\n{HANDLER}\nschedule = {{ every = "1 hour" }}\n'}
    )
    with pytest.raises(SettingsError) as caught:
        settings.load(root)
    assert caught.value.hint.startswith("Write [[tool.lambdify.functions.x.schedule]] and")
