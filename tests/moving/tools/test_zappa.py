"""Zappa's settings: what stands in lambdify.toml, and what is told of the rest."""

import json

import pytest

from lambdify.cli.errors import SettingsError
from lambdify.cli.init import init

STAGE = {"app_function": "app.app", "s3_bucket": "zappa-x1"}
JOBS = """\
def nightly(event, context): ...
def short(event): ...
def flexible(*args): ...
def optional(event, context=None): ...
"""
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc"


@pytest.fixture
def zappa(move):
    """`zappa(memory_size=1024)`: a project with one stage, dev, of these settings."""

    def moved(files=None, **stage):
        return move(
            {"zappa_settings.json": json.dumps({"dev": STAGE | stage}), "jobs.py": JOBS} | (files or {})
        )

    return moved


CARRIED = {
    "aws_region": ("eu-west-1", lambda of: of.region, "eu-west-1"),
    "profile_name": ("work", lambda of: of.profile, "work"),
    "memory_size": (1024, lambda of: of.function.memory, 1024),
    "timeout_seconds": ("60", lambda of: of.function.timeout, 60),
    "lambda_description": ("A shop", lambda of: of.function.description, "A shop"),
    "lambda_concurrency": (7, lambda of: of.function.reserved_concurrency, 7),
    "provisioned_concurrency": (2, lambda of: of.function.provisioned_concurrency, 2),
    "xray_tracing": (True, lambda of: of.function.tracing, True),
    "architecture": ("arm64", lambda of: of.function.architecture, "arm64"),
    "ephemeral_storage": ({"Size": 2048}, lambda of: of.function.storage, 2048),
    "runtime": ("python3.12", lambda of: of.function.python, "3.12"),
    "snap_start": ("PublishedVersions", lambda of: of.function.snapstart, True),
    "tags": ({"team": "web"}, lambda of: of.tags, {"team": "web"}),
    "num_retained_versions": (9, lambda of: of.release.keep, 9),
    "touch_path": ("/health", lambda of: of.release.smoke, "/health"),
    "keep_warm": (False, lambda of: of.warm.every, 0),
    "keep_warm_expression": ("rate(12 minutes)", lambda of: of.warm.every, 12),
    "cloudwatch_log_level": ("INFO", lambda of: of.http.access_logs, True),
    "debug": (True, lambda of: of.http.show_errors, True),
    "iam_authorization": (True, lambda of: of.http.auth, "iam"),
    "api_key_required": (True, lambda of: (of.http.endpoint, of.http.api_key), ("rest-api", True)),
    "apigateway_enabled": (False, lambda of: of.http.endpoint, "none"),
    "function_url_enabled": (True, lambda of: of.http.endpoint, "function-url"),
    "cors": (
        {"allowed_origin": "https://a.example", "allowed_methods": ["GET"]},
        lambda of: (of.http.cors.origins, of.http.cors.methods),
        (("https://a.example",), ("GET",)),
    ),
    "exclude": (["docs", "boto3", "*.pyc"], lambda of: of.build.exclude, ("docs",)),
    "vpc_config": (
        {"SubnetIds": ["subnet-0a"], "SecurityGroupIds": ["sg-0b"]},
        lambda of: (of.vpc.subnets, of.vpc.security_groups),
        (("subnet-0a",), ("sg-0b",)),
    ),
    "environment_variables": ({"LOG": "info"}, lambda of: of.environment, {"LOG": "info"}),
    "aws_environment_variables": ({"LOG": 1}, lambda of: of.environment, {"LOG": "1"}),
    "extra_permissions": (
        [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}],
        lambda of: of.role.statements,
        ({"actions": ("s3:GetObject",), "resources": ("*",)},),
    ),
    "authorizer": (
        {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:who", "result_ttl": 60},
        lambda of: (of.http.auth, of.http.authorizer.remember),
        ("lambda", 60),
    ),
}


@pytest.mark.parametrize(
    ("key", "value", "option", "expected"), [(key, *row) for key, row in CARRIED.items()], ids=CARRIED
)
def test_what_has_a_counterpart_is_carried(zappa, key, value, option, expected):
    assert option(zappa(**{key: value}).load("dev")) == expected


