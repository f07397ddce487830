"""PEP 3333, rule by rule. Wherever the app obeys it, it is wrapped in the standard library's validator."""

import io
import sys
from collections.abc import Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from lambdify.adapter import wsgi
from lambdify.adapter.errors import ProtocolBroken, ResponseRefused
from lambdify.adapter.messages import Request, Response

OK = ("200 OK", [("Content-Type", "text/plain")])


GET = Request("GET", "/")


def call(app: Any, request: Request = GET) -> Response:
    return wsgi.Server(app).run(request, {}, None)


def see_environ(request: Request) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def app(environ, start_response):
        seen.update(environ)
        start_response(*OK)
        return [b""]

    call(validator(app), request)
    return seen


class Body:
    """An iterable that counts how often it is closed, and raises after its chunks if it is told to."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def test_an_app_answers():
    def app(environ, start_response):
        start_response(
            "201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        )
        return [b"one ", b"", b"two"]

    assert call(validator(app)) == Response(
        201, (("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2")), b"one two"
    )


def test_environ_describes_the_request():
    request = Request(
        method="POST",
        path="/caf%C3%A9%2Fnoir",
        query="a=1&a=2",
        headers=(
            ("content-type", 'multipart/form-data; boundary="a,b"'),
            ("content-length", "4"),
            ("x-twice", "first"),
            ("x-twice", "second"),
            ("cookie", "s=1; t=2"),
        ),
        body=b"body",
        mount="/prod",
        scheme="http",
        host="example.com",
        port=8000,
        client="203.0.113.7",
    )
    environ = see_environ(request)
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/prod",
        "PATH_INFO": "/caf\xc3\xa9/noir",
        "REQUEST_URI": "/prod/caf%C3%A9%2Fnoir?a=1&a=2",
        "QUERY_STRING": "a=1&a=2",
        "CONTENT_TYPE": 'multipart/form-data; boundary="a,b"',
        "CONTENT_LENGTH": "4",
        "HTTP_X_TWICE": "first,second",
        "HTTP_COOKIE": "s=1; t=2",
        "SERVER_NAME": "example.com",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "wsgi.url_scheme": "http",
        "wsgi.run_once": False,
    }
    assert {key: environ[key] for key in expected} == expected
    assert "HTTP_CONTENT_TYPE" not in environ


def test_without_a_body_there_is_no_content_length():
    environ = see_environ(GET)
    assert "CONTENT_LENGTH" not in environ
    assert "CONTENT_TYPE" not in environ


def test_a_header_with_an_underscore_cannot_pass_for_another():
    environ = see_environ(
        Request("GET", "/", headers=(("x-forwarded-for", "203.0.113.7"), ("x_forwarded_for", "::1")))
    )
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.7"


def test_the_body_is_read_in_every_way_of_a_file():
    def app(environ, start_response):
        body = environ["wsgi.input"]
        read = [body.read(2), body.readline(), *body.readlines(1), *body, body.read(1)]
        start_response(*OK)
        return [repr(read).encode()]

    request = Request("POST", "/", body=b"ab\ncd\nef\ngh")
    assert call(validator(app), request).body == b"[b'ab', b'\\n', b'cd\\n', b'ef\\n', b'gh', b'']"


def test_event_and_context_are_in_environ(context):
    event = {"rawPath": "/"}
    environ = wsgi.build_environ(GET, event, context)
    assert environ["aws.event"] == event
    assert environ["aws.context"] is context


def test_errors_go_to_the_log_of_the_function(capsys):
    def app(environ, start_response):
        environ["wsgi.errors"].write("something odd\n")
        start_response(*OK)
        return [b""]

    call(validator(app))
    assert capsys.readouterr().err == "something odd\n"


def test_write_comes_before_the_iterable():
    def app(environ, start_response):
        write = start_response(*OK)
        write(b"one ")
        return [b"two"]

    assert call(validator(app)).body == b"one two"


def test_start_response_may_be_called_when_the_iterable_starts():
    def app(environ, start_response):
        start_response(*OK)
        yield b"late"

    assert call(validator(app)).body == b"late"


def test_exc_info_replaces_headers_before_the_body():
    def app(environ, start_response):
        start_response(*OK)
        try:
            int("wrong")
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain"), ("X-Error", "1")], sys.exc_info())
        return [b"sorry"]

    assert call(validator(app)) == Response(500, (("content-type", "text/plain"), ("x-error", "1")), b"sorry")


def test_exc_info_raises_again_after_the_body_began():
    def app(environ, start_response):
        start_response(*OK)
        yield b"half"
        try:
            int("wrong")
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())

    with pytest.raises(ValueError, match="invalid literal"):
        call(validator(app))


def test_a_second_start_response_is_refused():
    def app(environ, start_response):
        start_response(*OK)
        start_response(*OK)
        return [b""]

    with pytest.raises(ProtocolBroken, match="twice"):
        call(app)


def test_a_body_before_start_response_is_refused():
    with pytest.raises(ProtocolBroken, match="before it called start_response"):
        call(lambda environ, start_response: [b"early"])


def test_an_app_without_start_response_is_refused():
    with pytest.raises(ProtocolBroken, match="did not call start_response"):
        call(lambda environ, start_response: [])


def test_the_iterable_is_closed_once():
    body = Body(b"one")

    def app(environ, start_response):
        start_response(*OK)
        return body

    assert call(app).body == b"one"
    assert body.closed == 1


def test_the_iterable_is_closed_once_when_it_raises_half_way():
    body = Body(b"one", error=ValueError("half-way"))

    def app(environ, start_response):
        start_response(*OK)
        return body

    with pytest.raises(ValueError, match="half-way"):
        call(app)
    assert body.closed == 1


def test_file_wrapper_sends_a_file_and_closes_it():
    file = io.BytesIO(b"x" * 100_000)

    def app(environ, start_response):
        start_response(*OK)
        return environ["wsgi.file_wrapper"](file)

    assert call(validator(app)).body == b"x" * 100_000
    assert file.closed


def test_file_wrapper_takes_a_block_size_and_a_file_that_cannot_be_closed():
    sizes: list[int] = []

    class Readable:
        def read(self, size: int) -> bytes:
            sizes.append(size)
            return b"" if len(sizes) > 2 else b"block"

    def app(environ, start_response):
        start_response(*OK)
        return environ["wsgi.file_wrapper"](Readable(), 10)

    assert call(app).body == b"blockblock"
    assert sizes == [10, 10, 10]


def test_environ_is_a_dict_of_native_strings():
    environ = see_environ(Request("GET", "/%FF", headers=(("x-latin", "\xe9"),), mount="/m%C3%A9"))
    assert type(environ) is dict
    assert environ["PATH_INFO"] == "/\xff"
    assert environ["SCRIPT_NAME"] == "/m\xc3\xa9"
    assert environ["HTTP_X_LATIN"] == "\xe9"
    assert all(type(value) is str for key, value in environ.items() if key.isupper())


def test_a_thousand_equal_headers_are_joined_once():
    headers = tuple(("x-twice", str(number)) for number in range(1000))
    assert see_environ(Request("GET", "/", headers=headers))["HTTP_X_TWICE"] == ",".join(
        map(str, range(1000))
    )


def test_a_generator_that_raises_half_way_runs_its_finally():
    ended = []

    def app(environ, start_response):
        start_response(*OK)
        try:
            yield b"half"
            raise LookupError("half-way")
        finally:
            ended.append("once")

    with pytest.raises(LookupError, match="half-way"):
        call(app)
    assert ended == ["once"]


@pytest.mark.parametrize(
    ("status", "chunks", "error"),
    [
        ("not a number", (b"one",), ValueError),
        ("200 OK", ("text",), TypeError),
        ("99 Too Small", (b"one",), ResponseRefused),
    ],
)
def test_the_iterable_is_closed_once_whatever_is_wrong_with_the_response(status, chunks, error):
    body = Body(*chunks)

    def app(environ, start_response):
        start_response(status, [])
        return body

    with pytest.raises(error):
        call(app)
    assert body.closed == 1


def test_exc_info_may_come_with_the_first_call():
    def app(environ, start_response):
        try:
            int("wrong")
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    assert call(validator(app)).status == 500


def test_the_list_of_headers_stays_the_apps_own():
    headers = [("Content-Type", "text/plain"), ("Connection", "close")]

    def app(environ, start_response):
        start_response("200 OK", headers)
        return [b""]

    assert call(app).headers == (("content-type", "text/plain"),)
    assert headers == [("Content-Type", "text/plain"), ("Connection", "close")]
