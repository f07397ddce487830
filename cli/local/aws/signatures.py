"""Whether a request to AWS's APIs was signed with a secret that we know.

Lambda, CloudFormation and all others know their callers by signature version 4, in a header or, in URLs that
are handed on, in the query. S3's clients make such URLs with version 2 as well, and send large bodies in
chunks that are signed one by one. Each of these is computed again here and compared.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

Rules, where AWS is the stricter one for S3 alone:
- Host is signed, and so is every x-amz- header: whoever is handed a URL adds nothing to what it does.
- One way of signing at a time, or what one of them says could lead where only the other one was checked.

Runs in ministack's environment too (ministack_bridge.py): the standard library alone.
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
"""How far clocks may be apart."""
MAX_LIFETIME = timedelta(days=7)
"""How long a URL may be good for."""
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
"""What version 2 leaves unsigned, on AWS too: which part of a list it is."""
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
    """The request is not signed as it has to be."""

    def __init__(self, code: str, message: str) -> None:
        """`code` as AWS has it."""
        super().__init__(message)
        self.code, self.message = code, message


class Head(NamedTuple):
    """A request without its body, as it was sent."""

    method: str
    path: str
    """With its escapes."""
    query: str
    headers: Sequence[tuple[str, str]]
    """Names in lower case."""

    def values(self, name: str) -> list[str]:
        """What the headers of that name say."""
        return [value for each, value in self.headers if each == name]

    def value(self, name: str) -> str:
        """What the one header of that name says; "" if there is none."""
        return ",".join(self.values(name))


class Signature(NamedTuple):
    """What a request says of how it was signed."""

    key_id: str
    value: str
    """In hexadecimal digits; of version 2, in base64."""
    date: str
    """As "20261123T091500Z"; of version 2, the seconds since 1970 at which it ends."""
    scope: str = ""
    """ "20261123/eu-central-1/s3/aws4_request"; "" for version 2."""
    names: tuple[str, ...] = ()
    """Headers that were signed."""
    lifetime: str = ""
    """Seconds, of a URL."""
    rest: str = ""
    """Of a URL: its query without the signature."""

    @property
    def service(self) -> str:
        """Whose API the request is for, as its signer says."""
        return self.scope.split("/")[2] if self.scope else "s3"


def read(head: Head) -> Signature:
    """How a request was signed. Raises Refused where it was not, or in two ways."""
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
    # Of the payload's header, the signature holds the content in any case.
    free = {"x-amz-content-sha256"}
    unsigned = {name for name, _ in head.headers if name.startswith("x-amz-")} - {*found.names, *free}
    if unsigned or "host" not in found.names:
        raise Refused("AccessDenied", f"Headers are not signed: {', '.join(sorted(unsigned)) or 'host'}.")
    return found


_UNSIGNED_MESSAGE = "Requests are signed, in one way, with keys of this local cloud: lambdify local env."


def verify(head: Head, found: Signature, body: bytes, secret: str, now: datetime) -> None:
    """Return if `secret` signed the request; `now` is aware of its time zone. Raises Refused."""
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
    """The URL of an object, good for `lifetime` seconds, as S3's clients sign one."""
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
    # What else is in the query is not signed, and may not say what is to be done.
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
    """The payload's line of the canonical request, when it is true of the body."""
    declared = head.value("x-amz-content-sha256")
    if declared in _CHUNKED and not found.lifetime:
        return declared  # each of its pieces is compared
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
    """The path without empty and dotted segments."""
    if not path.strip("/"):
        return "/"
    whole = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{whole}/" if path.endswith("/") and whole != "/" else whole


def _string_to_sign_version_2(head: Head, found: Signature) -> str:
    # A URL may hold what would else be in headers.
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
    # A bucket is signed with a slash behind it.
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
    """Follow the chain of signatures through a body."""
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
    """The chunks with their signatures, of which the last is empty, and what is behind them."""
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
