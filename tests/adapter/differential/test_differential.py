"""The same request to the same app behind a real server and behind every event source: the same answer.

Hypothesis makes the requests. What a front end loses (front_ends.py) is done to the request that the server
gets, so that whatever else differs is our fault.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice
from lambdify.adapter.messages import Request, Response

from . import front_ends
from .front_ends import Sent, lose
from .twins import DJANGO_ASGI, DJANGO_WSGI, FASTAPI, FLASK, Pair, asking_for, both

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[3] / "docs"
HOST = "shop.example.com"


class FrontEnd(NamedTuple):
    """A front end, and how its events are written."""

    name: str
    source: Any
    write_event: Callable[[Request], dict[str, Any]]


def write_http_api_1(request: Request) -> dict[str, Any]:
    """An HTTP API's event in payload format 1.0: a REST API's, with the path as format 2.0 has it."""
    event = rest.write_event(request, stage=request.mount[1:] or "$default")
    return {**event, "version": "1.0", "path": http_api.write_event(request)["rawPath"]}


def write_base_path(request: Request) -> dict[str, Any]:
    """A REST API's event behind a custom domain: both paths hold the base path, and neither the stage."""
    event = rest.write_event(request, stage="prod")
    return {**event, "path": event["requestContext"]["path"]}


def write_base_path_with_raw_path(request: Request) -> dict[str, Any]:
    """The same of a custom domain that adds rawPath (https://github.com/honojs/hono/issues/5015)."""
    event = rest.write_event(request, stage="prod")
    event["requestContext"]["path"] = request.path
    return {**event, "rawPath": request.mount + request.path}


def write_base_path_of_http_api_1(request: Request) -> dict[str, Any]:
    """An HTTP API's event in format 1.0 behind a custom domain: the base path is where a stage would be."""
    event = write_http_api_1(request)
    event["requestContext"]["stage"] = "prod"
    path = event["path"].removeprefix(request.mount)
    if path == "/":
        return {**event, "resource": "/", "pathParameters": None}
    return {**event, "resource": "/{proxy+}", "pathParameters": {"proxy": path[1:]}}


def write_base_path_of_http_api(request: Request) -> dict[str, Any]:
    """An HTTP API's event behind a custom domain: nothing in it tells the base path."""
    return http_api.write_event(request._replace(mount=""), stage="prod")


def write_stage_elsewhere(request: Request) -> dict[str, Any]:
    """A REST API's event behind a custom domain without a base path: the stage is in neither path."""
    event = rest.write_event(request, stage=STAGE[1:])
    return {**event, "path": event["requestContext"]["path"]}


FRONT_ENDS = (
    FrontEnd(front_ends.REST, rest, rest.write_event),
    FrontEnd(front_ends.HTTP, http_api, http_api.write_event),
    FrontEnd(front_ends.HTTP_1, rest, write_http_api_1),
    FrontEnd(front_ends.URL, http_api, partial(http_api.write_event, function_url=True)),
    FrontEnd(front_ends.ALB, alb, alb.write_event),
    FrontEnd(front_ends.ALB_SINGLE, alb, partial(alb.write_event, multi_value=False)),
    FrontEnd(front_ends.LATTICE, vpc_lattice, vpc_lattice.write_event),
    FrontEnd(front_ends.LATTICE_1, vpc_lattice, partial(vpc_lattice.write_event, version=1)),
    FrontEnd(front_ends.EDGE, edge, partial(edge.write_event, at="origin-request")),
)

STAGE = "/dev"

STAGES = (
    FrontEnd(front_ends.REST, rest, rest.write_event),
    FrontEnd(front_ends.HTTP, http_api, http_api.write_event),
    FrontEnd(front_ends.HTTP_1, rest, write_http_api_1),
)
BASE_PATHS = (
    FrontEnd(front_ends.REST, rest, write_base_path),
    FrontEnd(front_ends.REST, rest, write_base_path_with_raw_path),
    FrontEnd(front_ends.HTTP, http_api, write_base_path_of_http_api),
    FrontEnd(front_ends.HTTP_1, rest, write_base_path_of_http_api_1),
)
STAGE_OUT_OF_SIGHT = (
    FrontEnd(front_ends.REST, rest, write_stage_elsewhere),
    FrontEnd(front_ends.HTTP, http_api, partial(http_api.write_event, stage=STAGE[1:])),
)

