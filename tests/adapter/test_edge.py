"""CloudFront's events: what may not be answered, what mangum's reader says of the same events, and loses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangum.handlers.lambda_at_edge import LambdaAtEdge
from mangum.types import LambdaConfig

from lambdify.adapter import Adapter
from lambdify.adapter.asgi import build_scope
from lambdify.adapter.event_sources import edge
from lambdify.adapter.messages import Request, Response

CONFIG = LambdaConfig(api_gateway_base_path="/", text_mime_types=["text/"], exclude_headers=[])


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4"), ("Via", "1.1 us")])
    return [b"fine"]


@pytest.mark.slow
@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.from_regex(r"(/[a-z0-9._~-]{0,6}){1,3}", fullmatch=True),
    st.from_regex(r"([a-z]=[a-z0-9%+]{0,4}(&[a-z]=)?)?", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"x-[a-z]{1,6}", fullmatch=True), st.from_regex(r"[a-z ]{0,8}", fullmatch=True)
    ),
    st.binary(max_size=30),
)
def test_mangum_reads_the_same_where_every_header_stands_once(method, path, query, headers, body):
    request = Request(
        method, path, query, tuple(headers.items()), body, host="example.com", client="203.0.113.7"
    )
    event = edge.write_event(request)
    theirs = LambdaAtEdge(event, None, CONFIG)
    ours = edge.read_event(event)
    scope = build_scope(ours, event, None, {})
    for key in ("method", "path", "query_string", "client", "scheme", "server"):
        assert theirs.scope[key] == scope[key], key
    assert ours.body == theirs.body
    given_headers = {(bytes(name), bytes(value)) for name, value in theirs.scope["headers"]}
    assert set(scope["headers"]) - given_headers <= {(b"content-length", str(len(body)).encode())}


def test_several_cookies_and_binary_bodies_leave_as_cloudfront_reads_them():
    cookies = (("set-cookie", "a=1"), ("set-cookie", "b=2"))
    payload = edge.write_payload(Response(200, cookies, b"\xff"), edge.write_event(Request("GET", "/")))
    assert payload == {
        "status": "200",
        "headers": {
            "set-cookie": [{"key": "set-cookie", "value": "a=1"}, {"key": "set-cookie", "value": "b=2"}]
        },
        "body": "/w==",
        "bodyEncoding": "base64",
    }
    theirs = LambdaAtEdge(edge.write_event(Request("GET", "/")), None, CONFIG)
    lossy = theirs(
        {"status": 200, "headers": [[n.encode(), v.encode()] for n, v in cookies], "body": b"\xff"}
    )
    assert lossy["headers"]["set-cookie"] == [{"key": "set-cookie", "value": "b=2"}]
    assert "bodyEncoding" not in lossy


def test_what_cloudfront_does_not_let_a_function_write_is_left_out(context):
    payload = Adapter(app)(edge.write_event(Request("GET", "/")), context)
    assert payload["headers"] == {"content-type": [{"key": "content-type", "value": "text/plain"}]}


def test_a_body_that_cloudfront_cut_is_refused(context):
    event = edge.write_event(Request("POST", "/", body=b"the first 40 kB"))
    event["Records"][0]["cf"]["request"]["body"]["inputTruncated"] = True
    assert Adapter(app)(event, context)["status"] == "400"


@pytest.mark.parametrize("config", [{}, {"config": None}])
def test_an_event_that_names_no_distribution_is_answered(config, context):
    event = edge.write_event(Request("GET", "/", host=""))
    cf = event["Records"][0]["cf"]
    event["Records"][0]["cf"] = {"request": cf["request"], **config}
    assert Adapter(app)(event, context)["status"] == "200"
