"""The HTTP event sources: one module for each form in which AWS hands a request to Lambda.

Each has the same four functions, in this order:

    read_event(event)       → Request     what Lambda received
    write_payload(response, event) → payload  what Lambda returns
    write_event(request)    → event       the inverses: for local gateways and for tests
    read_payload(payload)   → Response

An event that is recognised always gets an HTTP answer: if it is broken, `read_event` raises one of
`MALFORMED` and the answer is 400. An event of an API Gateway authorizer looks like a request but asks
for a policy, so it is nobody's.

A function has one event source, and its users wait for what is imported at a cold start. So which module an
event is for is known here, and the module is imported by the first such event.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # for the type checker alone: making a protocol costs every cold start
    from typing import Protocol

    from lambdify.adapter.messages import Request, Response

    class EventSource(Protocol):
        """What every module of this package offers to the adapter."""

        def read_event(self, event: dict[str, Any]) -> Request: ...
        def write_payload(self, response: Response, event: dict[str, Any]) -> dict[str, Any]: ...
        def read_payload(self, payload: object) -> Response: ...


MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""What reading JSON of the wrong shape raises: a key that is missing, null for a string, bad base64, and for
an endless number, which Python reads in JSON, the one of converting that."""


_imported: "dict[str | None, EventSource]" = {}


def find(event: object) -> "EventSource | None":
    """The source that this event came from, or None if it is not an HTTP request."""
    if not isinstance(event, dict) or "routeArn" in event:
        return None
    name = "http_api" if "rawPath" in event and event.get("version") == "2.0" else _recognise(event)
    try:
        return _imported[name]  # the one that all events of a function are for, but for its first
    except KeyError:
        return _import(name) if name else None


def _recognise(event: dict[str, Any]) -> str | None:
    """The name of the module that the event is for, by the keys that only such events have."""
    if "methodArn" in event:
        return None
    version = event.get("version")
    if version == "2.0" and "routeKey" in event:  # VPC Lattice's second has neither that nor rawPath
        return "http_api"
    context = event.get("requestContext")
    if isinstance(context, dict) and "elb" in context:
        return "alb"
    if "httpMethod" in event:  # and so has the event of a Bedrock agent's action, which has neither of these
        return "rest" if "path" in event or "requestContext" in event else None
    if "method" in event:
        is_lattice = "raw_path" in event or (version == "2.0" and "path" in event)
        return "vpc_lattice" if is_lattice else None
    return "edge" if _is_at_edge(event) else None


def _is_at_edge(event: dict[str, Any]) -> bool:
    """Whether the event is a request at CloudFront; its events about responses are not."""
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and len(records) == 1 else None
    cf = record.get("cf") if isinstance(record, dict) else None
    return isinstance(cf, dict) and "request" in cf and "response" not in cf


def _import(name: str) -> "EventSource":
    _imported[name] = source = cast("EventSource", import_module(f"{__name__}.{name}"))
    return source
