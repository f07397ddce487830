"""Lambda@Edge: CloudFront's viewer requests and origin requests, answered by the function itself.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html

Rules
1. Path and query arrive as the client encoded them; the client's address is not in a header. Its scheme is in
   cloudfront-forwarded-proto, if the distribution forwards that; the app finds it in x-forwarded-proto, as
   behind the other event sources.
2. Headers are lists of {key, value} in both directions, so that nothing is joined or dropped.
3. If CloudFront has cut the body (`inputTruncated`), the request is refused, not passed on in part.
4. Headers that a function may not write are left out, since CloudFront would answer 502 for the whole
   response (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html).
5. A response may be 40 KB at a viewer request and 1 MB at an origin request.

mangum's handler is not used: it keeps one header of each name, so one cookie of several, and marks a binary
body in a way that CloudFront does not know. For WSGI apps it is not installed, either. CloudFront allows
such a function neither environment variables nor layers, so lambdify does not deploy one; this module is for
functions that are deployed in another way.
"""

from typing import Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.errors import PayloadRefused
from lambdify.adapter.messages import Request, Response

VIEWER_LIMIT = 40_960
ORIGIN_LIMIT = 1_048_576
"""Bytes. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""

NEVER_WRITTEN = (
    "content-length", "expect", "keep-alive", "trailer", "via", "proxy-", "x-accel-", "x-amz-cf-", "x-edge-",
)  # fmt: skip


def read_event(event: dict[str, Any]) -> Request:
    """Return the request in the event. Raises MALFORMED."""
    request = event["Records"][0]["cf"]["request"]
    body = request.get("body") or {}
    if body.get("inputTruncated"):
        raise ValueError("CloudFront cut the body of the request")
    lists = {name: [field["value"] for field in fields] for name, fields in request["headers"].items()}
    forwarded = lists.get("cloudfront-forwarded-proto")
    fields = {
        "multiValueHeaders": lists | {"x-forwarded-proto": forwarded} if forwarded else lists,
        "body": body.get("data"),
        "isBase64Encoded": body.get("encoding") == "base64",
    }
    return wire.build_request(
        fields,
        method=request["method"],
        path=request["uri"],
        query=request.get("querystring") or "",
        client=request["clientIp"],
        host=_read_config(event).get("distributionDomainName") or "",
    )


def write_payload(response: Response, event: dict[str, Any]) -> dict[str, Any]:
    """Return the payload for a response. Raises ResponseRefused."""
    body, is_base64 = bodies.write_as(response.body, response.fields)
    headers: dict[str, list[dict[str, str]]] = {}
    for name, value in response.headers:
        if not name.startswith(NEVER_WRITTEN):
            headers.setdefault(name, []).append({"key": name, "value": value})
    payload = {
        "status": str(response.status),
        "headers": headers,
        "body": body,
        "bodyEncoding": "base64" if is_base64 else "text",
    }
    at_viewer = str(_read_config(event).get("eventType")).startswith("viewer")
    bodies.check_size(payload | {"isBase64Encoded": is_base64}, VIEWER_LIMIT if at_viewer else ORIGIN_LIMIT)
    return payload


def write_event(
    request: Request, *, distribution: str = "local", at: str = "viewer-request"
) -> dict[str, Any]:
    """Return the event for a request; `at` is "viewer-request" or "origin-request"."""
    from lambdify.adapter import front_end

    headers = front_end.forward(request)
    lists = {
        name: [{"key": name, "value": value} for value in values]
        for name, values in wire.group(headers).items()
    }
    body, is_base64 = bodies.write(request.body, request.headers)
    config = {
        "distributionDomainName": f"{distribution}.cloudfront.net",
        "distributionId": distribution,
        "eventType": at,
        "requestId": "local",
    }
    written: dict[str, Any] = {
        "clientIp": request.client,
        "headers": lists,
        "method": request.method,
        "querystring": request.query,
        "uri": request.mount + request.path,
    }
    if body:
        encoding = "base64" if is_base64 else "text"
        written["body"] = {"inputTruncated": False, "action": "read-only", "encoding": encoding, "data": body}
    return {"Records": [{"cf": {"config": config, "request": written}}]}


def read_payload(payload: object) -> Response:
    """Return the response that CloudFront would send for a payload. Raises PayloadRefused."""
    from lambdify.adapter import front_end

    if not isinstance(payload, dict) or "status" not in payload:
        raise PayloadRefused("a function at CloudFront has to return an object with status")
    try:
        lists = {name: [field["value"] for field in fields] for name, fields in payload["headers"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise PayloadRefused(
            f"what the function returned has no headers as CloudFront knows them: {error!r}"
        ) from error
    is_base64 = payload.get("bodyEncoding") == "base64"
    return front_end.read_response(
        {
            "statusCode": payload["status"],
            "multiValueHeaders": lists,
            "body": payload.get("body"),
            "isBase64Encoded": is_base64,
        }
    )


def _read_config(event: dict[str, Any]) -> dict[str, Any]:
    config = event["Records"][0]["cf"].get("config")
    return config if isinstance(config, dict) else {}
