"""Requests of `invoke --http` and of trials to a stage with a CDN: they come as from there."""

import pytest

from lambdify.adapter import Adapter, event_sources
from lambdify.adapter.in_front import cdn
from lambdify.cli.calls import http_event

SECRET = "e967e6af-7e50-4f7e-8c82-9ed57ef32449"
STACK = f"arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/{SECRET}"
URL = "https://d111111abcdef8.cloudfront.net"


@pytest.fixture(params=["http-api", "rest-api", "function-url"])
def chosen(request, make_settings):
    return make_settings(overrides={"http.endpoint": request.param, "http.cdn": True})


def answer(chosen, headers=(), *, stack=STACK, url=URL):
    """What a function answers that lets in nobody but the CDN: the address that the app sees."""

    def app(environ, start_response):
        start_response("200 OK", [])
        assert not [name for name in environ if "LAMBDIFY" in name or name == "HTTP_X_FORWARDED_HOST"]
        return [f"{environ['HTTP_HOST']} {environ['REMOTE_ADDR']}".encode()]

    adapter = Adapter(app)
    adapter.stand_behind_cdn(SECRET, alone=True)
    payload = adapter(http_event.write(chosen, "GET", "/", headers, url=url, stack=stack), None)
    return payload["statusCode"], payload["body"]


def test_a_function_that_lets_in_only_the_cdn_lets_them_in(chosen):
    assert answer(chosen) == (200, f"{URL.removeprefix('https://')} 127.0.0.1")
    assert answer(chosen, url="http://127.0.0.1:36399") == (200, "127.0.0.1:36399 127.0.0.1")
    assert answer(chosen, stack="")[0] == 403


@pytest.mark.parametrize("host", ["shop.example", "shop.example:8000", "[::1]:8000"])
def test_a_host_that_is_given_is_the_visitors(chosen, host):
    assert answer(chosen, [("Host", host)]) == (200, f"{host} 127.0.0.1")


def test_without_a_cdn_nothing_of_it_is_sent(make_settings):
    event = http_event.write(make_settings(), "GET", "/", url=URL, stack=STACK)
    request = event_sources.find(event).read_event(event)
    assert not {*cdn.HEADERS} & dict(request.headers).keys()
