"""What settings may not be together: refused when they are read, with the way out."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import conflicts

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:who"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
ACCESS_POINT = "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0a1b"
LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:tools:3"
ROLE = "arn:aws:iam::123456789012:role/shop"


@pytest.fixture
def read(tmp_path):
    """`read({"http.auth": "jwt"})`: settings with these values."""

    def read(overrides):
        return settings.load(tmp_path, overrides={"name": "shop", "function.python": "3.13", **overrides})

    return read


def refusal(read, overrides):
    with pytest.raises(SettingsError) as caught:
        read(overrides)
    return caught.value.message, caught.value.hint


CANNOT = [
    ("http-api", {"http.streaming": True}, "streaming = true"),
    ("alb", {"http.streaming": True}, "streaming = true"),
    ("alb", {"http.auth": "iam"}, 'auth = "iam"'),
    ("rest-api", {"http.auth": "jwt"}, 'auth = "jwt"'),
    ("function-url", {"http.auth": "jwt"}, 'auth = "jwt"'),
    ("function-url", {"http.auth": "lambda"}, 'auth = "lambda"'),
    ("function-url", {"http.rate": 10, "http.burst": 10}, "rate = 10"),
    ("alb", {"http.access_logs": True}, "access_logs = true"),
    ("http-api", {"http.api_key": True}, "api_key = true"),
    ("http-api", {"http.allow_from": ["192.0.2.0/24"]}, "allow_from"),
    ("function-url", {"http.vpc_endpoints": ["vpce-0a1b"]}, "vpc_endpoints"),
    ("alb", {"http.cors.origins": ["*"]}, "cors.origins"),
    ("rest-api", {"http.cors.origins": ["*"]}, "cors.origins"),
]


@pytest.mark.parametrize(("kind", "overrides", "option"), CANNOT)
def test_what_a_kind_of_endpoint_cannot_do_is_refused_and_those_that_can_are_named(
    read, kind, overrides, option
):
    message, hint = refusal(read, {"http.endpoint": kind, **overrides})
    assert message.startswith(f'[http] {option}: an endpoint of the kind "{kind}" cannot ')
    assert hint.startswith("Set endpoint = ")
    assert f'"{kind}"' not in hint


@pytest.mark.parametrize("overrides", [{"http.access_logs": True}, {"http.auth": "iam"}])
def test_nothing_can_be_asked_of_an_endpoint_that_is_not_there(read, overrides):
    message, _ = refusal(read, {"http.endpoint": "none", **overrides})
    assert message.endswith('with endpoint = "none" there is nothing in front of the function.')


TOGETHER = [
    ({"http.auth": "jwt"}, "[http.jwt]", "issuer"),
    ({"http.auth": "jwt", "http.jwt.issuer": "https://who.example"}, "[http.jwt]", "audience"),
    ({"http.auth": "lambda"}, "[http.authorizer]", "function ="),
    ({"http.cors.credentials": True}, "origins is empty", "origins ="),
    ({"http.cors.origins": ["*"], "http.cors.credentials": True}, "browsers", "Name the origins"),
    (
        {
            "http.endpoint": "function-url",
            "http.cors.origins": ["*"],
            "http.cors.methods": ["GET", "OPTIONS"],
        },
        "OPTIONS",
        "Leave it out",
    ),
    ({"http.rate": 10}, "no burst", "burst = 10"),
    ({"http.burst": 10}, "no rate", "rate = 10"),
    ({"http.endpoint": "alb"}, "which listener", "listener ="),
    ({"http.endpoint": "alb", "http.alb.listener": LISTENER, "http.alb.paths": []}, "neither", "/*"),
    (
        {
            "http.endpoint": "alb",
            "http.alb.listener": LISTENER,
            "http.alb.paths": [f"/{number}/*" for number in range(6)],
        },
        "6 hosts and paths; a rule takes 5",
        "Join",
    ),
    ({"vpc.subnets": ["subnet-0a"]}, "[vpc] has no security_groups", "both"),
    ({"vpc.security_groups": ["sg-0a"]}, "[vpc] has no subnets", "both"),
    ({"efs.access_point": ACCESS_POINT}, "[efs]", "[vpc]"),
    ({"function.layers": [f"{FUNCTION[:37]}:layer:one:{n}" for n in range(5)]}, "room for 4", "together"),
    (
        {"function.layers": [f"{FUNCTION[:37]}:layer:one:1"], "build.form": "image"},
        "no layers",
        "into the project",
    ),
    ({"function.reserved_concurrency": 1, "function.provisioned_concurrency": 2}, "more than", '"off"'),
    ({"release.shift": "10% every 2 minutes", "function.provisioned_concurrency": 2}, "shift", "Leave out"),
    (
        {"function.wrapper": "tracing.handler", "http.streaming": True, "http.endpoint": "function-url"},
        '[function] wrapper = "tracing.handler": with [http] streaming',
        "Leave out one",
    ),
    ({"release.alarms": ["shop-5xx"]}, "[release] alarms: without shift", "leave alarms out"),
    (
        {"release.alarm_actions": ["arn:aws:sns:eu-central-1:123456789012:alerts"]},
        "nothing is watched",
        "leave alarm_actions out",
    ),
    ({"function.snapstart": True, "function.python": "3.11"}, 'python = "3.11"', "3.12 or newer"),
    ({"function.snapstart": True, "function.storage": 1024}, "storage = 1024", "512"),
    ({"function.snapstart": True, "function.provisioned_concurrency": 1}, "provisioned", "one of the two"),
    ({"function.snapstart": True, "build.form": "image"}, "image", "layer"),
    ({"function.layers": [LAYER], "build.form": "image"}, "layers: a container image", "[build] base"),
    ({"function.snapstart": True, "region": "ap-east-2"}, "ap-east-2", "provisioned_concurrency"),
    (
        {
            "function.snapstart": True,
            "efs.access_point": ACCESS_POINT,
            "vpc.subnets": ["subnet-0a"],
            "vpc.security_groups": ["sg-0a"],
        },
        "[efs]",
        "one of the two",
    ),
    (
        {"role.arn": ROLE, "role.statements": [{"actions": ["s3:GetObject"], "resources": ["*"]}]},
        "statements",
        "leave arn out",
    ),
    (
        {"role.arn": ROLE, "role.managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
        "managed_policies",
        "leave arn out",
    ),
    ({"logs.level": "DEBUG"}, 'level = "DEBUG"', 'format = "json"'),
    (
        {"logs.level": "WARN", "logs.format": "json", "logs.requests": True},
        'level = "WARN"',
        "leave requests out",
    ),
]


@pytest.mark.parametrize(("overrides", "said", "hinted"), TOGETHER)
def test_what_aws_would_refuse_or_leave_out_is_refused_before_anything_is_built(
    read, overrides, said, hinted
):
    message, hint = refusal(read, overrides)
    assert said in message
    assert hinted in hint


def test_a_stage_is_judged_as_it_is_in_the_end(project):
    root = project({
        "lambdify.toml": """
            [http]
            endpoint = "rest-api"
            api_key = true
            [stages.dev.http]
            endpoint = "http-api"
            [stages.production]
        """
    })  # fmt: skip
    assert settings.load(root, stage="production").http.api_key
    with pytest.raises(SettingsError, match="api_key"):
        settings.load(root, stage="dev")


def test_a_region_that_only_the_profile_knows_is_judged_too(read):
    chosen = read({"function.snapstart": True})
    conflicts.check_region(chosen, "eu-central-1")
    with pytest.raises(SettingsError, match="ap-southeast-6"):
        conflicts.check_region(chosen, "ap-southeast-6")
