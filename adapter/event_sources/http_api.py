"""Payload format 2.0: API Gateway's HTTP APIs, and function URLs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads

Rules
1. An HTTP API decodes the path twice, and cuts it at a decoded "?". It is encoded again here, so that the app
   decodes it to the path of the event. A function URL, known by its domain, leaves the path as it is.
2. The stage is in front of the path, unless it is `$default` or a custom domain maps it away.
3. `rawQueryString` is exactly what the client sent.
4. Repeated headers are joined with commas in both directions; cookies are in a list of their own.
5. A payload without `statusCode` is a JSON body with status 200.
6. An emulator's event may lack `domainName` and `sourceIp`. Then the client is unknown: x-forwarded-for
   cannot be trusted here, since the client may write all of it.
"""

import json
from typing import Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.messages import Request, Response

DEFAULT_STAGE = "$default"
FUNCTION_URL_DOMAIN = ".lambda-url."


def read_event(event: dict[str, Any]) -> Request:
    """Return the request in the event. Raises MALFORMED."""
    context = event["requestContext"]
    http = context["http"]
    try:
        domain, client = context["domainName"] or "", http["sourceIp"] or ""
    except KeyError:
        domain, client = context.get("domainName") or "", http.get("sourceIp") or ""
    path = event["rawPath"]
    if FUNCTION_URL_DOMAIN not in domain and path.encode().rstrip(wire.PATH_CHARACTERS):
        path = wire.quote(path)
    stage = context.get("stage", DEFAULT_STAGE)
    mount = ""
    if stage != DEFAULT_STAGE:
        mount, path = wire.split_mount(path, f"/{stage}")
    return wire.build_request(
        event,
        http["method"],
        path,
        event.get("rawQueryString", ""),
        mount,
        client,
        domain,
        event.get("cookies"),
    )


def write_payload(response: Response, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 (as in its siblings)
    """Return the payload for a response. Raises ResponseRefused."""
    status, fields, repeated, body = response
    headers = wire.join(repeated, ", ") if repeated else fields.copy()
    text, is_base64 = bodies.write_as(body, fields)
    cookies: list[str] = []
    if "set-cookie" in headers:
        del headers["set-cookie"]
        cookies = [value for name, value in response.headers if name == "set-cookie"]
    payload = {
        "statusCode": status,
        "headers": headers,
        "cookies": cookies,
        "body": text,
        "isBase64Encoded": is_base64,
    }
    return bodies.check_size(payload, bodies.LAMBDA_LIMIT) if len(text) > bodies.SURELY_FITS else payload


def write_event(
    request: Request,
    *,
    api_id: str = "local",
    stage: str = "",
    request_id: str = "local",
    milliseconds: int = 0,
    function_url: bool = False,
) -> dict[str, Any]:
    """Return the event for a request; the stage is the request's mount, or `$default`, unless it is given."""
    from lambdify.adapter import front_end

    headers = front_end.forward(request)
    cookies = [part.strip() for name, value in headers if name == "cookie" for part in value.split(";")]
    path = request.mount + request.path
    domain = f"{api_id}{FUNCTION_URL_DOMAIN}local.on.aws" if function_url else request.host
    decoded = _decode_path(path)
    body, is_base64 = bodies.write(request.body, request.headers)
    event = {
        "version": "2.0",
        "routeKey": DEFAULT_STAGE,
        "rawPath": path if function_url else decoded,
        "rawQueryString": request.query,
        "headers": wire.join([pair for pair in headers if pair[0] != "cookie"]),
        "requestContext": {
            "accountId": "anonymous" if function_url else "000000000000",
            "apiId": api_id,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": decoded,
                "protocol": "HTTP/1.1",
                "sourceIp": request.client,
                "userAgent": dict(headers).get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": DEFAULT_STAGE,
            "stage": stage or request.mount[1:] or DEFAULT_STAGE,
            "timeEpoch": milliseconds,
        },
        "isBase64Encoded": is_base64,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = wire.join(front_end.decode_query(request.query))
    if body:
        event["body"] = body
    return event


def read_payload(payload: object) -> Response:
    """Return the response that API Gateway or a function URL would send for a payload.

    Raises PayloadRefused.
    """
    from lambdify.adapter import front_end

    if not (isinstance(payload, dict) and "statusCode" in payload):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return Response(200, (("content-type", "application/json"),), text.encode(errors="replace"))
    return front_end.read_response(payload, payload.get("cookies") or ())


def _decode_path(path: str) -> str:
    """Return the path as an HTTP API passes it on: decoded, cut at a "?", and decoded once more."""
    once = wire.unquote(path).decode("utf-8", "replace").partition("?")[0]
    return wire.unquote(once).decode("utf-8", "replace")
