"""Names of a stage's own on this machine: what the app sees, and what a browser gets back."""

from typing import Any

import pytest

from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.endpoints.distribution import Distribution
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.names import ByName
from lambdify.cli.local.http_server import ResponseWithFollowUp, StreamedResponse
from lambdify.cli.local.response_stream import ResponseStream

NAMES = ("shop.example", "www.shop.example", "*.shop.example")
API = Api(id="abc", integration="arn", names=NAMES)


class Site:
    """What stands behind the names: it keeps what it was asked."""

    def __init__(self, api: Api | None, behind: Any) -> None:
        self.passed: list[Request] = []
        self.names = ByName(lambda: api, self._answer)
        self.behind = behind

    def _answer(self, request: Request) -> Any:
        self.passed.append(request)
        return self.behind

    def ask(self, host: str, *headers: tuple[str, str]) -> Any:
        pairs = (("host", f"{host}:8000"), *headers)
        return self.names.answer(
            Request("GET", "/a", "b=1", pairs, scheme="http", host=host, port=8000, client="127.0.0.1")
        )


def page(body: str = "", *headers: tuple[str, str]) -> Response:
    return Response(
        200, (("content-type", "text/html"), ("content-length", str(len(body))), *headers), body.encode()
    )


@pytest.mark.parametrize("name", ["shop.example", "www.shop.example", "books.shop.example"])
def test_the_app_sees_the_name_that_it_has_on_aws(name: str) -> None:
    site = Site(API, page())
    here = f"http://{name}.localhost:8000"
    site.ask(f"{name}.localhost", ("origin", here), ("referer", f"{here}/form"))
    (request,) = site.passed
    headers = dict(request.headers)
    assert (request.host, request.port, headers["host"]) == (name, 80, name)
    assert (headers["origin"], headers["referer"]) == (f"https://{name}", f"https://{name}/form")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "other.example.localhost", "a.b.shop.example.localhost"]
)
def test_other_names_of_this_machine_are_left_as_they_are(host: str) -> None:
    site = Site(API, page('<a href="https://shop.example/">'))
    answer = site.ask(host)
    assert site.passed[0].host == host
    assert b"https://shop.example/" in answer.body


@pytest.mark.parametrize(
    "host", ["shop.example", "www.shop.example", "evil.example", "localhost.evil.example"]
)
def test_a_name_without_localhost_is_nobodys_here(host: str) -> None:
    site = Site(API, page())
    assert site.ask(host).status == 403
    assert site.passed == []


def test_what_leads_to_the_stages_names_leads_to_them_here_and_nothing_else_does() -> None:
    body = (
        '<a href="https://shop.example/x">"http:\\/\\/www.shop.example\\/y" https://books.shop.example, '
        "https://shop.example.evil https://other.example https://shop.example:8443/ https://shop.examples"
    )
    site = Site(API, page(body, ("location", "https://shop.example/a?b=1"), ("x-other", "https://a.example")))
    answer = site.ask("www.shop.example.localhost")
    assert answer.fields["location"] == "http://shop.example.localhost:8000/a?b=1"
    assert answer.fields["x-other"] == "https://a.example"
    text = answer.body.decode()
    assert 'href="http://shop.example.localhost:8000/x"' in text
    assert '"http:\\/\\/www.shop.example.localhost:8000\\/y"' in text
    assert "http://books.shop.example.localhost:8000, " in text
    assert "https://shop.example.evil https://other.example https://shop.example:8443/" in text
    assert text.endswith("https://shop.examples")
    assert answer.fields["content-length"] == str(len(answer.body))


def test_cookies_for_a_name_are_for_it_here() -> None:
    kept = [
        ("set-cookie", f"a=1; Domain={each}; Path=/") for each in (".shop.example", "shop.example", "x.org")
    ]
    answer = Site(API, page("", *kept)).ask("www.shop.example.localhost")
    assert [value for name, value in answer.headers if name == "set-cookie"] == [
        "a=1; Domain=.shop.example.localhost; Path=/",
        "a=1; Domain=shop.example.localhost; Path=/",
        "a=1; Domain=x.org; Path=/",
    ]


def test_what_is_no_text_stays_as_it_is() -> None:
    zipped = page("https://shop.example/", ("content-encoding", "gzip"))
    assert Site(API, zipped).ask("shop.example.localhost").body == b"https://shop.example/"


def test_streams_and_what_follows_a_response_pass_through() -> None:
    location = (("location", "https://shop.example/"),)
    streamed = Site(API, StreamedResponse(302, location, ResponseStream())).ask("shop.example.localhost")
    assert dict(streamed.headers)["location"] == "http://shop.example.localhost:8000/"
    followed = Site(API, ResponseWithFollowUp(Response(302, location, b""), lambda: None))
    answer = followed.ask("shop.example.localhost")
    assert answer.response.fields["location"] == "http://shop.example.localhost:8000/"


def test_a_stage_without_names_has_none_here() -> None:
    for api in (None, Api(id="abc", integration="arn")):
        site = Site(api, page())
        site.ask("shop.example.localhost")
        assert site.passed[0].host == "shop.example.localhost"


def test_the_path_of_a_domain_is_on_its_names_and_no_stage_is() -> None:
    api = Api(
        kind="rest-api", id="abc", integration="arn", mount="/live", names=("shop.example",), path="/books"
    )
    assert (api.mount_on("shop.example"), api.mount_on("127.0.0.1")) == ("/books", "/live")
    cdn = Distribution(id="E1", header=("x", "y"))
    behind = Api(kind="rest-api", id="a", integration="arn", mount="/live", names=NAMES, distribution=cdn)
    assert behind.mount_on("shop.example") == "/live", "a CDN asks the API by its own address"
