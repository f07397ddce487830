"""Signatures are verified as AWS verifies them: every client's is taken, nothing else is.

The judge is botocore, which signs all that boto3 and the AWS CLI send; chunks are signed here as AWS's
example has it, since botocore sends none.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lambdify.cli.local.aws.signatures import Head, Refused, read, sign_url, verify

KEYS = Credentials("LAMBDIFYKEY", "a secret")
ADDRESS = "http://127.0.0.1:4566"


def now() -> datetime:
    return datetime.now(UTC)


def check(
    request: Any, *, secret: str = "a secret", when: datetime | None = None, body: bytes | None = None
) -> None:
    """Verify a request that botocore has signed, as it would be sent."""
    prepared = request.prepare()
    sent = urlsplit(prepared.url)
    headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
    headers.setdefault("host", sent.netloc)
    verify_head(
        Head(prepared.method, sent.path or "/", sent.query, list(headers.items())),
        (prepared.body or b"") if body is None else body,
        secret,
        when,
    )


def verify_head(head: Head, body: bytes, secret: str = "a secret", when: datetime | None = None) -> None:
    found = read(head)
    assert found.key_id == "LAMBDIFYKEY"
    verify(head, found, body.encode() if isinstance(body, str) else body, secret, when or now())


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def signed(
    auth: type, method: str, path: str, *, body: bytes = b"", service: str = "s3", **headers: str
) -> AWSRequest:
    request = AWSRequest(
        method, f"{ADDRESS}{path}", {k.replace("_", "-"): v for k, v in headers.items()}, body
    )
    request.context["payload_signing_enabled"] = True
    auth(KEYS, service, "eu-central-1").add_auth(request)
    return request


SEGMENTS = st.text(
    st.characters(codec="ascii", categories=("L", "N")) | st.sampled_from("-_.~%2F:@+"), max_size=8
)
PATHS = st.lists(SEGMENTS, max_size=4).map(
    lambda parts: "/" + "/".join(part.replace("%", "%25") for part in parts)
)
NAMES = st.text(st.sampled_from("abcXYZ-.09"), min_size=1, max_size=5)
QUERIES = st.lists(st.tuples(NAMES, NAMES), max_size=4).map(lambda pairs: "&".join(map("=".join, pairs)))


@given(PATHS, QUERIES, st.binary(max_size=40), st.sampled_from(["s3", "lambda", "cloudformation"]))
def test_what_botocore_signs_is_taken_and_nothing_that_differs_from_it(
    path: str, query: str, body: bytes, service: str
) -> None:
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    target = f"{path}?{query}" if query else path
    request = signed(auth, "PUT", target, body=body, service=service, X_Amz_Meta_A="one  two ")
    check(request)
    with pytest.raises(Refused, match="not that of"):
        check(request, secret="another secret")
    with pytest.raises(Refused, match=r"not (that of|the one)"):
        check(request, body=body + b"x")


@pytest.mark.parametrize(("service", "auth"), [("s3", S3SigV4QueryAuth), ("lambda", SigV4QueryAuth)])
def test_a_url_that_botocore_signs_is_taken_until_it_ends(service: str, auth: type) -> None:
    request = AWSRequest("GET", f"{ADDRESS}/shop/a%20b?partNumber=1&x=%2F")
    auth(KEYS, service, "eu-central-1", expires=60).add_auth(request)
    check(request)
    with pytest.raises(Refused, match="not good"):
        check(request, when=now() + timedelta(seconds=62))
    with pytest.raises(Refused, match="not that of"):
        check(request, secret="another")


def test_a_url_of_version_2_is_taken_until_it_ends() -> None:
    request = AWSRequest("GET", f"{ADDRESS}/shop/a%20b?response-content-type=text%2Fplain&acl")
    HmacV1QueryAuth(KEYS, expires=60).add_auth(request)
    check(request)
    with pytest.raises(Refused, match="expired"):
        check(request, when=now() + timedelta(seconds=62))
    with pytest.raises(Refused, match="not that of"):
        check(request, secret="another")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("get_object", {"Bucket": "shop", "Key": "a b/ü.txt", "ResponseContentType": "text/plain"}),
        ("put_object", {"Bucket": "shop", "Key": "new", "ContentType": "text/plain", "ACL": "private"}),
        ("list_objects_v2", {"Bucket": "shop", "Prefix": "a/"}),
        ("upload_part", {"Bucket": "shop", "Key": "k", "UploadId": "u", "PartNumber": 1}),
    ],
)
def test_a_url_of_boto3_is_taken(version: str, call: str, parameters: Mapping[str, Any]) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=ADDRESS,
        region_name="us-east-1",
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
        config=Config(signature_version=version),
    )
    url = urlsplit(client.generate_presigned_url(call, parameters))
    method = "GET" if call.startswith(("get", "list")) else "PUT"
    headers = [("host", url.netloc)]
    if call == "put_object":
        headers += [
            ("content-type", "text/plain"),
            *([("x-amz-acl", "private")] if version == "s3v4" else []),
        ]
    verify_head(Head(method, url.path, url.query, headers), b"whatever")


def test_our_own_urls_are_those_of_botocore() -> None:
    url = f"{ADDRESS}/_ministack/lambda-code/000000000000/eu-central-1/shop%2Fx"
    parts = urlsplit(sign_url(url, "LAMBDIFYKEY", "a secret", region="eu-central-1", now=now(), lifetime=60))
    verify_head(Head("GET", parts.path, parts.query, [("host", parts.netloc)]), b"")
    judged = AWSRequest("GET", url)
    signer = S3SigV4QueryAuth(KEYS, "s3", "eu-central-1", expires=60)
    signer.add_auth(judged)
    given = dict(httpx.QueryParams(urlsplit(judged.url).query))
    ours = dict(httpx.QueryParams(parts.query))
    if given["X-Amz-Date"] == ours["X-Amz-Date"]:
        assert given == ours


def test_clocks_may_be_a_quarter_of_an_hour_apart() -> None:
    request = signed(SigV4Auth, "GET", "/2015-03-31/functions", service="lambda")
    for minutes in (-14, 14):
        check(request, when=now() + timedelta(minutes=minutes))
    for minutes in (-16, 16):
        with pytest.raises(Refused, match="not good") as caught:
            check(request, when=now() + timedelta(minutes=minutes))
        assert caught.value.code == "RequestTimeTooSkewed"


def head_of(request: AWSRequest, *more: tuple[str, str], query: str = "") -> Head:
    prepared = request.prepare()
    sent = urlsplit(prepared.url)
    headers = [(name.lower(), _text(value)) for name, value in prepared.headers.items()]
    named = [] if "host" in dict(headers) else [("host", sent.netloc)]
    together = "&".join(filter(None, (sent.query, query)))
    return Head(prepared.method, sent.path, together, [*headers, *named, *more])


def test_nothing_is_added_to_what_was_signed() -> None:
    """A URL for a file is handed to anybody, who must not turn it into another call."""
    request = AWSRequest("PUT", f"{ADDRESS}/shop/file")
    S3SigV4QueryAuth(KEYS, "s3", "eu-central-1", expires=60).add_auth(request)
    verify_head(head_of(request), b"")
    for more in (
        [("x-amz-target", "AWSLambda.CreateFunction")],
        [("x-amz-acl", "public-read")],
        [("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lambda/aws4_request")],
    ):
        with pytest.raises(Refused):
            verify_head(head_of(request, *more), b"")
    for query in (
        "Action=CreateUser",
        "AWSAccessKeyId=LAMBDIFYKEY",
        "x-amz-signature=0",
        "X-Amz-Signature=0",
    ):
        with pytest.raises(Refused):
            verify_head(head_of(request, query=query), b"")
    old = AWSRequest("PUT", f"{ADDRESS}/shop/file")
    HmacV1QueryAuth(KEYS, expires=60).add_auth(old)
    verify_head(head_of(old), b"")
    for query in ("Action=CreateUser", "X-Amz-Credential=x/20260101/us-east-1/lambda/aws4_request", "policy"):
        with pytest.raises(Refused):
            verify_head(head_of(old, query=query), b"")


V4, SCOPE = "AWS4-HMAC-SHA256 Credential=LAMBDIFYKEY", "us-east-1/lambda/aws4_request"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic dGVzdDp0ZXN0",
        "Bearer x",
        "AWS LAMBDIFYKEY:c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256",
        f"{V4}/{{day}}/{SCOPE}",
        f"{V4}, SignedHeaders=host, Signature=0",
        f"{V4}/{{day}}/{SCOPE}, SignedHeaders=x, Signature=0",
        f"{V4}/{{day}}/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=ü",
        f"{V4}/{{day}}/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=0",
        f"{V4}/20200101/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=0",
        "AWS4-ECDSA-P256-SHA256 Credential=K/{day}/s3/aws4_request, SignedHeaders=host, Signature=0",
    ],
)
def test_what_is_not_signed_is_refused(authorization: str) -> None:
    date = now().strftime("%Y%m%dT%H%M%SZ")
    headers = [("host", "127.0.0.1"), ("x-amz-date", date)]
    if authorization:
        headers.append(("authorization", authorization.replace("{day}", date[:8])))
    with pytest.raises(Refused):
        verify_head(Head("GET", "/", "", headers), b"")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Chunked:
    """An upload in chunks, signed by the letter of AWS's documentation.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """

    def __init__(self, *, trailer: bool) -> None:
        kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
        headers = {
            "x_amz_content_sha256": kind,
            "content_encoding": "aws-chunked",
            "x_amz_decoded_content_length": "9",
        }
        request = AWSRequest(
            "PUT", f"{ADDRESS}/shop/k", {k.replace("_", "-"): v for k, v in headers.items()}, b""
        )
        SigV4Auth(KEYS, "s3", "eu-central-1").add_auth(request)
        self.head = head_of(request)
        found = read(self.head)
        key = b"AWS4a secret"
        for part in found.scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        before, self.body = found.value, b""
        for piece in (b"hello ", b"you", b""):
            text = (
                f"AWS4-HMAC-SHA256-PAYLOAD\n{found.date}\n{found.scope}\n{before}\n{sha(b'')}\n{sha(piece)}"
            )
            before = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            self.body += f"{len(piece):x};chunk-signature={before}\r\n".encode() + piece
            self.body += b"\r\n" if piece or not trailer else b""
        if trailer:
            line = b"x-amz-checksum-crc32c:sOO8/Q==\n"
            text = f"AWS4-HMAC-SHA256-TRAILER\n{found.date}\n{found.scope}\n{before}\n{sha(line)}"
            value = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            self.body += b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
            self.body += f"x-amz-trailer-signature:{value}\r\n\r\n".encode()