def test_the_app_and_the_name_are_not_those_of_zappas_function(zappa):
    moved = zappa(project_name="My Shop")
    assert (moved.load("dev").app, moved.load("dev").full_name) == ("app:app", "my-shop-web-dev")


def test_a_file_of_few_lines_is_written(zappa):
    assert zappa(aws_region="eu-west-1").text.splitlines() == [
        "# Settings of lambdify. What is not here is as `lambdify init --all` shows it.",
        "# Made from zappa_settings.json.",
        'name = "shop-web"',
        "# Found by app.py:2  app = Flask(__name__)",
        "# Found by zappa_settings.json starts it",
        'app = "app:app"',
        'region = "eu-west-1"',
        "",
        "[stages.dev]",
    ]


def test_with_every_option_the_carried_ones_stand_in_their_places(zappa, console):
    moved = zappa(memory_size=1024, environment_variables={"LOG": "info"})
    whole = moved.text
    again = moved.load("dev")
    text = init(moved.root, console, every_option=True, force=True).read_text()
    assert moved.load("dev") == again
    assert len(text.splitlines()) > 150 > len(whole.splitlines())
    assert "\nmemory = 1024\n" in text
    assert "# Seconds until a request is given up" in text


SECRETS = {
    "DB_PASSWORD": "hunter5hunter5",
    "SECRET_KEY": "k3k3k3k3k3",
    "MONGO": "mongodb://anna:s3cr3tw0rd@db.shop.dev/shop",
    "UPSTREAM": "AKIAIOSFODNN7EXAMPL3",
}


def test_no_secret_is_copied_or_told(zappa):
    moved = zappa(environment_variables={**SECRETS, "DEBUG": "1"})
    loaded = moved.load("dev")
    assert loaded.environment == {"DEBUG": "1"}
    assert loaded.secrets == {name: f"ssm:/shop-web/dev/{name}" for name in SECRETS}
    for name, value in SECRETS.items():
        assert value not in moved.text + moved.story
        assert f"lambdify secrets set {name} --stage dev" in moved.story


EVENTS = {
    "a rate": ({"expression": "rate(10 minutes)"}, "schedule", {"every": "10 minutes"}),
    "a cron": ({"expression": "cron(0 6 ? * MON-FRI *)"}, "schedule", {"cron": "0 6 ? * MON-FRI *"}),
    "one that is off": (
        {"expression": "rate(1 minute)", "enabled": False},
        "schedule",
        {"every": "1 minute", "enabled": False},
    ),
    "with arguments": (
        {"expression": "rate(1 hour)", "kwargs": {"kind": "full"}},
        "schedule",
        {"every": "1 hour", "detail": {"kind": "full"}},
    ),
    "a queue": (
        {"event_source": {"arn": "arn:aws:sqs:eu-west-1:123456789012:q", "batch_size": 5, "enabled": True}},
        "sqs",
        {"queue": "arn:aws:sqs:eu-west-1:123456789012:q", "batch": 5},
    ),
    "a topic": (
        {"event_source": {"arn": "arn:aws:sns:eu-west-1:123456789012:t", "filters": {"kind": ["paid"]}}},
        "sns",
        {"topic": "arn:aws:sns:eu-west-1:123456789012:t", "filter": {"kind": ["paid"]}},
    ),
    "a bucket": (
        {"event_source": {"arn": "arn:aws:s3:::uploads", "events": ["s3:ObjectRemoved:*"], "suffix": ".jpg"}},
        "s3",
        {"bucket": "uploads", "events": ("Object Deleted",), "key": ("*.jpg",)},
    ),
    "a table": (
        {
            "event_source": {
                "arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-01T00:00:00.000",
                "starting_position": "TRIM_HORIZON",
                "batch_size": 50,
            }
        },
        "dynamodb",
        {"start": "oldest", "batch": 50},
    ),
    "a rule": (
        {"event_source": {"event_pattern": {"source": ["shop"]}}},
        "events",
        {"pattern": {"source": ["shop"]}},
    ),
}


