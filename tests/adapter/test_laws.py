"""Each event source reads what it writes: requests one way, responses the other.

Each source loses something before Lambda sees it (an HTTP API decodes paths, a single-value map keeps one
header of a name). The laws hold for what can get through; what is lost is written down in its own test.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdify.adapter import front_end, wire
from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice
from lambdify.adapter.messages import Headers, Request, Response

SEGMENTS = st.lists(
    st.text(st.characters(exclude_characters="/?%", exclude_categories=["Cs"]), max_size=8), max_size=4
)
FIELDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(
    lambda text: wire.quote(text, wire.UNRESERVED)
)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f,"), max_size=12
)
NAMES = st.from_regex(r"x-[a-z]{1,6}", fullmatch=True)
COOKIES = st.lists(st.from_regex(r"[a-z]{1,4}=[a-zA-Z0-9]{0,6}", fullmatch=True), min_size=1, max_size=4).map(
    "; ".join
)
ADDRESSES = st.ip_addresses().map(str)


def paths(mounts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(mounts, SEGMENTS.map(lambda parts: "/" + wire.quote("/".join(parts))))


@st.composite
def requests(draw: st.DrawFn, *, mounts: st.SearchStrategy[str], single: bool = False) -> Request:
    mount, path = draw(paths(mounts))
    keys = draw(st.lists(FIELDS, max_size=4, unique=True))
    query = "&".join(
        f"{key}={value}"
        for key in keys
        for value in draw(st.lists(FIELDS, min_size=1, max_size=1 if single else 3))
    )
    body = draw(st.binary(max_size=40))
    headers = [
        (name, value)
        for name in draw(st.lists(NAMES, max_size=4, unique=True))
        for value in draw(st.lists(VALUES, min_size=1, max_size=1 if single else 3))
    ]
    request = Request(
        method=draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])),
        path=path,
        query=query,
        headers=tuple(headers),
        body=body,
        mount=mount,
        scheme=draw(st.sampled_from(["http", "https"])),
        host=draw(st.sampled_from(["example.com", "a1b2c3.execute-api.eu-central-1.amazonaws.com"])),
        port=draw(st.sampled_from([80, 443, 8080])),
        client=draw(ADDRESSES),
    )
    length = (("content-length", str(len(body))),) if body else ()
    cookie = tuple(("cookie", value) for value in draw(st.lists(COOKIES, max_size=1)))
    return request._replace(headers=(*front_end.forward(request), *length, *cookie))


@st.composite
def responses(draw: st.DrawFn, *, joined: bool = False) -> Response:
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    headers = [
        (name, value)
        for name in names
        for value in draw(st.lists(VALUES, min_size=1, max_size=1 if joined else 3))
    ]
    kind = draw(st.sampled_from(["text/html", "image/png", "application/x-unheard-of"]))
    cookies = draw(st.lists(st.from_regex(r"[a-z]=[a-z0-9]{1,4}; Path=/", fullmatch=True), max_size=6))
    pairs = [*headers, ("content-type", kind), *(("set-cookie", cookie) for cookie in cookies)]
    return Response(
        draw(st.integers(200, 599)), tuple(pairs), draw(st.binary(max_size=40) | st.text().map(str.encode))
    )


def by_name(message: Any) -> Any:
    """The message with its headers ordered by name: the order across names is nobody's promise."""
    headers: Headers = tuple(sorted(message.headers, key=lambda pair: pair[0]))
    return message._replace(headers=headers)


STAGES = st.sampled_from(["", "/prod"])


@pytest.mark.slow
@given(requests(mounts=STAGES))
def test_rest_api_reads_the_request_it_wrote(request: Request):
    assert by_name(rest.read_event(rest.write_event(request))) == by_name(request)


@pytest.mark.slow
@given(requests(mounts=STAGES, single=True))
def test_http_api_reads_the_request_it_wrote(request: Request):
    assert by_name(http_api.read_event(http_api.write_event(request))) == by_name(request)


@pytest.mark.slow
@given(requests(mounts=st.just(""), single=True))
def test_function_url_reads_the_request_it_wrote(request: Request):
    assert by_name(http_api.read_event(http_api.write_event(request, function_url=True))) == by_name(request)


@pytest.mark.slow
@given(requests(mounts=st.just("")))
def test_load_balancer_reads_the_request_it_wrote(request: Request):
    assert by_name(alb.read_event(alb.write_event(request))) == by_name(request)


@given(requests(mounts=st.just(""), single=True))
def test_load_balancer_with_single_values_reads_the_request_it_wrote(request: Request):
    assert by_name(alb.read_event(alb.write_event(request, multi_value=False))) == by_name(request)


