"""[http] cdn: what it cannot be together with, and where lambdify makes none."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError

LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"


@pytest.fixture
def read(tmp_path):
    """`read({"http.auth": "jwt"})`: settings of a stage with a CDN and these values."""

    def read(overrides):
        common = {"name": "shop", "function.python": "3.13", "http.cdn": True}
        return settings.load(tmp_path, overrides={**common, **overrides})

    return read


@pytest.mark.parametrize("kind", ["http-api", "rest-api", "function-url"])
def test_it_stands_in_front_of_each_endpoint_that_it_can_ask(read, kind):
    assert read({"http.endpoint": kind, "cdn.price_class": "100"}).http.cdn


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"http.endpoint": "none"}, 'with endpoint = "none" there is nothing that it could ask.'),
        (
            {"http.endpoint": "alb", "http.alb.listener": LISTENER},
            "the load balancer is your own, and a CDN belongs in front of that.",
        ),
        ({"http.auth": "iam"}, "requests are signed for the host that they are sent to"),
        (
            {"http.endpoint": "rest-api", "http.allow_from": ["192.0.2.0/24"]},
            "the endpoint would see the addresses of the CDN.",
        ),
        (
            {"http.endpoint": "rest-api", "http.vpc_endpoints": ["vpce-0a1b"]},
            "the CDN cannot reach an API that is private.",
        ),
    ],
)
def test_what_it_would_break_is_refused_with_a_way_out(read, overrides, message):
    with pytest.raises(SettingsError) as caught:
        read(overrides)
    assert caught.value.message.startswith("[http] cdn = true")
    assert message in caught.value.message
    assert caught.value.hint.startswith("Leave ")


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_there_is_none_in_other_partitions(read, region):
    with pytest.raises(SettingsError, match=f"lambdify makes no CDN in {region}"):
        read({"region": region})


def test_a_price_class_that_cloudfront_does_not_have_is_refused(read):
    with pytest.raises(SettingsError, match="price_class"):
        read({"cdn.price_class": "50"})
