"""Converts bodies between bytes and the JSON of events and payloads: text if nothing is lost, else base64.

Rules
1. A compressed body (`content-encoding`) and a type that is never text become base64, without a look inside.
2. Any other body is text if it decodes as UTF-8, whatever its charset. AWS encodes it as UTF-8 again, which
   gives the same bytes. The content decides, not a list of text types, so that an unlisted
   `application/x-ndjson` stays readable behind a REST API without binary types.
3. A body with NUL becomes base64: it is hardly text, and JSON would take six bytes for each NUL.
4. pybase64 converts large bodies if the bundle has it, since it uses the CPU's vector instructions.
5. A payload above Lambda's limit is refused here, with both sizes, before the runtime fails on it.
"""

from __future__ import annotations

import json
import sys
from binascii import a2b_base64, b2a_base64
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdify.adapter.messages import Headers, remember

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGE = 131_072
"""Bytes above which pybase64 is used: its import takes as long as decoding 1 MB."""

LAMBDA_LIMIT = 6_291_556
"""Bytes of JSON a function may return ("Response payload size exceeded maximum allowed payload size").
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

BINARY_TYPES = (
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/wasm",
)

ROOM_FOR_HEADERS = 65_536
"""Bytes of headers: more than any front end accepts (10 kB at API Gateway, 32 kB at a load balancer)."""

RUNTIME_ESCAPES_UNICODE = sys.version_info < (3, 12)
"""AWS's runtime client writes non-ASCII as it is from Python 3.12 on (lambda_runtime_marshaller.py)."""

WORST_ESCAPE = 12 if RUNTIME_ESCAPES_UNICODE else 6
"""The most bytes of JSON for one character: a control character takes six (backslash, u, four digits), an
emoji twice as many."""

SURELY_FITS = 960_000 // WORST_ESCAPE
"""Characters of a body that fit every limit of a payload, however JSON escapes them."""


def read(text: str | None, is_base64: bool | None, *, strict: bool = False) -> bytes:
    """Return the bytes of the body of an event or payload. Raises ValueError for bad base64.

    Unless `strict`, base64 may be as emulators write it: in lines, or without padding.
    """
    if not text:
        return b""
    if is_base64:
        return decode_base64(text) if strict else _read_base64(text)
    return text.encode()


def _read_base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except ValueError:
        compact = "".join(text.split())
    missing = -len(compact) % 4
    # Plain words could pass for base64 in lines. So with blanks inside, the padding must not be missing.
    padding = "" if " " in text.strip() else "=" * missing
    try:
        return decode_base64(compact + padding)
    except ValueError:
        raise ValueError("the event says isBase64Encoded of a body that is not base64") from None


def write(body: bytes, headers: Headers) -> tuple[str, bool]:
    """Return the body as text for JSON, and whether that is base64."""
    return write_as(body, dict(headers))


def write_as(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    """Return the same as `write`, for headers in a map."""
    if not body:
        return "", False
    if "content-type" in headers:
        kind = headers["content-type"]
        try:
            never_text = NEVER_TEXT[kind]
        except KeyError:
            never_text = remember(NEVER_TEXT, kind, _is_never_text(kind), 100)
        if never_text:
            return encode_base64(body), True
    if "content-encoding" in headers and headers["content-encoding"] != "identity":
        return encode_base64(body), True
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return encode_base64(body), True
    if "\0" in text:
        return encode_base64(body), True
    return text, False


def decode_base64(text: str) -> bytes:
    """Return the decoded bytes. Raises ValueError for anything but strict base64."""
    faster = _find_pybase64() if len(text) > LARGE else None
    if faster is None:
        return a2b_base64(text, strict_mode=True)
    decoded: bytes = faster.b64decode(text, validate=True)
    return decoded


def encode_base64(body: bytes) -> str:
    """Return the body in base64."""
    faster = _find_pybase64() if len(body) > LARGE else None
    if faster is None:
        return b2a_base64(body, newline=False).decode("ascii")
    encoded: str = faster.b64encode_as_string(body)
    return encoded


@cache
def _find_pybase64() -> Any:
    """Return pybase64 if the bundle has it. The first large body looks for it, not every cold start."""
    try:
        import pybase64
    except ImportError:
        return None
    return pybase64


def check_size(payload: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return the payload. Raises ResponseRefused if it takes more than `limit` bytes as JSON."""
    worst = len(payload["body"]) * (1 if payload["isBase64Encoded"] else WORST_ESCAPE)
    if worst + ROOM_FOR_HEADERS < limit:
        return payload
    size = len(json.dumps(payload, ensure_ascii=RUNTIME_ESCAPES_UNICODE).encode())
    if size > limit:
        from lambdify.adapter.errors import ResponseRefused

        raise ResponseRefused(f"the response takes {size:,} bytes as JSON, Lambda lets {limit:,} through")
    return payload


def _is_never_text(kind: str) -> bool:
    kind = kind.lower()
    return kind.startswith(BINARY_TYPES) and not kind.startswith("image/svg")


NEVER_TEXT: dict[str, bool] = {}
"""Cache: content types, and whether their bodies are base64 without a look inside."""
