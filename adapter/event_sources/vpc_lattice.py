"""VPC Lattice, both versions of its event structure.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html

Rules
1. The path includes the query string, both as the client encoded them. The maps of the query hold less, and
   are used only if the path has no "?".
2. Version 1 spells its keys like_this, joins equal headers with commas, and keeps the last of equal query
   keys. It descends from this Envoy filter, which does the same:
   https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/aws_lambda_filter
3. Version 2 spells them likeThis and has lists for headers and query; a string stands for a list of one.
4. The client is the last hop of x-forwarded-for.
5. Responses are the same in both: headers once each, cookies in a list of their own.
"""

from typing import Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request, Response


def read_event(event: dict[str, Any]) -> Request:
    """Return the request in the event. Raises MALFORMED."""
    first = "raw_path" in event
    target, _, query = event["raw_path" if first else "path"].partition("?")
    parameters = event.get("query_string_parameters" if first else "queryStringParameters")
    fields = {
        "multiValueHeaders": _read_lists(event["headers"]),
        "multiValueQueryStringParameters": _read_lists(parameters or {}),
        "body": event.get("body"),
        "isBase64Encoded": event.get("is_base64_encoded" if first else "isBase64Encoded"),
    }
    return wire.build_request(
        fields, method=event["method"], path=target, query=query or wire.read_query(fields, decoded=True)
    )


def write_payload(response: Response, event: dict[str, Any]) -> dict[str, Any]:
    """Return the payload for a response. Raises ResponseRefused."""
    return http_api.write_payload(response, event)


def write_event(request: Request, *, service: str = "local", version: int = 2) -> dict[str, Any]:
    """Return the event for a request; Lattice has neither stages nor request ids."""
    from lambdify.adapter import front_end

    headers = front_end.forward(request)
    query = front_end.decode_query(request.query)
    path = request.mount + request.path
    target = f"{path}?{request.query}" if request.query else path
    body, is_base64 = bodies.write(request.body, request.headers)
    if version == 1:
        return {
            "raw_path": target,
            "method": request.method,
            "headers": wire.join(headers),
            "query_string_parameters": dict(query),
            "body": body,
            "is_base64_encoded": is_base64,
        }
    arn = "arn:aws:vpc-lattice:local:000000000000"
    return {
        "version": "2.0",
        "path": target,
        "method": request.method,
        "headers": wire.group(headers),
        "queryStringParameters": wire.group(query),
        "body": body,
        "isBase64Encoded": is_base64,
        "requestContext": {
            "serviceNetworkArn": f"{arn}:servicenetwork/sn-{service}",
            "serviceArn": f"{arn}:service/svc-{service}",
            "targetGroupArn": f"{arn}:targetgroup/tg-{service}",
            "identity": {"sourceVpcArn": "arn:aws:ec2:local:000000000000:vpc/vpc-local"},
            "region": "local",
            "timeEpoch": "0",
        },
    }


def read_payload(payload: object) -> Response:
    """Return the response that VPC Lattice would send for a payload. Raises PayloadRefused."""
    from lambdify.adapter import front_end

    return front_end.read_response(payload, payload.get("cookies") or () if isinstance(payload, dict) else ())


def _read_lists(fields: dict[str, Any]) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