PARTS = st.sampled_from([
    "a", "caf%C3%A9", "%2F", "%25", "%252F", "%20", "+", "%FF", "..", ".", "", ";v=1", "~", "@", ":", "%3F",
    "%3fx", "%23", "%zz", "%4", "100%", "%E2%98%83", "(b)", "it's", "a&b", "%0A", "$x", "dev", "*", "!",
])  # fmt: skip
FIELDS = st.sampled_from([
    "a=1", "a=2", "b=", "c", "a=%20", "a=+", ";=;", "x=%FF", "k=%26%3D", "", "e=a=b", "%C3%BC=1", "q=?", "=v",
    "d=%2B", "p=/x", "b=%zz", "m=a;b=c", "j={%22a%22:[1]}",
])  # fmt: skip
VALUES = st.from_regex(
    r"([a-z0-9;=\"/\xe9\xff]([a-z0-9 ,;=\"/\xe9]{0,8}[a-z0-9;=\"/\xe9])?)?", fullmatch=True
)
NAMES = st.from_regex(r"x-[a-z]{1,4}", fullmatch=True) | st.sampled_from(["x_under", "accept", "referer"])
TYPES = st.sampled_from([
    "text/plain", "application/json", "application/x-www-form-urlencoded",
    'multipart/form-data; boundary="a,b"',
])  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> Request:
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    headers = [(name, value) for name in names for value in draw(st.lists(VALUES, min_size=1, max_size=3))]
    body = draw(st.just(b"") | st.binary(min_size=1, max_size=60))
    if body:
        headers += [("content-type", draw(TYPES)), ("content-length", str(len(body)))]
    if draw(st.booleans()):
        headers.append(
            ("cookie", "; ".join(draw(st.lists(st.sampled_from(["a=1", "b=x y", 'c="q"']), min_size=1))))
        )
    return Request(
        method=draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])),
        path="/" + "/".join(draw(st.lists(PARTS, max_size=4))),
        query="&".join(draw(st.lists(FIELDS, max_size=5))),
        headers=tuple(headers),
        body=body,
        scheme="http",
        host=HOST,
        port=80,
        client="127.0.0.1",
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    names = draw(st.lists(st.from_regex(r"x-[a-z]{1,4}", fullmatch=True), max_size=3, unique=True))
    headers = [(name, value) for name in names for value in draw(st.lists(VALUES, min_size=1, max_size=2))]
    headers.append(("content-type", draw(st.sampled_from(["text/plain", "image/png", "application/json"]))))
    cookies = draw(st.lists(st.from_regex(r"[a-z]=[a-z0-9]{1,4}; Path=/", fullmatch=True), max_size=4))
    status = draw(st.sampled_from([200, 201, 204, 301, 304, 404, 418, 500, 503, 599]))
    body = (
        b"" if status in (204, 304) else draw(st.binary(max_size=60) | st.text(max_size=20).map(str.encode))
    )
    return Response(status, (*headers, *(("set-cookie", cookie) for cookie in cookies)), body)


@pytest.fixture(scope="module", params=[FLASK, DJANGO_WSGI, DJANGO_ASGI, FASTAPI], ids=lambda app: app.name)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with both(request.param, mounts=("", STAGE)) as pair:
        yield pair


def invoke(pair: Pair, front_end: FrontEnd, request: Request) -> Response:
    payload = pair.function(front_end.write_event(request))
    return front_end.source.read_payload(payload)


