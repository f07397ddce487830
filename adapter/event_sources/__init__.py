"""The HTTP event sources: one module for each form in which AWS hands a request to Lambda.

Each has the same four functions, in this order:

    read_event(event)       → Request     of the event that Lambda received
    write_payload(response, event) → payload  that Lambda returns
    write_event(request)    → event       the inverses, for local gateways and tests
    read_payload(payload)   → Response

An event that is recognised always gets an HTTP response: if it is malformed, `read_event` raises one of
`MALFORMED` and the response is 400. An event of an API Gateway authorizer looks like a request but asks for
a policy, so no module takes it.

A function has one event source, and imports delay its cold start. So this module recognises events by itself,
and the first event of a kind imports the module for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # for the type checker alone: making a protocol costs every cold start
    from typing import Protocol

    from lambdify.adapter.messages import Request, Response

    class EventSource(Protocol):
        """The functions of every module of this package that the adapter uses."""

        def read_event(self, event: dict[str, Any]) -> Request: ...
        def write_payload(self, response: Response, event: dict[str, Any]) -> dict[str, Any]: ...
        def read_payload(self, payload: object) -> Response: ...


MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""Errors of reading JSON of the wrong shape: a missing key, null for a string, bad base64. OverflowError is
for Infinity, which Python reads in JSON and cannot convert to an int."""


_imported: "dict[str | None, EventSource]" = {}


def find(event: object) -> "EventSource | None":
    """Return the module for this event; None if it is not an HTTP request."""
    if not isinstance(event, dict) or "routeArn" in event:
        return None
    name = "http_api" if "rawPath" in event and event.get("version") == "2.0" else _recognise(event)
    try:
        return _imported[name]  # for all events of a function but the first
    except KeyError:
        return _import(name) if name else None


def _recognise(event: dict[str, Any]) -> str | None:
    """Return the name of the module for the event, by keys that only such events have; None if unknown."""
    if "methodArn" in event:
        return None
    version = event.get("version")
    if version == "2.0" and "routeKey" in event:  # VPC Lattice's second has neither that nor rawPath
        return "http_api"
    context = event.get("requestContext")
    if isinstance(context, dict) and "elb" in context:
        return "alb"
    if "httpMethod" in event:  # an event of a Bedrock agent's action has it, too, but neither of these
        return "rest" if "path" in event or "requestContext" in event else None
    if "method" in event:
        is_lattice = "raw_path" in event or (version == "2.0" and "path" in event)
        return "vpc_lattice" if is_lattice else None
    return "edge" if _is_at_edge(event) else None


def _is_at_edge(event: dict[str, Any]) -> bool:
    """Return whether the event is a request at CloudFront, and not one of its events about responses."""
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and len(records) == 1 else None
    cf = record.get("cf") if isinstance(record, dict) else None
    return isinstance(cf, dict) and "request" in cf and "response" not in cf


def _import(name: str) -> "EventSource":
    _imported[name] = source = cast("EventSource", import_module(f"{__name__}.{name}"))
    return source