@pytest.mark.parametrize(("event", "option", "expected"), EVENTS.values(), ids=EVENTS)
def test_events_become_functions(zappa, event, option, expected):
    function = zappa(events=[{"function": "jobs.nightly", **event}]).load("dev").functions["nightly"]
    (source,) = getattr(function, option)
    assert function.handler == "jobs:nightly"
    assert {name: getattr(source, name) for name in expected} == expected


def test_a_function_with_several_events_is_one(zappa):
    events = [
        {"function": "jobs.nightly", "expressions": ["rate(1 day)", "rate(2 days)"]},
        {"function": "jobs.nightly", "event_source": {"arn": "arn:aws:sns:eu-west-1:123456789012:t"}},
    ]
    functions = zappa(events=events).load("dev").functions
    assert [(name, len(each.schedule), len(each.sns)) for name, each in functions.items()] == [
        ("nightly", 2, 1)
    ]


def test_a_source_that_cannot_be_carried_leaves_the_others(zappa):
    events = [
        {"function": "jobs.nightly", "expression": "rate(1 day)"},
        {"function": "jobs.nightly", "expression": "cron(0 6 1 * 1 *)"},
    ]
    moved = zappa(events=events)
    assert [each.written for each in moved.load("dev").functions["nightly"].schedule] == ['every = "1 day"']
    found, why = moved.fate("events: jobs.nightly, cron(0 6 1 * 1 *)")
    assert (found, "either the day of the month or the day of the week" in why) == ("by hand", True)


@pytest.mark.parametrize(
    ("function", "verdict"),
    [("nightly", "carried"), ("optional", "carried"), ("flexible", "carried"), ("short", "by hand")],
)
def test_a_function_that_takes_too_little_is_told(zappa, function, verdict):
    moved = zappa(events=[{"function": f"jobs.{function}", "expression": "rate(1 day)"}])
    found, why = moved.fate(f"events: jobs.{function}")
    assert (found, "has to take event and context" in why) == (verdict, verdict == "by hand")
    assert moved.load("dev").functions[function].handler == f"jobs:{function}"


def test_a_function_that_is_not_there_is_the_users_to_name(zappa):
    moved = zappa(events=[{"function": "jobs.gone", "expression": "rate(1 day)"}])
    assert moved.load("dev").functions == {}
    assert moved.fate("events: jobs.gone")[0] == "by hand"


OTHERWISE = {
    "s3_bucket": ("b", "needless", "bucket"),
    "slim_handler": (True, "needless", "layer"),
    "app_type": ("asgi", "needless", "reading"),
    "base_path": ("shop", "by hand", "[domain] path"),
    "certificate_arn": ("arn:aws:acm:us-east-1:1:certificate/1", "needless", "asks for one"),
    "function_url_domains": (["shop.example"], "needless", "off"),
    "domain": ("${DOMAIN}", "by hand", "docs/domains.md"),
    "callbacks": ({"post": "a.b"}, "by hand", "[hooks]"),
    "prebuild_script": ("a.b", "by hand", "before_package"),
    "async_source": ("sns", "by hand", "lambdify.adapter.tasks"),
    "remote_env": ("s3://b/x.json", "by hand", "secrets set"),
    "cache_cluster_enabled": (True, "refused", "by the hour"),
    "cloudwatch_data_trace": (True, "refused", "bodies"),
    "websocket_handler_module": ("a.ws", "refused", "WebSockets"),
    "lets_encrypt_expression": ("rate(7 days)", "needless", "0.63 knows it no more"),
    "alb_enabled": (False, "needless", "off"),
    "role_name": ("mine", "by hand", "[role] arn"),
    "keep_warm_expression": ("cron(0 6 * * ? *)", "by hand", "1 to 60 minutes"),
    "memory_size": (99999, "by hand", "from 128 to 10240"),
    "tags": (["x"], "by hand", "a table"),
    "timeout": (30, "ignored", 'Did you mean "timeout_seconds"?'),
    "region": ("x", "ignored", 'Did you mean "aws_region"?'),
    "cors_options": ({}, "ignored", 'Did you mean "cors"?'),
    "docker_image": ("x", "ignored", "does not know it"),
    "runtime": ("python3.8", "by hand", "no 3.8"),
}


