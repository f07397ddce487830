"""The edge of a stage with a CDN: what it keeps, compresses, refuses, and passes on to the gateway."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.endpoints import distribution
from lambdify.cli.local.endpoints.distribution import Distribution
from lambdify.cli.local.endpoints.edge import Edge
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.http_server import ResponseWithFollowUp, StreamedResponse
from lambdify.cli.local.response_stream import ResponseStream

CSS = b"body { color: red }\n" * 100
READS = frozenset({"s3:GetObject", "s3:ListBucket"})
CDN = Distribution(
    id="E1",
    header=("x-lambdify-cdn", "s3cret"),
    files=(("/static/*", ("GET", "HEAD", "OPTIONS")), ("/a?20b.png", ("GET", "HEAD"))),
    bucket="files",
    folder="shop/dev/",
    may=READS,
)


class Bucket:
    """S3, with one file and what is added."""

    def __init__(self) -> None:
        self.files = {"shop/dev/static/a.css": CSS, "shop/dev/a b.png": b"\x89PNG" * 1000}
        self.kinds = {".css": "text/css; charset=utf-8", ".png": "image/png"}
        self.kept = "max-age=0, must-revalidate"
        self.asked: list[str] = []

    def get_object(self, **which: str) -> dict[str, Any]:
        assert which["Bucket"] == "files"
        self.asked.append(which["Key"])
        if which["Key"] not in self.files:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        body = self.files[which["Key"]]
        return {
            "Body": BytesIO(body),
            "ContentType": self.kinds[which["Key"][-4:]],
            "ETag": f'"{len(body):x}{body[-2]:x}"',
            "LastModified": datetime(2026, 11, 29, tzinfo=UTC),
            "CacheControl": self.kept,
        }


class Account(NamedTuple):
    s3: Any

    def client(self, service: str) -> Any:
        assert service == "s3"
        return self.s3


class Site:
    """An edge, what it has behind it, and its time."""

    def __init__(self, api: Api | None) -> None:
        self.api, self.bucket, self.now, self.passed = api, Bucket(), 0.0, list[Request]()
        self.behind: Any = Response(200, (), b"app")
        account: Any = Account(self.bucket)
        self.edge = Edge(lambda: self.api, account, self._gateway, clock=lambda: self.now)

    def _gateway(self, request: Request) -> Any:
        self.passed.append(request)
        return self.behind

    def get(self, path: str, method: str = "GET", **headers: str) -> Any:
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return self.edge.answer(
            Request(method, path, "", pairs, scheme="http", host="127.0.0.1", port=8000, client="127.0.0.1")
        )


@pytest.fixture
def site() -> Site:
    return Site(Api(id="abc", integration="arn", distribution=CDN))


def test_a_stage_without_a_cdn_has_its_gateway_alone() -> None:
    site = Site(Api(id="abc", integration="arn"))
    request = Request("GET", "/static/a.css", host="localhost")
    assert site.edge.answer(request) is site.behind
    assert site.passed == [request]
    site.api = None
    assert site.edge.answer(request) is site.behind


def test_the_app_is_told_host_and_client_and_the_secret(site: Site) -> None:
    site.api = Api(kind="rest-api", id="abc", integration="arn", mount="/live", distribution=CDN)
    answer = site.get("/basket", x_forwarded_host="evil", x_lambdify_cdn="guess", accept="*/*")
    (request,) = site.passed
    assert request.path == "/live/basket"
    assert [pair for pair in request.headers if pair[0] != "accept"] == [
        ("x-lambdify-cdn", "s3cret"),
        ("x-forwarded-host", "127.0.0.1:8000"),
        ("x-lambdify-client", "127.0.0.1"),
    ]
    assert answer.fields["x-cache"] == "Miss from cloudfront"


def test_a_stranger_of_a_host_is_left_to_the_gateway_which_refuses(site: Site) -> None:
    site.edge.answer(Request("GET", "/static/a.css", host="evil.example"))
    assert len(site.passed) == 1
    assert site.bucket.asked == []


def test_streams_and_what_follows_a_response_pass_through(site: Site) -> None:
    site.behind = StreamedResponse(200, (), ResponseStream())
    assert dict(site.get("/").headers)["x-cache"] == "Miss from cloudfront"
    site.behind = ResponseWithFollowUp(Response(500, (), b""), lambda: None)
    assert site.get("/").response.fields["x-cache"] == "Error from cloudfront"


def test_a_file_comes_from_the_bucket_then_from_the_edge_then_is_asked_for_again(site: Site) -> None:
    first = site.get("/static/a.css")
    assert (first.status, first.body) == (200, CSS)
    assert first.fields["x-cache"] == "Miss from cloudfront"
    site.now = 0.9
    second = site.get("/static/a.css")
    assert (second.fields["x-cache"], second.fields["age"]) == ("Hit from cloudfront", "0")
    site.now = 1.1
    assert site.get("/static/a.css").fields["x-cache"] == "RefreshHit from cloudfront"
    site.bucket.files["shop/dev/static/a.css"] = b"new"
    site.now = 2.2
    assert site.get("/static/a.css").body == b"new"
    assert site.bucket.asked == ["shop/dev/static/a.css"] * 3


def test_a_name_with_a_hash_is_kept_for_a_year(site: Site) -> None:
    site.bucket.kept = "max-age=31536000, immutable"
    site.get("/static/a.css")
    site.now = 31_535_999
    assert site.get("/static/a.css").fields["age"] == "31535999"
    assert len(site.bucket.asked) == 1


def test_another_release_of_the_distribution_has_a_cache_of_its_own(site: Site) -> None:
    site.bucket.kept = "max-age=31536000, immutable"
    site.get("/static/a.css")
    site.api = Api(id="abc", integration="arn", distribution=replace(CDN, id="E2"))
    assert site.get("/static/a.css").fields["x-cache"] == "Miss from cloudfront"


def test_what_pays_is_compressed_and_has_a_weak_tag(site: Site) -> None:
    zipped = site.get("/static/a.css", accept_encoding="gzip, br")
    assert gzip.decompress(zipped.body) == CSS
    assert zipped.fields["etag"].startswith('W/"')
    assert zipped.fields["vary"] == "Accept-Encoding"
    assert zipped.fields["content-length"] == str(len(zipped.body))
    assert "content-encoding" not in site.get("/static/a.css").fields
    assert "content-encoding" not in site.get("/a%20b.png", accept_encoding="gzip").fields


@pytest.mark.parametrize("mark", ["", "W/"])
def test_who_has_a_file_gets_a_304(site: Site, mark: str) -> None:
    tag = site.get("/static/a.css").fields["etag"]
    again = site.get("/static/a.css", if_none_match=mark + tag, accept_encoding="gzip")
    assert (again.status, again.body) == (304, b"")
    assert site.get("/static/a.css", if_none_match='"other"').status == 200


def test_a_range_is_a_part_and_one_beyond_the_end_is_refused(site: Site) -> None:
    part = site.get("/static/a.css", range="bytes=5-9", accept_encoding="gzip")
    assert (part.status, part.body, part.fields["content-range"]) == (206, CSS[5:10], "bytes 5-9/2000")
    assert site.get("/static/a.css", range="bytes=9999-").status == 416


def test_what_is_missing_is_a_404_for_ten_seconds(site: Site) -> None:
    missing = site.get("/static/none.css")
    assert (missing.status, missing.fields["x-cache"]) == (404, "Error from cloudfront")
    site.bucket.files["shop/dev/static/none.css"] = b"here"
    site.now = 9.0
    assert site.get("/static/none.css").status == 404
    site.now = 10.1
    assert site.get("/static/none.css").body == b"here"


@pytest.mark.parametrize(
    ("may", "path", "status"),
    [
        (frozenset(), "/static/a.css", 403),
        (frozenset({"s3:GetObject"}), "/static/none.css", 403),
        (READS, "/static/none.css", 404),
    ],
)
def test_the_buckets_policy_decides(site: Site, may: frozenset[str], path: str, status: int) -> None:
    site.api = Api(id="abc", integration="arn", distribution=replace(CDN, may=may))
    assert site.get(path).status == status


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_method_that_a_behavior_does_not_take_is_refused(site: Site, method: str) -> None:
    assert site.get("/static/a.css", method).status == 403
    assert site.bucket.asked == []


def test_no_path_leads_out_of_the_stages_folder(site: Site) -> None:
    site.bucket.files["shop/dev.kept/abc"] = b"of another release"
    site.bucket.files["shop/other/static/a.css"] = b"of another stage"
    for path in ("/static/../../dev.kept/abc", "/static/%2e%2e/../other/static/a.css", "/static//a.css"):
        assert site.get(path).status == 404


def test_patterns_are_those_of_cloudfront() -> None:
    known = replace(CDN, files=(("/x/*", ("GET",)), ("/b/?.css", ("HEAD",))))
    assert known.find_methods("/x/a/b[1].css") == ("GET",)
    assert known.find_methods("/b/c.css") == ("HEAD",)
    assert known.find_methods("/b/cc.css") is None
    assert known.find_methods("/B/c.css") is None
    assert distribution.SERVICE == "cloudfront.amazonaws.com"
