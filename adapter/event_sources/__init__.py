"""The HTTP event sources: one module for each form in which AWS hands a request to Lambda.

Each has the same five functions, in this order:

    recognises(event)                 is this event mine?
    read_event(event)       → Request     what Lambda received
    write_payload(response, event) → payload  what Lambda returns
    write_event(request)    → event       the inverses: for local gateways and for tests
    read_payload(payload)   → Response

An event that is recognised always gets an HTTP answer: if it is broken, `read_event` raises one of
`errors.MALFORMED` and the answer is 400. An event of an API Gateway authorizer looks like a request but asks
for a policy, so it is nobody's.
"""

from typing import TYPE_CHECKING, Any

from lambdify.adapter.event_sources import alb, http_api, rest

if TYPE_CHECKING:  # for the type checker alone: making a protocol costs every cold start
    from typing import Protocol

    from lambdify.adapter.messages import Request, Response

    class EventSource(Protocol):
        """What every module of this package offers to the adapter."""

        def recognises(self, event: dict[str, Any]) -> bool: ...
        def read_event(self, event: dict[str, Any]) -> Request: ...
        def write_payload(self, response: Response, event: dict[str, Any]) -> dict[str, Any]: ...
        def read_payload(self, payload: object) -> Response: ...


EVENT_SOURCES: "tuple[EventSource, ...]" = (http_api, rest, alb)


def find(event: object) -> "EventSource | None":
    """The source that this event came from, or None if it is not an HTTP request."""
    if not isinstance(event, dict) or "methodArn" in event or "routeArn" in event:
        return None
    if "rawPath" in event and http_api.recognises(event):
        return http_api
    for source in EVENT_SOURCES:
        if source.recognises(event):
            return source
    return _find_rare(event)


def _find_rare(event: dict[str, Any]) -> "EventSource | None":
    """Sources that few functions have: imported by their first event, not at every cold start."""
    if "method" in event:
        from lambdify.adapter.event_sources import vpc_lattice

        return vpc_lattice if vpc_lattice.recognises(event) else None
    if "Records" in event:
        from lambdify.adapter.event_sources import edge

        return edge if edge.recognises(event) else None
    return None
