"""A browser for people who test: cookies, forms, uploads and redirects, one visible step at a time.

The standard library alone, because `make demo` runs where nothing but lambdify is installed. Unlike a real
browser it follows a redirect only when told to, so that one can look at it first.
"""

import secrets
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, Request, build_opener

TIMEOUT = 60.0
"""Seconds. The first answer of a function may have to wait for its cold start."""


class Upload(NamedTuple):
    """A file that the visitor chooses in a form."""

    name: str
    content: bytes
    kind: str = "application/octet-stream"


class Answer(NamedTuple):
    """What came back, as it came."""

    method: str
    url: str
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def kind(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get_content_type()


class Form(NamedTuple):
    """A form of a page: where it goes, and what it sends by itself."""

    action: str
    hidden: dict[str, str]


class Browser:
    """One visitor of one site."""

    def __init__(self, site: str) -> None:
        self.site = site.rstrip("/")
        self.cookies = CookieJar()
        self.history: list[Answer] = []
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self.cookies), _StayHere())

    def get(self, path: str, *, headers: dict[str, str] | None = None, **query: str) -> Answer:
        """The page; path and query are text, and encoded here."""
        return self._send("GET", self._url(path, query), headers)

    def head(self, path: str, **query: str) -> Answer:
        return self._send("HEAD", self._url(path, query))

    def post(self, path: str, body: bytes, kind: str) -> Answer:
        """The answer to a body of any kind. The Origin is sent as every browser sends it."""
        return self._send("POST", self._url(path, {}), self._typed(kind), body)

    def submit(self, page: Answer, action: str, /, **fields: str | Upload) -> Answer:
        """The answer to the page's form with that action, filled in; its hidden fields go along."""
        form = next((form for form in read_forms(page.text) if form.action == action), None)
        if form is None:
            raise AssertionError(f"{page.url} has no form that goes to {action}")
        body, kind = write_form({**form.hidden, **fields})
        return self._send("POST", urljoin(page.url, form.action), self._typed(kind), body)

    def follow(self, redirect: Answer) -> Answer:
        """Where the answer sends the visitor."""
        return self._send("GET", urljoin(redirect.url, redirect.headers["Location"]))

    def _url(self, path: str, query: dict[str, str]) -> str:
        return self.site + quote(path, safe="/%") + ("?" + urlencode(query) if query else "")

    def _typed(self, kind: str) -> dict[str, str]:
        return {"Content-Type": kind, "Origin": self.site}

    def _send(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        request = Request(url, method=method, headers=headers or {}, data=body)
        try:
            response = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as not_2xx:
            response = not_2xx
        with response:
            answer = Answer(method, url, response.status, response.headers, response.read())
        self.history.append(answer)
        return answer


def read_forms(page: str) -> list[Form]:
    """Every form of an HTML page."""
    reader = _FormReader()
    reader.feed(page)
    return reader.forms


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(named.get("action", ""), {}))
        elif tag == "input" and named.get("type") == "hidden":
            self.forms[-1].hidden[named["name"]] = named.get("value", "")


def write_form(fields: dict[str, str | Upload]) -> tuple[bytes, str]:
    """The body of a form, and its Content-Type: multipart/form-data as soon as a file is in it."""
    if not any(isinstance(value, Upload) for value in fields.values()):
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    boundary = secrets.token_hex(16)
    parts = [_write_part(name, value) for name, value in fields.items()]
    lines = [b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts]
    return b"".join([*lines, b"--%s--\r\n" % boundary.encode()]), f"multipart/form-data; boundary={boundary}"


def _write_part(name: str, value: str | Upload) -> bytes:
    # Names go as UTF-8, the way browsers do: https://html.spec.whatwg.org/#multipart-form-data
    if isinstance(value, Upload):
        head = f'form-data; name="{name}"; filename="{value.name}"\r\nContent-Type: {value.kind}'
        return f"Content-Disposition: {head}\r\n\r\n".encode() + value.content
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
