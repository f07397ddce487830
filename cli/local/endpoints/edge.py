"""An edge of a stage's CDN: its paths of files from the bucket, through a cache; all else to the gateway.

    request ─┬ a path of files ─▶ cache ─▶ the bucket      x-cache, age, 304, ranges, gzip, 404
             └ any other ───────▶ the stage's gateway, with the secret, the host and the client in headers

A stage without a CDN has the gateway alone. Left to AWS are https, HTTP/3, brotli, and the many edges.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
"""

import gzip
import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lambdify.adapter import files, wire
from lambdify.adapter.in_front import cdn
from lambdify.adapter.messages import Pair, Request, Response
from lambdify.cli.aws import Account, attempt
from lambdify.cli.local import hosts
from lambdify.cli.local.endpoints.distribution import Distribution
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.http_server import Answer, ResponseWithFollowUp, StreamedResponse

SHORTEST, USUAL, LONGEST = 1, 86_400, 31_536_000
"""Seconds that files are kept, of the managed policy CachingOptimized."""
ERRORS_KEPT = 10
"""Seconds that an error is kept."""
MOST_KEPT = 1000
"""Files in the cache."""
COMPRESSED_SIZES = range(1_000, 10_000_001)
COMPRESSED = re.compile(
    r"text/(css|html|javascript|plain|xml|x-\S+|csv|markdown)|application/(javascript|json|xml|manifest\+json|wasm"
    r"|vnd\.ms-fontobject|x-font-(ttf|otf)|rss\+xml|atom\+xml|xhtml\+xml)|font/(ttf|otf|eot|opentype)|image/svg\+xml"
)
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html"""
REFUSAL = b"<H1>403 ERROR</H1>\nThis distribution is not configured to allow the HTTP request method.\n"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
MISSING = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


class Entry(NamedTuple):
    """A response of the bucket in the cache."""

    response: Response
    asked: float
    fresh: float
    """Seconds for which the bucket is not asked again."""


class Edge:
    """Answers the requests of one stage, in front of its gateway."""

    def __init__(
        self,
        find_api: Callable[[], Api | None],
        account: Account,
        gateway: Answer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_api` returns the endpoint as deployed now, `account` has the bucket."""
        self._find_api, self._account, self._gateway, self._clock = find_api, account, gateway, clock
        self._kept: dict[tuple[str, str], Entry] = {}

    def answer(self, request: Request) -> Response | StreamedResponse | ResponseWithFollowUp:
        """Return the response that a visitor gets."""
        api = self._find_api()
        ours = hosts.is_ours(request.host) or (api is not None and api.answers_to(request.host))
        if api is None or api.distribution is None or not ours:
            return self._gateway(request)
        methods = api.distribution.find_methods(request.path)
        if methods is None:
            return _mark_answer(self._gateway(_forward(request, api, api.distribution)))
        if request.method not in methods:
            return _mark(Response(403, (("content-type", "text/html"),), REFUSAL), "Error")
        return self._serve(request, api.distribution)

    def _serve(self, request: Request, distribution: Distribution) -> Response:
        entry, how = self._find(request, distribution)
        response = entry.response
        if response.status != 200:
            return _mark(response, "Error")
        asked = dict(request.headers)
        response = _compress(response, asked)
        if files.matches(
            asked.get("if-none-match", ""), response.fields["etag"].removeprefix("W/").strip('"')
        ):
            gone = ("content-type", "content-length")
            kept = tuple(pair for pair in response.headers if pair[0] not in gone)
            response = Response(304, kept)
        elif "content-encoding" not in response.fields:
            response = _cut(response, asked.get("range", ""))
        return _mark(response, how, int(self._clock() - entry.asked) if how == "Hit" else None)

    def _find(self, request: Request, distribution: Distribution) -> tuple[Entry, str]:
        """Return what the bucket says of the path, and how it was found."""
        key, now = (distribution.id, request.path), self._clock()
        entry = self._kept.get(key)
        if entry and now - entry.asked < entry.fresh:
            return entry, "Hit"
        fetched = self._fetch(request, distribution)
        same = entry is not None and entry.response == fetched
        fresh = _freshness(fetched) if fetched.status == 200 else ERRORS_KEPT
        entry = Entry(fetched, now, fresh)
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = entry
        return entry, "RefreshHit" if same else "Miss"

    def _fetch(self, request: Request, distribution: Distribution) -> Response:
        """Return the bucket's response to a question that CloudFront has signed."""
        if "s3:GetObject" not in distribution.may or request.method == "OPTIONS":
            return Response(403, (("content-type", "application/xml"),), DENIED)
        found = attempt(
            self._account.client("s3").get_object,
            none_if="^NoSuchKey:|^NoSuchBucket:|^404:",
            Bucket=distribution.bucket,
            Key=distribution.folder + wire.unquote(request.path.lstrip("/")).decode("utf-8", "replace"),
        )
        if found is None:
            listed = "s3:ListBucket" in distribution.may
            status, page = (404, MISSING) if listed else (403, DENIED)
            return Response(status, (("content-type", "application/xml"),), page)
        body = found["Body"].read()
        modified = found["LastModified"].strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers: list[Pair] = [
            ("content-type", found["ContentType"]),
            ("content-length", str(len(body))),
            ("etag", found["ETag"]),
            ("last-modified", modified),
            ("accept-ranges", "bytes"),
            ("server", "AmazonS3"),
        ]
        if kept := found.get("CacheControl"):
            headers.append(("cache-control", kept))
        return Response(200, tuple(headers), body)


