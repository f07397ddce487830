"""Verifies and makes the signatures of requests to AWS's APIs.

All services use signature version 4, in the Authorization header or, for presigned URLs, in the query. S3's
clients also presign URLs with version 2, and send large bodies in chunks that are signed one by one. Each
signature is computed again here and compared.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

Rules, which AWS has for S3 only, and which hold for every service here:
- Host and every x-amz- header have to be signed, so that the recipient of a URL cannot change what it does.
- A request is signed in one way only. With two, an unchecked one could decide what the request does.

The module also runs in ministack's environment (ministack_bridge.py), so it uses the standard library only.
"""

import base64
import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

SKEW = timedelta(minutes=15)
"""The largest difference between the clocks of client and server."""
MAX_LIFETIME = timedelta(days=7)
"""The longest validity of a URL."""
ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = {"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
_CHUNKED = {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_DATE = "%Y%m%dT%H%M%SZ"
_CHUNK = re.compile(rb"([0-9a-fA-F]+);chunk-signature=([0-9a-f]{64})\r\n")
_TRAILER = re.compile(rb"((?:[^\r\n:]+:[^\r\n]*\r?\n)*)x-amz-trailer-signature:([0-9a-f]{64})\r\n(?:\r\n)?")
_VERSION_2 = frozenset({"AWSAccessKeyId", "Expires", "Signature"})
_LIST_PARAMETERS = frozenset(
    (
        *("continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type"),
        *("marker", "max-keys", "max-parts", "max-uploads", "part-number-marker", "prefix", "start-after"),
        *("upload-id-marker", "version-id-marker"),
    )
)
"""Parameters that version 2 does not sign, on AWS too: they choose the part of a list."""
_STANDARD = ("content-md5", "content-type")
_SUBRESOURCES = frozenset(
    (
        *("accelerate", "acl", "cors", "defaultObjectAcl", "delete", "encryption", "inventory", "legal-hold"),
        *("lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber"),
        *("policy", "replication", "requestPayment", "response-cache-control"),
        *("response-content-disposition", "response-content-encoding", "response-content-language"),
        *("response-content-type", "response-expires", "restore", "retention", "select", "select-type"),
        *("tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"),
    )
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#ConstructingTheCanonicalizedResourceElement"""


class Refused(Exception):
    """The signature of the request is missing, wrong or too old."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is AWS's error code."""
        super().__init__(message)
        self.code, self.message = code, message


class Head(NamedTuple):
    """A request without its body, as the client sent it."""

    method: str
    path: str
    """Percent-encoded."""
    query: str
    headers: Sequence[tuple[str, str]]
    """Names in lower case."""

    def values(self, name: str) -> list[str]:
        """Return the values of the headers of that name."""
        return [value for each, value in self.headers if each == name]

    def value(self, name: str) -> str:
        """Return the values of the headers of that name, joined with commas; "" if there is none."""
        return ",".join(self.values(name))


class Signature(NamedTuple):
    """A signature, with the values that it was made from."""

    key_id: str
    value: str
    """Hexadecimal digits; base64 for version 2."""
    date: str
    """Such as "20261123T091500Z"; for version 2 the time of expiry, in seconds since 1970."""
    scope: str = ""
    """ "20261123/eu-central-1/s3/aws4_request"; "" for version 2."""
    names: tuple[str, ...] = ()
    """The signed headers."""
    lifetime: str = ""
    """The validity of a URL in seconds; "" if the signature is in a header."""
    rest: str = ""
    """The query of a URL without the signature."""

    @property
    def service(self) -> str:
        """The service that the request is signed for."""
        return self.scope.split("/")[2] if self.scope else "s3"


def read(head: Head) -> Signature:
    """Return the signature of a request. Raises Refused if there is none, or more than one."""
    query = dict(parse_qsl(head.query, keep_blank_values=True))
    ways = [
        bool(head.values("authorization")),
        any(name.lower() in {"x-amz-signature", "x-amz-credential"} for name in query),
        not _VERSION_2.isdisjoint(query),
    ]
    if sum(ways) != 1:
        raise Refused("MissingAuthenticationToken" if not any(ways) else "InvalidRequest", _UNSIGNED_MESSAGE)
    if ways[2]:
        return _read_version_2(query)
    found = _read_url(head, query) if ways[1] else _read_header(head)
    scope = found.scope.split("/")
    if len(scope) != 4 or scope[0] != found.date[:8] or scope[3] != "aws4_request":
        raise Refused("IncompleteSignature", "The scope of the signature is not that of its date.")
    # The value of this header is part of every signature anyway.
    free = {"x-amz-content-sha256"}
    unsigned = {name for name, _ in head.headers if name.startswith("x-amz-")} - {*found.names, *free}
    if unsigned or "host" not in found.names:
        raise Refused("AccessDenied", f"Headers are not signed: {', '.join(sorted(unsigned)) or 'host'}.")
    return found


_UNSIGNED_MESSAGE = "Requests are signed, in one way, with keys of this local cloud: lambdify local env."


def verify(head: Head, found: Signature, body: bytes, secret: str, now: datetime) -> None:
    """Return if the request was signed with `secret`; else raise Refused. `now` has a time zone."""
    if found.scope:
        _check_time(found, now)
        key = _derive_key(secret, found.scope)
        hashed = _hash_payload(head, found, body)
        expected = _sign(key, _string_to_sign(found, _canonical_request(head, found, hashed)))
        _compare(expected, found.value)
        if hashed in _CHUNKED:
            _check_chunks(found, key, body, trailer=hashed.endswith("TRAILER"))
    else:
        if not found.date.isdecimal() or int(found.date) < now.timestamp():
            raise Refused("AccessDenied", "The signature has expired.")
        digest = hmac.digest(secret.encode(), _string_to_sign_version_2(head, found).encode(), "sha1")
        _compare(base64.b64encode(digest).decode(), found.value)


def sign_url(
    url: str, key_id: str, secret: str, *, region: str, now: datetime, lifetime: int, method: str = "GET"
) -> str:
    """Return a presigned URL of an object, valid for `lifetime` seconds, as S3's clients make it."""
    host, _, path = url.partition("://")[2].partition("/")
    date = now.strftime(_DATE)
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    query = "&".join(
        f"X-Amz-{name}={quote(value, safe='')}"
        for name, value in (
            ("Algorithm", ALGORITHM),
            ("Credential", f"{key_id}/{scope}"),
            ("Date", date),
            ("Expires", str(lifetime)),
            ("SignedHeaders", "host"),
        )
    )
    signature = Signature(key_id, "", date, scope, ("host",), str(lifetime), query)
    head = Head(method, f"/{path}", query, (("host", host),))
    value = _sign(
        _derive_key(secret, scope),
        _string_to_sign(signature, _canonical_request(head, signature, "UNSIGNED-PAYLOAD")),
    )
    return f"{url}?{query}&X-Amz-Signature={value}"


def _read_header(head: Head) -> Signature:
    algorithm, _, rest = head.value("authorization").partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    key_id, _, scope = fields.get("Credential", "").partition("/")
    names = tuple(fields.get("SignedHeaders", "").split(";"))
    if algorithm != ALGORITHM or not scope or not fields.get("Signature"):
        raise Refused("IncompleteSignature", f"The Authorization header is not one of {ALGORITHM}.")
    return Signature(key_id, fields["Signature"], _read_date(head), scope, names)


def _read_date(head: Head) -> str:
    if head.values("x-amz-date"):
        return head.value("x-amz-date")
    try:
        return parsedate_to_datetime(head.value("date")).astimezone(UTC).strftime(_DATE)
    except ValueError as error:
        raise Refused("IncompleteSignature", "The request has no date.") from error


def _read_url(head: Head, query: Mapping[str, str]) -> Signature:
    fields = {name.lower(): value for name, value in query.items()}
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise Refused("IncompleteSignature", f"The URL is not signed with {ALGORITHM}.")
    key_id, _, scope = fields.get("x-amz-credential", "").partition("/")
    rest = "&".join(
        pair for pair in head.query.split("&") if unquote(pair.partition("=")[0]).lower() != "x-amz-signature"
    )
    return Signature(
        key_id,
        fields.get("x-amz-signature", ""),
        fields.get("x-amz-date", ""),
        scope,
        tuple(fields.get("x-amz-signedheaders", "").split(";")),
        fields.get("x-amz-expires") or "-",
        rest,
    )


def _read_version_2(query: Mapping[str, str]) -> Signature:
    # All other parameters are not signed, so they are refused.
    known = {*_VERSION_2, *_SUBRESOURCES, *_LIST_PARAMETERS, *_STANDARD, "x-id"}
    if unknown := sorted(name for name in query if name not in known and not name.startswith("x-amz-")):
        raise Refused("AccessDenied", f"Parameters are not signed: {', '.join(unknown)}.")
    return Signature(query.get("AWSAccessKeyId", ""), query.get("Signature", ""), query.get("Expires", ""))


def _check_time(found: Signature, now: datetime) -> None:
    try:
        signed = datetime.strptime(found.date, _DATE).replace(tzinfo=UTC)
        lifetime = timedelta(seconds=int(found.lifetime)) if found.lifetime else SKEW
    except (ValueError, OverflowError) as error:
        raise Refused("IncompleteSignature", "The signature has no date.") from error
    if signed - now > SKEW or now - signed > lifetime or lifetime > MAX_LIFETIME:
        code = "AccessDenied" if found.lifetime else "RequestTimeTooSkewed"
        raise Refused(code, f"The signature of {found.date} is not good at {now.strftime(_DATE)}.")


def _hash_payload(head: Head, found: Signature, body: bytes) -> str:
    """Return the payload's line of the canonical request. Raises Refused if the body has another digest."""
    declared = head.value("x-amz-content-sha256")
    if declared in _CHUNKED and not found.lifetime:
        return declared  # `_check_chunks` compares each chunk
    if declared in _UNSIGNED or (not declared and found.lifetime and found.service == "s3"):
        return declared or "UNSIGNED-PAYLOAD"
    actual = hashlib.sha256(body).hexdigest()
    if declared and not hmac.compare_digest(declared.encode(), actual.encode()):
        raise Refused("XAmzContentSHA256Mismatch", "The body is not the one that was signed.")
    return actual


def _canonical_request(head: Head, found: Signature, payload: str) -> str:
    query = found.rest if found.lifetime else head.query
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    headers = (
        f"{name}:{','.join(' '.join(value.split()) for value in head.values(name))}\n" for name in found.names
    )
    path = head.path if found.service == "s3" else quote(_normalize_path(head.path), safe="/~")
    return "\n".join(
        [
            head.method.upper(),
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(headers),
            ";".join(found.names),
            payload,
        ]
    )


def _normalize_path(path: str) -> str:
    """Return the path without empty and dotted segments."""
    if not path.strip("/"):
        return "/"
    whole = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{whole}/" if path.endswith("/") and whole != "/" else whole


def _string_to_sign_version_2(head: Head, found: Signature) -> str:
    # A presigned URL has some headers as parameters.
    fields = [*head.headers, *((name, value) for name, value in parse_qsl(head.query))]
    standard = [next((value for each, value in reversed(fields) if each == name), "") for name in _STANDARD]
    headers = "".join(
        f"{name}:{value.strip()}\n" for name, value in sorted(fields) if name.startswith("x-amz-")
    )
    parts = sorted(
        (name, unquote(value), bool(sign))
        for name, sign, value in (pair.partition("=") for pair in head.query.split("&"))
        if name in _SUBRESOURCES
    )
    resource = "&".join(f"{name}={value}" if sign else name for name, value, sign in parts)
    # The path of a bucket is signed with a slash at the end.
    path = head.path if head.path.count("/") > 1 else f"{head.path.rstrip('/')}/"
    lines = "\n".join([head.method.upper(), *standard, found.date])
    return f"{lines}\n{headers}{path}{'?' if resource else ''}{resource}"


def _string_to_sign(found: Signature, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{found.date}\n{found.scope}\n{digest}"


def _derive_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def _compare(expected: str, found: str) -> None:
    if not hmac.compare_digest(expected.encode(), found.encode()):
        raise Refused("SignatureDoesNotMatch", "The signature is not that of the request and its key.")


def _check_chunks(found: Signature, key: bytes, body: bytes, *, trailer: bool) -> None:
    """Verify the chain of signatures in a body. Raises Refused."""
    chunks, rest = _read_chunks(body)
    before = found.value
    for content, value in chunks:
        pieces = [f"{ALGORITHM}-PAYLOAD", found.date, found.scope, before, _EMPTY_HASH]
        before = _sign(key, "\n".join([*pieces, hashlib.sha256(content).hexdigest()]))
        _compare(before, value)
    if not trailer:
        if rest not in {b"", b"\r\n"}:
            raise Refused("IncompleteBody", "There is something behind the last chunk.")
        return
    fields = _TRAILER.fullmatch(rest)
    if fields is None:
        raise Refused("IncompleteBody", "The trailer is not signed.")
    digest = hashlib.sha256(fields[1].replace(b"\r\n", b"\n")).hexdigest()
    signed = "\n".join([f"{ALGORITHM}-TRAILER", found.date, found.scope, before, digest])
    _compare(_sign(key, signed), fields[2].decode())


def _read_chunks(body: bytes) -> tuple[list[tuple[bytes, str]], bytes]:
    """Return the chunks with their signatures, of which the last is empty, and the rest of the body."""
    found, at = [], 0
    while chunk := _CHUNK.match(body, at):
        begin = chunk.end()
        at = begin + int(chunk[1], 16)
        found.append((body[begin:at], chunk[2].decode()))
        if at == begin:
            return found, body[at:]
        if body[at : at + 2] != b"\r\n":
            break
        at += 2
    raise Refused("IncompleteBody", "The chunks of the body do not end.")