@pytest.mark.parametrize("trailer", [False, True])
def test_chunks_are_taken_as_they_were_signed(trailer: bool) -> None:
    upload = Chunked(trailer=trailer)
    verify_head(upload.head, upload.body)
    body = upload.body
    changed = [body.replace(b"hello", b"jello"), body[:-90], body.replace(b"6;", b"7;"), b"", body + b"more"]
    changed += [body.replace(b"you", b"you\r\n0;chunk-signature=" + b"0" * 64)]
    if trailer:
        changed += [body.replace(b"sOO8", b"sOO9"), body.replace(b"x-amz-trailer-signature", b"x-amz-other")]
    for each in changed:
        with pytest.raises(Refused):
            verify_head(upload.head, each)


@pytest.mark.parametrize("kind", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_payload_may_be_said_to_be_unsigned(kind: str) -> None:
    request = AWSRequest("PUT", f"{ADDRESS}/shop/k", {"X-Amz-Content-Sha256": kind}, b"")
    SigV4Auth(KEYS, "s3", "eu-central-1").add_auth(request)
    verify_head(head_of(request), b"any body")


def test_a_kind_of_payload_that_we_cannot_check_is_refused() -> None:
    kind = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    request = AWSRequest("PUT", f"{ADDRESS}/shop/k", {"X-Amz-Content-Sha256": kind}, b"")
    SigV4Auth(KEYS, "s3", "eu-central-1").add_auth(request)
    with pytest.raises(Refused, match="not the one"):
        verify_head(head_of(request), b"any body")
