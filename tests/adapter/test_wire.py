"""Percent-encoding, mounts, headers of requests and of responses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdify.adapter import front_end, messages, wire
from lambdify.adapter.errors import PayloadRefused, ResponseRefused
from lambdify.adapter.messages import Request, Response


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_is_ascii_and_comes_back(text):
    assert wire.quote(text).isascii()
    assert wire.unquote(wire.quote(text)).decode() == text


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("%2F%25", b"/%"),
        ("%ff", b"\xff"),
        ("100%", b"100%"),
        ("%zz%4", b"%zz%4"),
        ("% 1%+1", b"% 1%+1"),
        ("a+b", b"a+b"),
    ],
)
def test_escapes_are_decoded_once_and_broken_ones_stay(encoded, decoded):
    assert wire.unquote(encoded) == decoded


@pytest.mark.parametrize(
    ("path", "mount", "split"),
    [
        ("/dev/x", "/dev", ("/dev", "/x")),
        ("/dev/", "/dev", ("/dev", "/")),
        ("/dev", "/dev", ("/dev", "")),
        ("/developer", "/dev", ("", "/developer")),
        ("/x/dev", "/dev", ("", "/x/dev")),
        ("/x", "", ("", "/x")),
    ],
)
def test_a_mount_ends_at_a_segment_boundary(path, mount, split):
    assert wire.split_mount(path, mount) == split


@pytest.mark.parametrize(
    ("host", "scheme", "forwarded_port", "expected"),
    [
        ("example.com", "https", "443", ("example.com", 443)),
        ("example.com", "http", "80", ("example.com", 80)),
        ("example.com:8000", "http", "80", ("example.com", 8000)),
        ("example.com", "https", "8443", ("example.com", 8443)),
        ("[::1]:8000", "http", "8000", ("::1", 8000)),
        ("[::1]", "https", "", ("::1", 443)),
        ("example.com", "http", "nonsense", ("example.com", 80)),
    ],
)
def test_host_and_port_are_the_ones_the_client_used(host, scheme, forwarded_port, expected):
    headers = {"Host": host, "X-Forwarded-Proto": scheme, "X-Forwarded-Port": forwarded_port}
    request = wire.build_request({"headers": headers}, method="GET", path="/", query="")
    assert (request.host, request.port) == expected
    assert request.scheme == scheme


@pytest.mark.parametrize(
    ("value", "read"),
    [("caf\xe9", "caf\xe9"), ("caf\u2019", "caf\xe2\x80\x99"), ("plain", "plain")],
)
def test_header_values_hold_bytes_as_latin_1(value, read):
    assert front_end.read_headers({"headers": {"X": value}}) == [("x", read)]


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9:80, 203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8:0:0:0:0:0:7", "2001:db8:0:0:0:0:0:7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("", ""),
    ],
)
def test_the_client_of_a_load_balancer_is_the_address_of_the_last_hop(hops, client):
    fields = {"headers": {"x-forwarded-for": hops}}
    assert wire.build_request(fields, "GET", "/", "").client == client


def test_a_wrong_content_length_is_put_right():
    event = {"headers": {"Content-Length": "99", "Accept": "*/*"}, "body": "four"}
    request = wire.build_request(event, method="POST", path="/", query="")
    assert request.headers == (("accept", "*/*"), ("content-length", "4"))


@pytest.mark.parametrize("said", [{}, {"content-length": "9"}])
def test_a_body_that_was_sent_in_chunks_is_whole(said):
    # Werkzeug reads nothing where it finds both a length and chunks that nobody decodes.
    fields = {"headers": {"transfer-encoding": "chunked", "x-a": "1", **said}, "body": "abc"}
    request = wire.build_request(fields, "POST", "/", "")
    assert (request.headers, request.body) == ((("x-a", "1"), ("content-length", "3")), b"abc")


def test_an_unescaped_path_is_made_ascii():
    request = wire.build_request({}, method="GET", path="/é%20", query="ü=1")
    assert (request.path, request.query) == ("/%C3%A9%20", "%C3%BC=1")


def test_forwarding_names_the_port_only_where_it_is_unusual():
    usual = Request("GET", "/", host="example.com", scheme="http", port=80)
    assert dict(front_end.forward(usual))["host"] == "example.com"
    assert dict(front_end.forward(usual._replace(port=8000)))["host"] == "example.com:8000"


def respond(
    *headers: tuple[str, str], method: str = "GET", status: int = 200, body: bytes = b"four"
) -> Response:
    return wire.build_response(method, status, headers, body)


def test_names_of_a_response_are_lower_case_and_values_untouched():
    given_headers = [
        ("Content-Type", "text/html"),
        ("SET-COOKIE", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Note", " caf\xe9\t"),
    ]
    assert respond(*given_headers).headers == (
        ("content-type", "text/html"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-note", " caf\xe9\t"),
    )


@pytest.mark.parametrize("character", "\r\n\0")
def test_line_ends_and_nul_in_a_header_are_refused(character):
    with pytest.raises(ResponseRefused, match="x-note holds CR, LF or NUL"):
        respond(("X-Note", f"a{character}Set-Cookie: stolen=1"))
    with pytest.raises(ResponseRefused, match="not the name of a header"):
        respond((f"X-Note{character}", "a"))


@pytest.mark.parametrize("name", ["", "a b", "a:", "é"])
def test_a_bad_header_name_is_refused(name):
    with pytest.raises(ResponseRefused, match="not the name of a header"):
        respond((name, "a"))


def test_a_value_that_is_not_latin_1_is_refused():
    with pytest.raises(ResponseRefused, match="latin-1"):
        respond(("x-note", "\u2019"))


def test_unusual_names_are_fine():
    assert respond(("X_Note.1", "a")).headers == (("x_note.1", "a"),)


@pytest.mark.parametrize("name", ["Connection", "Transfer-Encoding", "Keep-Alive"])
def test_what_concerns_one_connection_is_left_out(name):
    assert respond((name, "x")).headers == ()


@pytest.mark.parametrize(
    ("method", "status", "length", "kept"),
    [
        ("GET", 200, "4", True),
        ("GET", 200, "5", False),
        ("HEAD", 200, "1234", True),
        ("GET", 304, "1234", True),
        ("GET", 204, "0", False),
        ("GET", 204, "4", False),
        ("HEAD", 200, "-1", False),
        ("HEAD", 200, "", False),
        ("GET", 304, "4, 4", False),
    ],
)
def test_content_length_is_right_or_absent(method, status, length, kept):
    headers = respond(("Content-Length", length), method=method, status=status).headers
    assert headers == ((("content-length", length),) if kept else ())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_content_length_that_is_said_twice_leaves_once(method):
    said = [("Content-Length", "4"), ("X-A", "1"), ("content-length", "4"), ("X-A", "2")]
    headers = respond(*said, method=method).headers
    assert sorted(headers) == [("content-length", "4"), ("x-a", "1"), ("x-a", "2")]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
def test_some_answers_have_no_body(method, status):
    assert respond(method=method, status=status).body == b""


@pytest.mark.parametrize("status", [100, 101, 199, 600, 999])
def test_a_status_that_ends_nothing_is_refused(status):
    with pytest.raises(ResponseRefused, match=str(status)):
        respond(status=status)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "text",
        {},
        {"statusCode": "many"},
        {"statusCode": float("inf")},
        {"statusCode": 200, "headers": {"a": 1}},
        {"statusCode": 200, "body": 5},
    ],
)
def test_a_payload_that_is_no_response_is_refused(payload):
    with pytest.raises(PayloadRefused):
        front_end.read_response(payload)


def test_what_follows_from_a_row_of_names_is_worked_out_once():
    assert messages.find_names(("X-A", "X-B")) is messages.find_names(("X-A", "X-B"))


def test_names_that_a_client_makes_up_take_no_more_than_the_room_there_is():
    known: dict[str, str] = {}
    for number in range(1_000):
        assert messages.remember(known, f"X-{number}", f"x-{number}", 10) == f"x-{number}"
        assert 0 < len(known) <= 10
    assert known["X-999"] == "x-999"


def test_names_of_unusual_length_are_not_kept():
    known: dict[str, str] = {}
    assert messages.remember(known, "X" * 10_000, "x" * 10_000) == "x" * 10_000
    assert known == {}


def test_a_name_that_is_not_kept_is_read_as_any_other():
    name = "X-" + "a" * 3_000
    assert respond((name, "1"), (name, "2")).headers == ((name.lower(), "1"), (name.lower(), "2"))


def test_a_repeated_header_leaves_the_others_as_they_are():
    given = [("Set-Cookie", "a=1"), ("Connection", "close"), ("Content-Length", "5"), ("Set-Cookie", "b=2")]
    assert respond(*given).headers == (("set-cookie", "a=1"), ("set-cookie", "b=2"))
    assert respond(*given, ("Content-Length", "4")).fields == {"set-cookie": "b=2", "content-length": "4"}


def test_headers_may_be_any_iterable():
    assert wire.build_response("GET", 200, iter([("A", "1")]), b"").headers == (("a", "1"),)


@pytest.mark.parametrize("spelled", ["Cookie", "cookie"])
def test_a_row_of_names_is_read_in_any_case(spelled):
    event = {"headers": {spelled: "a=1", "X-Forwarded-Port": "8000", "HOST": "example.com"}}
    request = wire.build_request(event, "GET", "/", "", cookies=["b=2"])
    assert sorted(request.headers) == [
        ("cookie", "b=2"),
        ("host", "example.com"),
        ("x-forwarded-port", "8000"),
    ]
    assert (request.host, request.port) == ("example.com", 8000)
