"""Names of a stage's own, on this machine: http://shop.example.localhost:PORT is https://shop.example there.

    browser ── shop.example.localhost:8000 ──▶ ByName ── shop.example ──▶ the edge, the gateway, the app
            ◀── http://shop.example.localhost:8000/… ◀── https://shop.example/… ──┘

Browsers and curl find every name below "localhost" on this machine, without a DNS. The app sees the name that
it has on AWS; in its answers the stage's names, and no others, become those of this machine: in headers, in
text, and as what cookies are for.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from lambdify.adapter.messages import Pair, Request, Response
from lambdify.cli.local import hosts
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.plain_http import TEXT
from lambdify.cli.local.http_server import Answer, ResponseWithFollowUp, StreamedResponse, plain

HERE = ".localhost"
PORT = 80
"""The port that a URL without one has: names have none on AWS."""
_PAGES = {"origin", "referer"}
_COOKIE_DOMAIN = re.compile(r"(;\s*domain\s*=\s*\.?)([\w.-]+)", re.IGNORECASE)


class ByName:
    """Answers the requests of one stage by its names, in front of all else."""

    def __init__(self, find_api: Callable[[], Api | None], answer: Answer) -> None:
        """`find_api` returns the endpoint as deployed now."""
        self._find_api, self._answer = find_api, answer

    def answer(self, request: Request) -> Response | StreamedResponse | ResponseWithFollowUp:
        """Return the response that a visitor of this machine gets."""
        if not hosts.is_ours(request.host):
            return plain(403, hosts.REFUSAL)
        api, name = self._find_api(), request.host.lower().removesuffix(HERE)
        if api is None or name == request.host.lower() or not api.answers_to(name):
            return self._answer(request)
        there = _Place(api.names, name, request.port)
        answer = self._answer(there.write(request))
        if isinstance(answer, StreamedResponse):
            return answer._replace(headers=there.read_headers(answer.headers))
        if isinstance(answer, ResponseWithFollowUp):
            return answer._replace(response=there.read(answer.response))
        return there.read(answer)


class _Place:
    """The names on AWS, and the same ones here."""

    def __init__(self, names: tuple[str, ...], name: str, port: int) -> None:
        self._name, self._port = name, port
        self._text, self._bytes = _patterns(names)
        self._here = rf"http:\2\3{HERE}:{port}"

    def write(self, request: Request) -> Request:
        """Return the request as it would come there."""
        own = re.compile(rf"https?://([\w.-]+){re.escape(HERE)}:{self._port}(?![\w.-])", re.IGNORECASE)
        headers: list[Pair] = []
        for name, value in request.headers:
            if name == "host":
                headers.append((name, self._name))
            else:
                headers.append((name, own.sub(r"https://\1", value, count=1) if name in _PAGES else value))
        return request._replace(headers=headers, host=self._name, port=PORT)

    def read(self, response: Response) -> Response:
        """Return the response for this machine."""
        fields, body = response.fields, response.body
        if "content-encoding" not in fields and TEXT.match(fields.get("content-type", "")):
            body = self._bytes.sub(self._here.encode(), body)
        headers = self.read_headers(response.headers)
        if len(body) != len(response.body):
            sizes = {"content-length": str(len(body))}
            headers = tuple((name, sizes.get(name, value)) for name, value in headers)
        return Response(response.status, headers, body)

    def read_headers(self, headers: tuple[Pair, ...]) -> tuple[Pair, ...]:
        """Return headers of a response for this machine."""
        return tuple(
            (name, self._cookie(value) if name == "set-cookie" else self._text.sub(self._here, value))
            for name, value in headers
        )

    def _cookie(self, value: str) -> str:
        def here(found: "re.Match[str]") -> str:
            domain = found[2].lower()
            ours = self._name == domain or self._name.endswith(f".{domain}")
            return f"{found[0]}{HERE}" if ours else found[0]

        return _COOKIE_DOMAIN.sub(here, value)


@lru_cache
def _patterns(names: tuple[str, ...]) -> tuple["re.Pattern[str]", "re.Pattern[bytes]"]:
    """Return patterns for URLs with one of the names, as text and as bytes: scheme, slashes, name."""
    known = "|".join(re.escape(name).replace(r"\*", r"[\w-]+") for name in names)
    pattern = rf"(https?):((?:\\?/){{2}})({known})(?![\w-]|[.:]\w)"
    return re.compile(pattern, re.IGNORECASE), re.compile(pattern.encode(), re.IGNORECASE)
