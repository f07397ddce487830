"""What a front end does before and behind a function: forwards requests, and sends what was returned.

For local gateways and for tests. A function in Lambda does none of it: this is imported where it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.errors import PayloadRefused
from lambdify.adapter.event_sources import MALFORMED
from lambdify.adapter.messages import Pair, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable


def forward(request: Request) -> list[Pair]:
    """The headers of a request as AWS's front ends hand them on: with its host and x-forwarded-*.

    Once forwarded, a request stays the same when it is forwarded again.
    """
    name = _bracket(request.host)
    usual = request.port == wire.PORTS[request.scheme]
    client = (request.client, request.client_port)
    hops = [value for name, value in request.headers if name == "x-forwarded-for"]
    if request.client and wire.find_client(",".join(hops)) != client:
        port = request.client_port
        hops.append(f"{_bracket(request.client)}:{port}" if port else request.client)
    added = {
        "host": name if usual else f"{name}:{request.port}",
        "x-forwarded-for": ", ".join(hops),
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": request.scheme,
    }
    kept = [pair for pair in request.headers if pair[0] not in added]
    return kept + [pair for pair in added.items() if pair[1]]


def split_query(query: str) -> list[Pair]:
    """Keys and values in order, still encoded; a key without "=" has the value ""."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(key, value) for key, _, value in pairs]


def decode_query(query: str) -> list[Pair]:
    """Keys and values in order, decoded as a form is."""
    return [(_decode_field(key), _decode_field(value)) for key, value in split_query(query)]


def read_response(payload: object, cookies: Iterable[str] = ()) -> Response:
    """The response that AWS would send for what a function returned; PayloadRefused if it would send none."""
    if not isinstance(payload, dict):
        raise PayloadRefused(
            f"a function has to return an object with statusCode, not {type(payload).__name__}"
        )
    try:
        headers = [*read_headers(payload), *(("set-cookie", cookie) for cookie in cookies)]
        body = bodies.read(payload.get("body"), payload.get("isBase64Encoded"), strict=True)
        return Response(int(payload["statusCode"]), tuple(headers), body)
    except MALFORMED as error:
        raise PayloadRefused(f"what the function returned is not a response: {error!r}") from error


def read_headers(fields: dict[str, Any]) -> list[Pair]:
    """The headers of an event or payload, from its multi-value map if it has one."""
    several = fields.get("multiValueHeaders")
    single = several or {name: [value] for name, value in (fields.get("headers") or {}).items()}
    return [(name.lower(), wire.to_latin1(value)) for name, values in single.items() for value in values]


def _decode_field(field: str) -> str:
    return wire.unquote(field.replace("+", " ")).decode("utf-8", "replace")


def _bracket(name: str) -> str:
    """A name as it stands in front of a port."""
    return f"[{name}]" if ":" in name else name
