"""invoke --http: a request as curl would make it, answered by the function itself."""

import base64
import io
import json

import pytest
from botocore.response import StreamingBody
from stages import stage_in

from lambdify.cli.calls import http_request
from lambdify.cli.console import Console
from lambdify.cli.errors import FunctionFailed, RequestFailed, UsageError


@pytest.mark.parametrize(
    ("line", "data", "method", "path"),
    [
        ("/", None, "GET", "/"),
        ("delete /books/7", None, "DELETE", "/books/7"),
        ("/books", b"", "POST", "/books"),
        ("PUT /books", b"x", "PUT", "/books"),
        ("GET /a b?q=c d", None, "GET", "/a b?q=c d"),
    ],
)
def test_a_request_is_a_method_and_a_path_and_the_method_may_be_left_out(line, data, method, path):
    call = http_request.parse_request(line, (), data)
    assert (call.method, call.path, call.body) == (method, path, data or b"")


@pytest.mark.parametrize("line", ["", "GET", "books", "GET books", "https://example.org/"])
def test_anything_else_is_no_request(line):
    with pytest.raises(UsageError, match="is not a request"):
        http_request.parse_request(line)


@pytest.mark.parametrize("header", ["Accept", ": value", "a: b\nc: d"])
def test_a_header_has_a_name_and_a_value(header):
    with pytest.raises(UsageError, match="is not a header"):
        http_request.parse_request("/", [header])


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b'{"a": 1}', "application/json"), (b"a=1", http_request.FORM), (b"7", http_request.FORM)],
)
def test_data_is_json_where_it_reads_so_and_a_form_otherwise(data, kind):
    assert http_request.parse_request("/", (), data).headers == (("content-type", kind),)
    assert http_request.parse_request("/", ["Content-Type: text/csv"], data).headers == (
        ("Content-Type", "text/csv"),
    )


@pytest.fixture
def deployed(stubbed):
    """An account where the stage is deployed, whose function gives the next `payload`."""

    def answers(payload, **more):
        body = json.dumps(payload).encode()
        stubbed.finds_stage({"Endpoint": "https://abc.execute-api.eu-central-1.amazonaws.com"})
        answer = {"Payload": StreamingBody(io.BytesIO(body), len(body)), "ExecutedVersion": "7", **more}
        stubbed.answers("lambda.invoke", answer)
        return stubbed.account

    return answers


def test_the_function_answers_as_it_would_through_the_endpoint(deployed, make_settings, talk):
    account = deployed({"statusCode": 404, "headers": {"content-type": "text/plain"}, "body": "no such book"})
    answer = http_request.send(
        http_request.parse_request("/books/7"), stage_in(account, make_settings()), talk.console
    )
    assert (answer.status_line, answer.body, answer.version) == ("404 Not Found", b"no such book", "7")
    assert answer.headers == (("content-type", "text/plain"),)
    assert talk.said == ""


def test_a_function_that_fails_is_no_answer_and_shows_its_log(deployed, make_settings, talk):
    error = {"errorType": "KeyError", "errorMessage": "'order'"}
    log = base64.b64encode(b"Traceback").decode()
    account = deployed(error, FunctionError="Unhandled", LogResult=log)
    with pytest.raises(FunctionFailed, match="KeyError: 'order'"):
        http_request.send(http_request.parse_request("/"), stage_in(account, make_settings()), talk.console)
    assert "Traceback" in talk.said


def test_a_host_that_the_app_refuses_is_told_with_the_line_that_lets_it_in(deployed, make_settings, talk):
    account = deployed({"statusCode": 400, "body": "Invalid host header"})
    request = http_request.parse_request("/", ["Host: www.shop.example"])
    http_request.send(request, stage_in(account, make_settings()), talk.console)
    assert 'refuses the host www.shop.example. Let it in: allowed_hosts=["www.shop.example"]' in talk.said


def test_the_request_has_the_host_of_the_address_that_answers(deployed, make_settings, talk):
    account = deployed({"statusCode": 400, "body": "Invalid host header"})
    stage = stage_in(account, make_settings())
    request = http_request.parse_request("/")
    http_request.send(request, stage, talk.console, find_address=lambda _: "http://127.0.0.1:36399")
    assert "refuses the host 127.0.0.1." in talk.said


class Pipe(io.TextIOWrapper):
    """stdout in a pipe."""

    @property
    def written(self):
        return self.buffer.getvalue()


class Screen(io.TextIOWrapper):
    """stdout on a terminal."""

    def isatty(self):
        return True

    @property
    def written(self):
        self.flush()
        return self.buffer.getvalue()


def answer(status=200, body=b"hello", kind="text/plain"):
    return http_request.HttpResponse(
        status=status, headers=(("content-type", kind),), body=body, version="7", milliseconds=12
    )


def show(shown, stdout, **flags):
    story = io.StringIO()
    http_request.show(shown, Console(stdout=stdout, stderr=story, environ={}, **flags))
    return story.getvalue()


def test_the_body_goes_to_stdout_byte_for_byte_and_the_rest_is_the_story():
    pipe = Pipe(io.BytesIO())
    story = show(answer(body=b"\x00\xff", kind="image/png"), pipe)
    assert pipe.written == b"\x00\xff"
    assert story == "  200 OK  (12 ms, version 7)\n  content-type: image/png\n"


def test_a_terminal_is_shown_text_on_lines_of_its_own():
    screen = Screen(io.BytesIO(), encoding="utf-8")
    show(answer(body="zoë".encode()), screen)
    assert screen.written == "zoë\n".encode()


def test_a_terminal_is_not_shown_what_is_no_text():
    screen = Screen(io.BytesIO())
    story = show(answer(body=b"\x89PNG\xff", kind="image/png"), screen)
    assert screen.written == b""
    assert "5 bytes of image/png" in story


def test_as_json_it_is_one_object_with_a_body_that_can_be_read_back():
    out = io.StringIO()
    show(answer(body=b"\x00\xff"), out, json=True)
    shown = json.loads(out.getvalue())
    assert shown["body_is_base64"]
    assert base64.b64decode(shown["body"]) == b"\x00\xff"
    assert (shown["status"], shown["headers"], shown["milliseconds"]) == (
        200,
        [["content-type", "text/plain"]],
        12,
    )


def test_an_error_status_fails_the_command_only_where_it_is_asked_for():
    out = io.StringIO()
    console = Console(stdout=out, stderr=io.StringIO(), environ={})
    http_request.show(answer(status=500), console)
    with pytest.raises(RequestFailed, match="500 Internal Server Error") as caught:
        http_request.show(answer(status=500), console, fail=True)
    assert caught.value.exit_code == 48
    assert out.getvalue() == "hello\nhello\n"