def _forward(request: Request, api: Api, distribution: Distribution) -> Request:
    """Return the request as the endpoint gets it from CloudFront."""
    host = request.host if request.port == wire.PORTS[request.scheme] else f"{request.host}:{request.port}"
    said = {distribution.header[0]: distribution.header[1], cdn.HOST: host, cdn.CLIENT: request.client}
    headers = [pair for pair in request.headers if pair[0] not in said]
    return request._replace(path=api.mount + request.path, headers=(*headers, *said.items()))


def _mark_answer(
    answer: Response | StreamedResponse | ResponseWithFollowUp,
) -> Response | StreamedResponse | ResponseWithFollowUp:
    if isinstance(answer, StreamedResponse):
        return answer._replace(headers=(*answer.headers, *_marks("Miss")))
    if isinstance(answer, ResponseWithFollowUp):
        return answer._replace(response=_mark(answer.response, "Miss"))
    return _mark(answer, "Miss")


def _mark(response: Response, how: str, age: int | None = None) -> Response:
    """Return the response with the headers of CloudFront."""
    if response.status >= 400:
        how = "Error"
    older = (("age", str(age)),) if age is not None else ()
    return response._replace(headers=(*response.headers, *_marks(how), *older))


def _marks(how: str) -> tuple[Pair, ...]:
    return (("x-cache", f"{how} from cloudfront"), ("via", "1.1 lambdify.cloudfront.net (CloudFront)"))


def _freshness(response: Response) -> float:
    """Return the seconds for which the bucket is not asked again."""
    said = response.fields.get("cache-control", "")
    parts = dict(part.strip().partition("=")[::2] for part in said.split(","))
    age = parts.get("s-maxage") or parts.get("max-age") or ""
    if not age.isdecimal():
        return SHORTEST if {"no-cache", "no-store"} & parts.keys() else USUAL
    return min(max(int(age), SHORTEST), LONGEST)


def _compress(response: Response, asked: Mapping[str, str]) -> Response:
    """Return the response with gzip, for files that CloudFront compresses and visitors who take it."""
    fields = response.fields
    kind = fields["content-type"].partition(";")[0].strip()
    if len(response.body) not in COMPRESSED_SIZES or not COMPRESSED.fullmatch(kind):
        return response
    varying = (*response.headers, ("vary", "Accept-Encoding"))
    if "range" in asked or not files.accepts_gzip(asked.get("accept-encoding", "")):
        return response._replace(headers=varying)
    body = gzip.compress(response.body, 6, mtime=0)
    gone = ("etag", "accept-ranges", "content-length")
    kept = [pair for pair in varying if pair[0] not in gone]
    more = (
        ("etag", f"W/{fields['etag']}"),
        ("content-encoding", "gzip"),
        ("content-length", str(len(body))),
    )
    return Response(200, (*kept, *more), body)


def _cut(response: Response, wanted: str) -> Response:
    """Return the part of a file that a range asks for; the file for no range, or one that counts for none."""
    size = len(response.body)
    span = files.read_range(wanted, size)
    if span is None:
        return response
    kept = [pair for pair in response.headers if pair[0] != "content-length"]
    if not span:
        return Response(416, (("content-range", f"bytes */{size}"), ("content-length", "0")))
    first, last = span[0], span[-1]
    body = response.body[first : last + 1]
    more = (("content-range", f"bytes {first}-{last}/{size}"), ("content-length", str(len(body))))
    return Response(206, (*kept, *more), body)
