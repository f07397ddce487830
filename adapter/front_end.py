"""The work of AWS's front ends: they forward requests to the function, and make responses of its payloads.

It is for local gateways and tests. A function in Lambda does not need it, so functions that use it import it.
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
    """Return the headers of a request as AWS's front ends pass them on: with host and x-forwarded-*.

    Forwarding a request twice gives the same as once.
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
    """Return keys and values in order, still encoded; a key without "=" has the value ""."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(key, value) for key, _, value in pairs]


def decode_query(query: str) -> list[Pair]:
    """Return keys and values in order, decoded like a form."""
    return [(_decode_field(key), _decode_field(value)) for key, value in split_query(query)]


def read_response(payload: object, cookies: Iterable[str] = ()) -> Response:
    """Return the response that AWS would send for a payload. Raises PayloadRefused if there is none."""
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
    """Return the headers of an event or payload, from its multi-value map if it has one."""
    several = fields.get("multiValueHeaders")
    single = several or {name: [value] for name, value in (fields.get("headers") or {}).items()}
    return [(name.lower(), wire.to_latin1(value)) for name, values in single.items() for value in values]


def _decode_field(field: str) -> str:
    return wire.unquote(field.replace("+", " ")).decode("utf-8", "replace")


def _bracket(name: str) -> str:
    """Return a name as it is written before a port: an IPv6 address in brackets."""
    return f"[{name}]" if ":" in name else name
