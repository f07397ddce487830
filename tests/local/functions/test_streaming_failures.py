"""A function that streams, where it fails: before the first piece, or in the middle."""

import json

import pytest
from local.running import REQUEST_ID
from local.streaming import BREAKING, GET, WSGI

from lambdify.adapter.event_sources import http_api
from lambdify.cli.local.response_stream import StreamBroken


def test_an_exception_before_the_first_piece_is_a_plain_500(stream):
    function = stream(WSGI + "def fails():\n    raise LookupError('a secret')\n    yield b''\n")
    prelude, pieces, under_way = function.get("/fails")
    assert prelude["statusCode"] == 500
    assert list(pieces) == [b"Internal Server Error"]
    assert not under_way.result(60).failed
    assert "GET /fails failed" in function.log
    assert "LookupError: a secret" in function.log
    assert "Traceback" in function.log


@pytest.mark.parametrize(("method", "shown"), [("GET", True), ("HEAD", False)])
def test_where_errors_are_shown_the_500_holds_the_traceback(stream, method, shown):
    source = WSGI + "def fails():\n    raise LookupError('a secret')\n    yield b''\n"
    function = stream(source, bundle={"show_errors": True})
    prelude, pieces, under_way = function.get("/fails", method)
    body = b"".join(pieces).decode()
    assert prelude["statusCode"] == 500
    assert ("in fails" in body, "LookupError: a secret" in body) == (shown, shown)
    assert bool(body) is shown
    assert not under_way.result(60).failed


def test_where_errors_are_shown_a_response_that_has_begun_breaks_off_all_the_same(stream):
    function = stream(BREAKING["wsgi"], bundle={"show_errors": True})
    _, pieces, under_way = function.get("/breaks")
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)
    assert under_way.result(60).failed


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_an_exception_after_the_first_piece_breaks_the_response_off(stream, interface):
    function = stream(BREAKING[interface])
    _, pieces, under_way = function.get("/breaks")
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)
    outcome = under_way.result(60)
    error = json.loads(outcome.payload)
    assert (outcome.failed, outcome.usable) == (True, True)
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "the other half")
    assert "in breaks" in "".join(error["stackTrace"])
    assert "GET /breaks failed while it was answered" in function.log
    assert "LookupError: the other half" in function.log
    assert function.get("/breaks")[0]["statusCode"] == 200  # and the process goes on


def test_the_log_may_be_json(stream):
    function = stream(BREAKING["wsgi"], log_format="JSON")
    _, pieces, under_way = function.get("/breaks")
    with pytest.raises(StreamBroken):
        list(pieces)
    under_way.result(60)
    (record,) = [json.loads(line) for line in function.running.log if '"ERROR"' in line]
    assert record["requestId"] == REQUEST_ID
    assert record["errorType"] == "LookupError"
    assert record["message"].startswith("GET /breaks failed while it was answered")
    assert any("in breaks" in line or "breaks" in line for line in record["stackTrace"])


@pytest.mark.parametrize(("length", "what"), [(3, "2 bytes longer"), (9, "4 bytes shorter")])
def test_a_promised_length_that_is_wrong_breaks_the_response_off(stream, length, what):
    function = stream(
        "def app(environ, start_response):\n"
        f"    start_response('200 OK', [('Content-Length', '{length}')])\n"
        "    return [b'h', b'ello']\n"
    )
    _, pieces, under_way = function.get("/")
    with pytest.raises(StreamBroken):
        list(pieces)
    assert under_way.result(60).failed
    assert f"the body is {what} than its content-length" in function.log


def test_an_exit_in_the_middle_breaks_the_response_off(stream):
    # It leaves when the half has come: of a client that has gone already, nobody can tell who it was.
    function = stream(WSGI + "def leaves():\n    yield b'half'\n    wait_for('read')\n    sys.exit(3)\n")
    _, pieces, under_way = function.get("/leaves")
    assert next(pieces) == b"half"
    function.tell("read")
    with pytest.raises(StreamBroken):
        next(pieces)
    outcome = under_way.result(60)
    assert (outcome.error_type, outcome.usable) == ("Runtime.ExitError", False)
    assert "exit status 3" in function.log


@pytest.mark.slow
def test_a_timeout_in_the_middle_breaks_the_response_off(stream):
    function = stream(WSGI + "def sleeps():\n    yield b'half'\n    time.sleep(60)\n", timeout=1)
    _, pieces, under_way = function.get("/sleeps")
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)
    assert under_way.result(60).error_type == "Sandbox.Timedout"


def test_a_header_that_no_client_may_get_is_a_plain_500(stream):
    function = stream(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('X-Split', 'a\\r\\nb: c')])\n"
        "    return [b'hello']\n"
    )
    prelude, pieces, _ = function.get("/")
    assert prelude["statusCode"] == 500
    assert list(pieces) == [b"Internal Server Error"]
    assert "holds CR, LF or NUL" in function.log


def test_an_event_that_cannot_be_read_is_answered_400(stream):
    function = stream(WSGI)
    event = http_api.write_event(GET, function_url=True)
    broken, _ = function.start({**event, "body": "%%%", "isBase64Encoded": True})
    assert json.loads(broken.read_prelude(5))["statusCode"] == 400
    assert list(broken) == [b"Bad Request"]


def test_a_client_that_goes_does_not_end_the_function(stream):
    function = stream(
        WSGI
        + "def long():\n"
        + "    yield b'first'\n"
        + "    wait_for('gone')\n"
        + "    for _ in range(100):\n"
        + "        yield bytes(2**16)\n"
        + "    note('end')\n"
    )
    _, pieces, under_way = function.get("/long")
    assert next(pieces) == b"first"
    pieces.close()
    function.tell("gone")
    assert not under_way.result(60).failed
    function.wait_for("end")
