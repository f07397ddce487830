"""Events as emulators and unit tests write them: shorter than AWS's, and read where nothing is guessed."""

from base64 import b64encode, encodebytes
from typing import Any

import pytest

from lambdify.adapter import Adapter, event_sources
from lambdify.adapter.errors import ResponseRefused
from lambdify.adapter.event_sources import alb
from lambdify.adapter.messages import Request, Response

V2: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "POST /a",
    "rawPath": "/a",
    "rawQueryString": "",
    "headers": {"User-Agent": "x", "Host": "localhost:8443"},
    "queryStringParameters": {},
    "requestContext": {"http": {"method": "POST", "path": "/a"}},
    "body": "",
}
REST: dict[str, Any] = {"httpMethod": "POST", "path": "/a", "headers": {"Host": "localhost:8443"}, "body": ""}


def read(event: dict[str, Any]) -> Request:
    source = event_sources.find(event)
    assert source
    return source.read_event(event)


def context(**changes: Any) -> dict[str, Any]:
    return V2 | {"requestContext": {"http": {"method": "POST"} | changes.pop("http", {})} | changes}


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(V2, id="neither domain nor address"),
        pytest.param(context(http={"sourceIp": None}, domainName=None), id="both null"),
        pytest.param(context(domainName=""), id="an empty domain"),
        pytest.param(context(domainName="api.example"), id="no address"),
        pytest.param(REST, id="REST without a context"),
        pytest.param(REST | {"requestContext": None}, id="REST with null"),
        pytest.param(REST | {"requestContext": {}}, id="REST with an empty context"),
        pytest.param(REST | {"requestContext": {"identity": None}}, id="REST with a null identity"),
        pytest.param(REST | {"requestContext": {"identity": {}}}, id="REST with an empty identity"),
        pytest.param(REST | {"requestContext": {"identity": {"sourceIp": None}}}, id="REST with no address"),
        pytest.param(REST | {"version": "1.0"}, id="format 1.0 without a context"),
    ],
)
def test_what_an_emulator_leaves_out_is_not_missed(event):
    request = read(event)
    assert (request.method, request.mount + request.path) == ("POST", "/a")
    assert (request.host, request.port, request.client) == ("localhost", 8443, "")


def test_an_address_that_a_client_made_up_is_not_taken_for_one_that_is_missing():
    forged = V2 | {"headers": {"x-forwarded-for": "203.0.113.7"}}
    assert read(forged).client == ""
    assert read(REST | {"headers": {"x-forwarded-for": "203.0.113.7"}}).client == ""


BODY = bytes(range(256)) + b"!"
ENCODED = b64encode(BODY).decode()


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        encodebytes(BODY).decode(),
        encodebytes(BODY).decode().replace("\n", "\r\n"),
        f"  {ENCODED}\n",
        ENCODED.rstrip("="),
        encodebytes(BODY).decode().replace("=", ""),
        ENCODED[:100] + " " + ENCODED[100:],
        ENCODED[:100] + "\t" + ENCODED[100:],
    ],
    ids=["strict", "lines", "CR LF", "around it", "no padding", "lines, no padding", "a blank", "a tab"],
)
@pytest.mark.parametrize("times", [1, 1000])
def test_base64_is_read_as_emulators_write_it(text, times):
    if times > 1:  # where pybase64 does it
        text = encodebytes(BODY * times).decode()
    assert read(V2 | {"body": text, "isBase64Encoded": True}).body == BODY * times


@pytest.mark.parametrize(
    "text",
    ["user=ada", '{"a": 1}', "hello world", "a b c", "a", "abcde", "YQ===", "YQ==YQ==", "=", "na\u00efve1"],
)
def test_a_false_flag_is_a_bad_request_and_the_log_names_it(text, context, caplog):
    answer = Adapter(lambda environ, start_response: [])(
        V2 | {"body": text, "isBase64Encoded": True}, context
    )
    assert answer["statusCode"] == 400
    assert "isBase64Encoded" in caplog.text
    assert text not in caplog.text or len(text) < 3


def test_what_is_no_name_of_a_header_is_left_out():
    request = read(V2 | {"headers": {"x-a": "1", "x-\u212aey": "2", "": "3", "x-b": "4"}})
    assert request.headers == (("x-a", "1"), ("x-b", "4"))


def test_an_event_that_says_what_it_is_and_has_no_path_is_a_bad_request():
    event = {name: value for name, value in V2.items() if name != "rawPath"}
    assert Adapter(lambda environ, start_response: [])(event, None)["statusCode"] == 400


def test_a_load_balancer_gets_as_many_cookies_as_it_can_tell_apart():
    event = alb.write_event(Request("GET", "/"), multi_value=False)
    cookies = tuple(("set-cookie", f"c{number}=1") for number in range(513))
    assert len(alb.write_payload(Response(200, cookies[:512]), event)["headers"]) == 512
    with pytest.raises(ResponseRefused, match="513 cookies"):
        alb.write_payload(Response(200, cookies), event)
