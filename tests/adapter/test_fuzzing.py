"""Events of AWS's, broken in every way that JSON can be: an HTTP event is answered, anything else named.

Each example takes an event of events/ and changes it at any depth: keys go, values become null or of another
type, bodies bad base64, escapes broken, texts long, or full of what must never reach a header.
"""

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdify.adapter import Adapter, event_sources
from lambdify.adapter.errors import EventUnknown, PayloadRefused
from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice

EVENTS = [
    json.loads(file.read_text())["event"]
    for file in sorted((Path(__file__).parent / "events").glob("*.json"))
]

TEXTS = st.sampled_from([
    "", "/", "%", "%zz", "%00", "%C3", "a%0D%0AX-Injected: 1", "\r\nX-Injected: 1", "\0", "\ud800", "\u2028",
    "\u00e9", "AAE", "====", "2.0", "1.0", "999999999999", "-1", ",", ":", "[::1]:99999", "\u0663",
    "LONG",
]).map(lambda text: "x" * 200_000 if text == "LONG" else text) | st.text(max_size=8)  # fmt: skip
JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.lists(st.none() | TEXTS, max_size=2)
    | st.dictionaries(TEXTS, st.none() | TEXTS, max_size=2)
)


class Gone:
    """In place of a value: there is no such key."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in an event."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


@st.composite
def broken_events(draw: st.DrawFn) -> dict[str, Any]:
    event = deepcopy(draw(st.sampled_from(EVENTS)))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(event))
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        place = event
        for key in path:
            place = place[key]
        if draw(st.booleans()) and isinstance(place, dict):
            del place[last]
        else:
            place[last] = draw(JUNK)
    if draw(st.booleans()):
        event[draw(TEXTS)] = draw(JUNK)
    return event


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads all it was given, and gives some of it back in a header."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH", 0)))
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Path", environ["PATH_INFO"])])
    return [environ["REQUEST_METHOD"].encode(), body]


async def asgi_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same, as ASGI."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    body = (await receive())["body"]
    headers = [(b"content-type", b"text/plain"), (b"x-path", scope["path"].encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": scope["method"].encode() + body})


@pytest.fixture(scope="module", params=[wsgi_app, asgi_app], ids=["wsgi", "asgi"])
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    adapter = Adapter(request.param)
    yield adapter
    adapter.close()


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """What fails is logged, a thousand times here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@given(event=broken_events())
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_a_broken_http_event_is_answered_and_anything_else_is_refused_by_name(adapter, event):
    source: Any = event_sources.find(event)
    if source is None:
        with pytest.raises(EventUnknown, match="this function answers HTTP requests; it received"):
            adapter(event, None)
        return
    payload = adapter(event, None)
    response = source.read_payload(json.loads(json.dumps(payload)))
    assert response.status in (200, 400, 500)
    assert not any("injected" in name for name, _ in response.headers)
    assert not any(character in value for _, value in response.headers for character in "\r\n\0")


EVENT_KEYS = st.sampled_from([
    "version", "rawPath", "httpMethod", "method", "raw_path", "path", "Records", "cf", "requestContext",
    "elb", "headers", "body",
])  # fmt: skip
PAYLOAD_KEYS = st.sampled_from(
    ["statusCode", "status", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded"]
)
MADE_UP = st.recursive(
    JUNK,
    lambda inner: st.dictionaries(EVENT_KEYS, inner, max_size=5) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.slow
@given(event=MADE_UP)
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_made_up_events_are_answered_or_refused(adapter, event):
    try:
        payload = adapter(event, None)
    except EventUnknown:
        assert event_sources.find(event) is None
    else:
        assert json.loads(json.dumps(payload)).keys() & {"statusCode", "status"}


@pytest.mark.parametrize(
    "source", [alb, edge, http_api, rest, vpc_lattice], ids=lambda source: source.__name__
)
@given(payload=JUNK | st.dictionaries(PAYLOAD_KEYS, JUNK))
@settings(max_examples=200)
def test_a_payload_is_read_or_refused(source, payload):
    try:
        response = source.read_payload(payload)
    except PayloadRefused:
        return
    assert isinstance(response.status, int)