@given(requests(mounts=st.just("")))
def test_vpc_lattice_reads_the_request_it_wrote(request: Request):
    assert by_name(vpc_lattice.read_event(vpc_lattice.write_event(request))) == by_name(request)


@given(requests(mounts=st.just(""), single=True))
def test_vpc_lattice_in_version_1_reads_the_request_it_wrote(request: Request):
    assert by_name(vpc_lattice.read_event(vpc_lattice.write_event(request, version=1))) == by_name(request)


@given(requests(mounts=st.just("")))
def test_lambda_at_edge_reads_the_request_it_wrote(request: Request):
    assert by_name(edge.read_event(edge.write_event(request))) == by_name(request)


@given(responses())
def test_multi_value_payloads_are_read_as_they_were_written(response: Response):
    at_edge = edge.write_event(Request("GET", "/"))
    for source, event in ((rest, {}), (alb, {"multiValueHeaders": {}}), (edge, at_edge)):
        assert by_name(source.read_payload(source.write_payload(response, event))) == by_name(response)


@given(responses(joined=True))
def test_single_value_payloads_are_read_as_they_were_written(response: Response):
    for source, event in ((http_api, {}), (alb, {"headers": {}}), (vpc_lattice, {})):
        assert by_name(source.read_payload(source.write_payload(response, event))) == by_name(response)


@given(requests(mounts=STAGES))
@settings(max_examples=20)
def test_forwarding_twice_is_forwarding_once(request: Request):
    once = request._replace(headers=tuple(front_end.forward(request)))
    assert once._replace(headers=tuple(front_end.forward(once))) == once


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("/slash%2Fvalue", "/slash/value"),
        ("/question%3Fvalue", "/question"),
        ("/literal%252Fvalue", "/literal/value"),
        ("/literal%253Fvalue", "/literal%3Fvalue"),
        ("/literal%2525value", "/literal%25value"),
        ("/hash%23value", "/hash%23value"),
    ],
)
def test_an_http_api_decodes_paths_twice_and_cuts_them_at_a_question_mark(sent: str, received: str):
    """As captured: https://github.com/hotsock/voker/blob/main/vokerhttp/testdata/ingress-paths.json"""
    assert http_api.read_event(http_api.write_event(Request("GET", sent))).path == received


@pytest.mark.parametrize(
    "path", ["/a%2Fb", "/100%25", "/q%3F", "/%FF", "//double//", "/a/../b", "/plus+", "/%ce%bb"]
)
def test_every_other_source_leaves_the_path_as_the_client_wrote_it(path: str):
    request = Request("GET", path)
    assert rest.read_event(rest.write_event(request)).path == path
    assert http_api.read_event(http_api.write_event(request, function_url=True)).path == path
    assert alb.read_event(alb.write_event(request)).path == path
    assert vpc_lattice.read_event(vpc_lattice.write_event(request)).path == path
    assert edge.read_event(edge.write_event(request)).path == path


@pytest.mark.parametrize("query", ["a", "a=1&&b=2", ";=;&a=b;c", "a=%FF&b=%", "a=b=c"])
def test_format_2_and_vpc_lattice_and_cloudfront_leave_the_query_as_the_client_wrote_it(query: str):
    request = Request("GET", "/", query)
    assert http_api.read_event(http_api.write_event(request)).query == query
    assert edge.read_event(edge.write_event(request)).query == query
    for version in (1, 2):
        assert vpc_lattice.read_event(vpc_lattice.write_event(request, version=version)).query == query


def test_a_rest_api_keeps_the_order_of_values_but_not_of_keys():
    event = rest.write_event(Request("GET", "/", "b=1&a=2&b=3&c"))
    assert rest.read_event(event).query == "b=1&b=3&a=2&c="


def test_the_client_that_a_load_balancer_saw_stands_behind_what_the_client_claimed():
    claimed = Request("GET", "/", headers=(("x-forwarded-for", "198.51.100.99"),), client="203.0.113.7")
    request = alb.read_event(alb.write_event(claimed))
    assert dict(request.headers)["x-forwarded-for"] == "198.51.100.99, 203.0.113.7"
    assert request.client == "203.0.113.7"


@pytest.mark.parametrize(
    ("returned", "body"), [({"a": 1}, b'{"a": 1}'), ("text", b"text"), ([1], b"[1]"), (None, b"null")]
)
def test_format_2_takes_what_has_no_status_for_a_body_of_json(returned: Any, body: bytes):
    assert http_api.read_payload(returned) == Response(200, (("content-type", "application/json"),), body)