@pytest.mark.parametrize(
    ("key", "value", "verdict", "why"), [(key, *row) for key, row in OTHERWISE.items()], ids=OTHERWISE
)
def test_what_is_not_carried_is_told_with_the_reason(zappa, key, value, verdict, why):
    moved = zappa(**{key: value})
    found, reason = moved.fate(key)
    assert (found, why in reason) == (verdict, True), reason
    assert f"{verdict:8} {key}" in moved.story


GUARDED = {
    "a private API": {"endpoint_configuration": ["PRIVATE"]},
    "a policy": {"apigateway_policy": "policy.json"},
    "an authorizer of its own": {"authorizer": {"function": "jobs.nightly"}},
    "a user pool": {"authorizer": {"type": "COGNITO_USER_POOLS", "provider_arns": [POOL]}},
    "signatures, which a CDN cannot pass on": {
        "function_url_enabled": True,
        "function_url_cloudfront_config": {"Comment": "x"},
        "function_url_config": {"authorizer": "AWS_IAM"},
    },
    "two, of which one is not carried": {
        "endpoint_configuration": ["PRIVATE"],
        "authorizer": {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:who"},
    },
    "an authorizer that a function URL cannot have": {
        "function_url_enabled": True,
        "authorizer": {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:who"},
    },
}


@pytest.mark.parametrize("stage", GUARDED.values(), ids=GUARDED)
def test_what_kept_strangers_out_and_cannot_be_carried_leaves_nobody_in(zappa, stage):
    moved = zappa(**stage)
    assert moved.load("dev").http.auth in ("iam", "lambda")
    assert "by hand" in moved.story


def test_a_statement_that_denies_is_not_left_out_beside_what_it_limits(zappa):
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Delete*"},
    ]
    moved = zappa(extra_permissions=statements)
    assert moved.load("dev").role.statements == ()
    assert moved.fate("extra_permissions")[0] == "by hand"


def test_what_all_stages_say_stands_on_top_and_the_rest_below_its_stage(move):
    stages = {
        "dev": {**STAGE, "aws_region": "eu-west-1", "memory_size": 512},
        "prod_eu": {"extends": "dev", "memory_size": 2048, "domain": "shop.example"},
    }
    moved = move({"zappa_settings.json": json.dumps(stages)})
    assert 'region = "eu-west-1"' in moved.text.partition("[stages")[0]
    assert [moved.load(stage).function.memory for stage in ("dev", "prod-eu")] == [512, 2048]
    assert [moved.load(stage).region for stage in ("dev", "prod-eu")] == ["eu-west-1"] * 2
    assert "domain (prod-eu)" in moved.story


def test_the_stage_that_people_use_is_not_the_one_that_is_taken_unnamed(move):
    moved = move({"zappa_settings.json": json.dumps({"production": STAGE, "staging": STAGE})})
    assert moved.load().stage == "staging"


FORMS = {
    "zappa_settings.json": """\
        # as people write it
        {
            "dev": {
                // the app
                app_function: app.app
                "memory_size": 768,   /* more */
                "s3_bucket": "b"
                "tags": {"a": "b",},
            },
        }
        """,
    "zappa_settings.yml": "dev:\n  app_function: app.app\n  memory_size: 768\n  tags: {a: b}\n",
    "zappa_settings.yaml": "---\ndev: &dev\n  app_function: app.app\n  memory_size: 768\n  tags: {a: b}\n",
    "zappa_settings.toml": '[dev]\napp_function = "app.app"\nmemory_size = 768\ntags = {a = "b"}\n',
}


@pytest.mark.parametrize(("file", "text"), FORMS.items(), ids=FORMS)
def test_each_form_of_the_file_is_read(move, file, text):
    loaded = move({file: text}).load("dev")
    assert (loaded.app, loaded.function.memory, loaded.tags) == ("app:app", 768, {"a": "b"})


BROKEN = {
    "JSON": (
        "zappa_settings.json",
        '{\n "dev": {\n  "a": ]\n }\n}',
        r"zappa_settings\.json, line 3, is not valid JSON",
    ),
    "YAML": (
        "zappa_settings.yml",
        "dev:\n  a: [1\nb: 2\n",
        r"zappa_settings\.yml, line 3, is not valid YAML",
    ),
    "TOML": ("zappa_settings.toml", "[dev]\na = \n", r"zappa_settings\.toml is not valid TOML: .*line 2"),
    "a list": ("zappa_settings.yml", "- dev\n", "holds no table"),
    "no stage": ("zappa_settings.json", "{}", "has no stage"),
    "a circle": ("zappa_settings.json", '{"a": {"extends": "b"}, "b": {"extends": "a"}}', "has no end"),
    "a gap": ("zappa_settings.json", '{"a": {"extends": "b"}}', 'extends "b", and there is no such stage'),
    "not UTF-8": ("zappa_settings.json", "", "is not UTF-8"),
    "itself": ("zappa_settings.yml", "dev: &a\n  b: *a\n", "more than 100,000 values"),
}


@pytest.mark.parametrize(("file", "text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_read_is_told_with_its_line_and_nothing_is_written(
    project, console, file, text, message
):
    root = project({"app.py": "", file: text})
    if "UTF-8" in message:
        (root / file).write_bytes(b'{"dev": {"a": "\xff"}}')
    with pytest.raises(SettingsError, match=message):
        init(root, console)
    assert not (root / "lambdify.toml").exists()


def test_a_django_project_has_its_settings_and_its_app(move):
    files = {
        "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n',
        "site1/__init__.py": "",
        "site1/settings.py": "",
        "site1/wsgi.py": "from django.core.wsgi import get_wsgi_application as get\napplication = get()\n",
        "zappa_settings.json": json.dumps({"dev": {"django_settings": "site1.settings"}}),
        "app.py": "",
    }
    loaded = move(files).load("dev")
    assert loaded.app == "site1.wsgi:application"
    assert loaded.environment == {"DJANGO_SETTINGS_MODULE": "site1.settings"}
    assert loaded.commands.timeout == 900


@pytest.mark.parametrize("written", ["app.py", "your_module.app", "app.gone", "gone.app", ""])
def test_a_wrong_app_is_told_and_detection_is_used(zappa, written):
    moved = zappa(app_function=written)
    assert moved.load("dev").app == "app:app"
    found, why = moved.fate("app_function")
    assert (found, "app:app was found" in why) == ("by hand", True)


def test_code_that_imports_zappa_is_told_with_its_line(zappa):
    files = {
        "mails.py": "import os\nfrom zappa.asynchronous import task\n",
        "tests/test_zappa.py": "import zappaless\n",
    }
    moved = zappa(files)
    verdict, why = moved.fate("mails.py:2 zappa.asynchronous")
    assert (verdict, "lambdify.adapter.tasks" in why, "zappaless" in moved.story) == ("by hand", True, False)


def test_a_function_whose_events_look_otherwise_is_the_users_to_change(zappa):
    event = {"function": "jobs.nightly", "expression": "rate(1 day)", "kwargs": {"rows": 1}}
    moved = zappa(events=[event])
    assert moved.fate("events: jobs.nightly") == (
        "by hand",
        'its kwargs are in event["detail"], not in event["kwargs"]',
    )
    assert moved.load("dev").functions["nightly"].schedule


def test_what_comes_next_is_told_in_its_order(zappa):
    story = zappa(domain="shop.example", environment_variables={"API_KEY": "abcdefgh"}).story
    steps = [
        "secrets set API_KEY",
        "lambdify check dev",
        "lambdify deploy dev",
        "compare",
        "shop.example to",
        "zappa undeploy dev",
    ]
    places = [story.index(each, story.index("Next:")) for each in steps]
    assert places == sorted(places)
