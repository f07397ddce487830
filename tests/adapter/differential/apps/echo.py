"""What the echoing apps have in common: how a request is shown, and how one asks for a response."""

import json
from base64 import b64decode
from collections.abc import Iterable
from typing import Any


def shown(body: bytes, headers: Iterable[tuple[str, str]], **seen: Any) -> str:
    """A request as JSON. Hops are what the two ways differ in by nature, so they are left out."""
    kept = [(name.lower(), value) for name, value in headers if not name.lower().startswith("x-forwarded-")]
    return json.dumps({**seen, "body": body.hex(), "headers": sorted(kept, key=lambda pair: pair[0])})


def asked_for(header: str) -> dict[str, Any]:
    """The response that the header asks for."""
    reply: dict[str, Any] = json.loads(b64decode(header))
    return {**reply, "body": bytes.fromhex(reply["body"])}
