"""Requests as the stage's endpoint would hand them on, read back by the adapter that is deployed."""

import json

import pytest

from lambdify.adapter import Adapter, event_sources
from lambdify.cli.calls import http_event
from lambdify.cli.errors import FunctionFailed, UsageError

KINDS = {
    "http-api": "https://abc.execute-api.eu-central-1.amazonaws.com",
    "function-url": "https://abc.lambda-url.eu-central-1.on.aws",
    "rest-api": "https://abc.execute-api.eu-central-1.amazonaws.com/live",
    "alb": "https://shop.example.org",
    "none": "",
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def chosen(kind, make_settings):
    listener = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
    balancer = {"http.alb.listener": listener, "http.alb.hosts": ("shop.example.org",)}
    return make_settings(overrides={"http.endpoint": kind, **(balancer if kind == "alb" else {})})


def read(event):
    return event_sources.find(event).read_event(event)


def test_the_function_reads_the_request_that_was_written(kind, chosen):
    headers = [("X-Shop", "one"), ("Cookie", "a=1; b=2")]
    event = http_event.write(chosen, "post", "/caf%C3%A9?q=a+b&q=c", headers, b"hello", url=KINDS[kind])
    request = read(event)
    assert (request.method, request.path, request.query, request.body) == (
        "POST",
        "/caf%C3%A9",
        # A REST API hands queries on decoded, so the adapter has to encode them anew.
        "q=a%20b&q=c" if kind == "rest-api" else "q=a+b&q=c",
        b"hello",
    )
    assert {("x-shop", "one"), ("cookie", "a=1; b=2"), ("content-length", "5")} <= set(request.headers)


def test_the_app_is_told_the_host_of_the_endpoint_and_its_mount(kind, chosen):
    request = read(http_event.write(chosen, "GET", "/", url=KINDS[kind]))
    assert request.host == (KINDS[kind].split("/")[2] if KINDS[kind] else "localhost")
    assert request.mount == ("/live" if kind == "rest-api" else "")


@pytest.mark.parametrize(
    ("header", "name", "port"), [("www.shop.example", "www.shop.example", 443), ("[::1]:8000", "::1", 8000)]
)
def test_a_host_that_is_given_stands_for_that_of_a_domain(kind, chosen, header, name, port):
    request = read(http_event.write(chosen, "GET", "/", [("Host", header)], url=KINDS[kind]))
    assert (request.host, request.port) == (name, port)
    assert [value for name, value in request.headers if name == "host"] == [header]


def test_the_port_of_the_endpoint_is_told_to_the_app(chosen):
    request = read(http_event.write(chosen, "GET", "/", url="http://127.0.0.1:36399"))
    assert (request.host, request.port, request.scheme) == ("127.0.0.1", 36399, "https")


def test_what_is_no_host_is_refused(chosen):
    with pytest.raises(UsageError, match='"a b" is not a host'):
        http_event.write(chosen, "GET", "/", [("host", "a b")])


def test_the_event_is_that_of_the_kind_of_endpoint(kind, chosen):
    event = http_event.write(chosen, "GET", "/", url=KINDS[kind])
    assert "elb" in event["requestContext"] if kind == "alb" else True
    assert event.get("version") == (None if kind in {"alb", "rest-api"} else "2.0")
    assert json.loads(json.dumps(event)) == event


def test_a_path_is_encoded_where_it_is_not_yet(make_settings):
    request = read(http_event.write(make_settings(), "GET", "/a b/ü%20?name=Zoë#part"))
    assert (request.path, request.query) == ("/a%20b/%C3%BC%20", "name=Zo%C3%AB")


def test_a_header_of_ones_own_stands_in_for_the_usual_one(make_settings):
    event = http_event.write(make_settings(), "GET", "/", [("Accept", "text/html"), ("User-Agent", "me")])
    headers = dict(read(event).headers)
    assert (headers["accept"], headers["user-agent"]) == ("text/html", "me")


def test_the_response_of_an_app_comes_back_as_a_client_gets_it(kind, chosen):
    def app(environ, start_response):
        start_response(
            "201 Created", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "image/png")]
        )
        return [bytes([0, 255])]

    payload = Adapter(app)(http_event.write(chosen, "GET", "/", url=KINDS[kind]), None)
    response = http_event.read(chosen, json.dumps(payload).encode())
    assert (response.status, response.body) == (201, bytes([0, 255]))
    assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]


def test_a_streamed_response_has_its_body_after_the_prelude(make_settings):
    prelude = json.dumps({"statusCode": 200, "headers": {"content-type": "text/plain"}}).encode()
    response = http_event.read(make_settings(), prelude + bytes(8) + b"\x00\xffpieces")
    assert (response.status, response.body) == (200, b"\x00\xffpieces")


def test_an_http_api_takes_any_json_for_a_response(make_settings):
    assert http_event.read(make_settings(), b'{"total": 42}').body == b'{"total": 42}'


@pytest.mark.parametrize("payload", [b"", b"null", b'{"total": 42}', b"{"])
def test_a_payload_without_a_response_is_a_failure_of_the_function(make_settings, payload):
    rest_api = make_settings(overrides={"http.endpoint": "rest-api"})
    with pytest.raises(FunctionFailed, match="is no HTTP response"):
        http_event.read(rest_api, payload)
