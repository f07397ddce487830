"""An app with the settings of production, which count on https, behind the local port, which speaks http."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener
from urllib.request import Request as Asked

import httpx
import pytest

from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.gateway import Gateway
from lambdify.cli.local.endpoints.plain_http import CHANGED, read_response, write_request
from lambdify.cli.local.functions.sandbox import Outcome

from .chromium import Page

pytestmark = pytest.mark.slow

ASKED = Request(method="GET", path="/", scheme="http", host="127.0.0.1", port=8000, client="127.0.0.1")
OWN = "127.0.0.1:8000"


def seen(request: Request, api: Api) -> dict[str, Any]:
    """The event that a function gets."""
    events: list[dict[str, Any]] = []

    def start(arn: str, request_id: str, event: bytes, _: object) -> "Future[Outcome]":
        events.append(json.loads(event))
        future: Future[Outcome] = Future()
        future.set_result(Outcome(b'{"statusCode": 200}', failed=False))
        return future

    Gateway(lambda: api, start).answer(request)
    return events[0]


# ---------------------------------------------------------------- what the app is told


@pytest.mark.parametrize(("kind", "mount"), [("http-api", ""), ("function-url", ""), ("rest-api", "/live")])
def test_every_kind_of_endpoint_tells_the_app_https_and_the_host_of_the_client(kind: str, mount: str) -> None:
    api = Api(id="abc123", integration="arn", kind=kind, mount=mount)
    headers = seen(ASKED._replace(path=f"{mount}/"), api)["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"], headers["host"]) == (
        "https",
        "8000",
        OWN,
    )


def test_a_host_without_a_port_stays_one() -> None:
    headers = seen(ASKED._replace(host="shop.localhost", port=80), Api(id="abc123", integration="arn"))[
        "headers"
    ]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"], headers["host"]) == (
        "https",
        "443",
        "shop.localhost",
    )


@pytest.mark.parametrize(
    ("name", "sent", "told"),
    [
        ("origin", f"http://{OWN}", f"https://{OWN}"),
        ("referer", f"http://{OWN}/a?b=http://{OWN}", f"https://{OWN}/a?b=http://{OWN}"),
        ("origin", "http://localhost:3000", "http://localhost:3000"),
        ("origin", f"http://{OWN}0", f"http://{OWN}0"),
        ("origin", "null", "null"),
        ("x-other", f"http://{OWN}", f"http://{OWN}"),
    ],
)
def test_only_our_own_pages_are_pages_of_https(name: str, sent: str, told: str) -> None:
    assert dict(write_request(ASKED._replace(headers=((name, sent),))).headers)[name] == told


# ---------------------------------------------------------------- what the client is told


def back(*headers: tuple[str, str], body: bytes = b"", asked: Request = ASKED) -> Response:
    return read_response(Response(200, headers, body), asked)


@pytest.mark.parametrize(
    ("name", "said", "heard"),
    [
        ("location", f"https://{OWN}/next?to=1", f"http://{OWN}/next?to=1"),
        ("location", f"HTTPS://{OWN}", f"HTTP://{OWN}"),
        ("location", "https://127.0.0.1:80001/", "https://127.0.0.1:80001/"),
        ("location", "https://accounts.example/?next=1", "https://accounts.example/?next=1"),
        ("location", "/next", "/next"),
        ("access-control-allow-origin", f"https://{OWN}", f"http://{OWN}"),
        ("access-control-allow-origin", "https://shop.example", "https://shop.example"),
        ("link", f"<https://{OWN}/2>; rel=next", f"<http://{OWN}/2>; rel=next"),
        ("content-security-policy", f"img-src https://{OWN} https://cdn.example", f"img-src http://{OWN} https://cdn.example"),
        ("set-cookie", "a=1; Path=/; Secure; HttpOnly", "a=1; Path=/; HttpOnly"),
        ("set-cookie", "a=1;secure", "a=1"),
        ("set-cookie", "a=1; SameSite=Lax; SECURE", "a=1; SameSite=Lax"),
        ("set-cookie", "secure=1; Path=/", "secure=1; Path=/"),
        ("set-cookie", "a=secure; Path=/secure", "a=secure; Path=/secure"),
        ("set-cookie", "__Host-a=1; Path=/; Secure", "__Host-a=1; Path=/; Secure"),
        ("set-cookie", "__Secure-a=1; Secure", "__Secure-a=1; Secure"),
        ("set-cookie", "a=1; SameSite=None; Secure", "a=1; SameSite=None; Secure"),
        ("set-cookie", "a=1; Secure; Partitioned; Path=/", "a=1; Secure; Partitioned; Path=/"),
    ],
)  # fmt: skip
def test_a_header_says_what_a_client_of_http_can_follow(name: str, said: str, heard: str) -> None:
    found = dict(back((name, said)).headers)
    assert found.pop(name).lower() == heard.lower()
    assert (CHANGED in found) == (said != heard), "what was changed is said"


def test_https_is_not_promised_for_next_time() -> None:
    assert back(("strict-transport-security", "max-age=3600")).headers == (
        (CHANGED, "https is http here: strict-transport-security"),
    )


def test_several_cookies_stay_several() -> None:
    cookies = (("set-cookie", "a=1; Secure"), ("set-cookie", "b=2"), ("set-cookie", "c=3; Secure"))
    assert back(*cookies).headers == (
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("set-cookie", "c=3"),
        (CHANGED, "https is http here: set-cookie"),
    )


@pytest.mark.parametrize(
    ("kind", "said", "heard"),
    [
        ("text/html; charset=utf-8", f'<a href="https://{OWN}/x">', f'<a href="http://{OWN}/x">'),
        ("application/json", f'{{"next": "https://{OWN}/?page=2"}}', f'{{"next": "http://{OWN}/?page=2"}}'),
        ("application/json", rf'"https:\/\/{OWN}\/x"', rf'"http:\/\/{OWN}\/x"'),
        ("application/hal+json", f"https://{OWN}", f"http://{OWN}"),
        ("text/plain", f"See https://{OWN}.", f"See http://{OWN}."),
        ("text/html", "https://127.0.0.1:80001 https://127.0.0.1", "https://127.0.0.1:80001 https://127.0.0.1"),
        ("application/pdf", f"https://{OWN}", f"https://{OWN}"),
    ],
)  # fmt: skip
def test_links_in_text_can_be_followed(kind: str, said: str, heard: str) -> None:
    response = back(("content-type", kind), body=said.encode())
    assert response.body == heard.encode()
    assert (CHANGED in dict(response.headers)) == (said != heard)


def test_what_is_compressed_is_left_alone() -> None:
    coded = (("content-type", "text/html"), ("content-encoding", "gzip"))
    assert back(*coded, body=f"https://{OWN}".encode()) == Response(200, coded, f"https://{OWN}".encode())


def test_a_response_that_says_nothing_of_https_stays_as_it_is() -> None:
    plain = Response(200, (("content-type", "text/html"), ("set-cookie", "a=1")), b"hello")
    assert read_response(plain, ASKED) == plain


# ---------------------------------------------------------------- Django


@pytest.fixture(params=["http-api"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of django_site.py, which redirects to https and sends secure cookies."""
    command = [sys.executable, str(Path(__file__).with_name("django_site.py")), str(tmp_path), request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


@pytest.mark.parametrize("site", ["http-api", "rest-api", "function-url"], indirect=True)
def test_no_page_redirects_to_an_address_where_nobody_answers(site: str) -> None:
    answer = httpx.get(f"{site}/links")
    assert (answer.status_code, answer.json()["secure"]) == (200, True)
    assert httpx.get(answer.json()["next"]).status_code == 200
    assert "strict-transport-security" not in answer.headers
    assert httpx.get(f"{site}/away", follow_redirects=True).json() == answer.json()


def test_a_client_that_never_sends_secure_cookies_over_http_logs_in_to_the_admin(site: str) -> None:
    """Python's cookie jar is one."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    page = browser.open(f"{site}/admin/login/?next=/admin/").read().decode()
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "username": "ada", "password": "lovelace", "next": "/admin/"}
    said = {"Origin": site, "Referer": f"{site}/admin/login/"}
    done = browser.open(Asked(f"{site}/admin/login/", urlencode(form).encode(), said))
    assert "Site administration" in done.read().decode()
    assert {cookie.name for cookie in jar} == {"csrftoken", "sessionid"}


def test_a_form_of_another_site_is_refused_all_the_same(site: str) -> None:
    with httpx.Client() as client:
        page = client.get(f"{site}/admin/login/")
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": "ada", "password": "lovelace"}
        for origin in ("http://evil.example", f"{site}0", "https://evil.example"):
            answer = client.post(f"{site}/admin/login/", data=form, headers={"Origin": origin})
            assert answer.status_code == 403


@pytest.fixture
def page(chromium: str, tmp_path: Path) -> Iterator[Callable[[], Page]]:
    page = Page(chromium, tmp_path / "profile")
    yield page
    page.close()


@pytest.mark.browser
def test_a_person_logs_in_to_the_admin_with_chromium(site: str, page: Page) -> None:
    page.open(f"{site}/admin/")
    assert page.run("location.href") == f"{site}/admin/login/?next=/admin/"
    page.run(
        "document.querySelector('[name=username]').value = 'ada',"
        "document.querySelector('[name=password]').value = 'lovelace',"
        "document.querySelector('form').submit()"
    )
    page.wait_for("document.body && document.body.innerText.includes('Site administration')")
    assert page.run("location.href") == f"{site}/admin/"
    followed = (
        "fetch('/links').then(each => each.json()).then(each => fetch(each.next)).then(each => each.status)"
    )
    assert page.run(followed) == 200


@pytest.mark.browser
@pytest.mark.parametrize(
    "cookie", ["__Host-a=1; Path=/; Secure", "b=1; SameSite=None; Secure", "c=1; Path=/; Secure"]
)
def test_chromium_keeps_each_cookie_in_the_form_in_which_it_is_handed_on(page: Page, cookie: str) -> None:
    from lambdify.cli.local.http_server import Server

    def answer(request: Request) -> Response:
        sent = dict(request.headers).get("cookie", "")
        return read_response(Response(200, (("set-cookie", cookie),), sent.encode()), request)

    server = Server(answer)
    try:
        page.open(server.url)
        assert page.run("fetch('/').then(each => each.text())") == cookie.partition(";")[0]
    finally:
        server.close()