def arriving(request: Request, front_end: FrontEnd) -> Request:
    """What is left of a request behind the front end; of a mount, whether it is a stage or a base path."""
    place = "base_path" if front_end in BASE_PATHS else "stage"
    sent = lose(Sent(request.path, request.query, request.headers, **{place: request.mount}), front_end.name)
    mount = sent.base_path or sent.stage
    return request._replace(path=sent.path, query=sent.query, headers=sent.headers, mount=mount)


def comparable(response: Response, front_end: FrontEnd) -> Response:
    """By name, since the order across names is nobody's promise; joined where the payload is a map.

    Blanks around a value are no part of it: the client of a server never sees those that Django writes.
    """
    left_out = ("content-length",) if front_end.name in front_ends.WRITES_LENGTH_ITSELF else ()
    grouped: dict[str, list[str]] = {}
    for name, value in response.headers:
        if name not in left_out:
            grouped.setdefault(name, []).append(value.strip(" \t"))
    if front_end.name in front_ends.JOINS_RESPONSE_HEADERS:
        grouped = {k: v if k == "set-cookie" else [", ".join(v).strip()] for k, v in grouped.items()}
    pairs = [(name, value) for name, values in sorted(grouped.items()) for value in values]
    return response._replace(headers=tuple(pairs))


def assert_seen_alike(pair: Pair, front_end: FrontEnd, request: Request) -> None:
    served, invoked = pair.serve(arriving(request, front_end)), invoke(pair, front_end, request)
    if request.method != "HEAD":
        assert json.loads(invoked.body) == json.loads(served.body)
    assert comparable(invoked, front_end) == comparable(served, front_end)


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda front_end: front_end.name)
@given(request_=requests())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_the_app_sees_the_same_request(pair, front_end, request_):
    assert_seen_alike(pair, front_end, request_)


@pytest.mark.parametrize("front_end", STAGES, ids=lambda front_end: front_end.name)
@given(request_=requests())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_an_app_at_a_named_stage_sees_what_it_sees_at_that_path_of_a_server(pair, front_end, request_):
    assert_seen_alike(pair, front_end, request_._replace(mount=STAGE))


@pytest.mark.parametrize("front_end", BASE_PATHS, ids=lambda each: each.write_event.__name__)
@given(request_=requests())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_an_app_at_a_base_path_sees_what_it_sees_at_that_path_of_a_server(pair, front_end, request_):
    assert_seen_alike(pair, front_end, request_._replace(mount=STAGE))


@pytest.mark.parametrize(
    "path", ["/developer", "/dev.html", "/device/dev/", "/deva/../dev", "/DEV/x", "//dev/x"]
)
@pytest.mark.parametrize("front_end", STAGE_OUT_OF_SIGHT, ids=lambda front_end: front_end.name)
def test_a_stage_that_no_client_sees_takes_nothing_off_a_path(pair, front_end, path):
    assert_seen_alike(
        pair, front_end, Request("GET", path, host=HOST, scheme="http", port=80, client="127.0.0.1")
    )


@pytest.mark.parametrize("path", ["/developer", "/dev", "/dev/dev", "//dev", "/"])
@pytest.mark.parametrize("front_end", [*STAGES, *BASE_PATHS], ids=lambda each: each.write_event.__name__)
def test_a_mount_is_taken_off_a_path_once_and_whole(pair, front_end, path):
    asked = Request("GET", path, mount=STAGE, host=HOST, scheme="http", port=80, client="127.0.0.1")
    assert_seen_alike(pair, front_end, asked)


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda front_end: front_end.name)
@given(method=st.sampled_from(["GET", "HEAD", "POST"]), response=responses())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_the_client_gets_the_same_response(pair, front_end, method, response):
    asked = Request(method, "/", headers=asking_for(response), host=HOST, scheme="http", port=80)
    served, invoked = pair.serve(asked), invoke(pair, front_end, asked)
    assert comparable(invoked, front_end) == comparable(served, front_end)


def test_the_documented_losses_are_the_ones_that_are_allowed_here():
    assert (DOCS / "front-ends.md").read_text() == front_ends.describe(), (
        "run python tests/adapter/differential/front_ends.py > docs/front-ends.md"
    )
