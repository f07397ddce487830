"""Payload format 1.0: API Gateway's REST APIs, and HTTP APIs set to that format.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html

Rules
1. `path` is encoded and has no stage; `requestContext.path` is the path of the client's request, with the
   stage. The difference is the mount. Some custom domains add `rawPath`, which then has the path of the
   request (https://github.com/honojs/hono/issues/5015).
2. Behind a custom domain the two are the same and hold the base path. The part that `resource` matched is the
   app's, the rest is the mount (https://github.com/CodeGenieApp/serverless-express/issues/216).
3. An HTTP API in this format has `version`, which a REST API has not. It decodes the path, which begins with
   the stage, or with the base path of a custom domain. That is the mount if the route tells what it matched.
   The route `$default` does not, so there the base path stays in the app's path.
4. The query arrives decoded and without its order across keys: it is encoded again, each key with its values
   in order.
5. Headers come and go in multi-value maps. The client's content-length is not among them.
6. An event of an emulator or a unit test may lack all of `requestContext`: then the client is unknown.
"""

from typing import Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.messages import Request, Response

DEFAULT_STAGE = "prod"


def read_event(event: dict[str, Any]) -> Request:
    """Return the request in the event. Raises MALFORMED."""
    context = event.get("requestContext") or {}
    mount, path = _split_path(event, context)
    return wire.build_request(
        event,
        event["httpMethod"],
        path,
        wire.read_query(event, decoded=True),
        mount,
        (context.get("identity") or {}).get("sourceIp") or "",
        context.get("domainName") or "",
    )


def write_payload(response: Response, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 (as in its siblings)
    """Return the payload for a response. Raises ResponseRefused."""
    status, fields, repeated, body = response
    text, is_base64 = bodies.write_as(body, fields)
    payload = {
        "statusCode": status,
        "multiValueHeaders": wire.group(repeated or fields.items()),
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
) -> dict[str, Any]:
    """Return the event for a request; the stage is the request's mount, or "prod", unless it is given."""
    from lambdify.adapter import front_end

    headers = wire.group(pair for pair in front_end.forward(request) if pair[0] != "content-length")
    query = wire.group(front_end.decode_query(request.query))
    body, is_base64 = bodies.write(request.body, request.headers)
    resource = "/" if request.path == "/" else "/{proxy+}"
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": request.path[1:]} if resource != "/" else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": api_id,
            "domainName": request.host,
            "domainPrefix": request.host.partition(".")[0],
            "httpMethod": request.method,
            "identity": {"sourceIp": request.client, "userAgent": headers.get("user-agent", [""])[-1]},
            "path": request.mount + request.path,
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTimeEpoch": milliseconds,
            "resourcePath": resource,
            "stage": stage or request.mount[1:] or DEFAULT_STAGE,
        },
        "body": body or None,
        "isBase64Encoded": is_base64,
    }


def read_payload(payload: object) -> Response:
    """Return the response that API Gateway would send for a payload. Raises PayloadRefused."""
    from lambdify.adapter import front_end

    return front_end.read_response(payload)


def _split_path(event: dict[str, Any], context: dict[str, Any]) -> tuple[str, str]:
    """Return (mount, path) of the app, both encoded."""
    path: str = event["path"]
    if event.get("version") == "1.0":
        mount, rest = wire.split_mount(wire.quote(path), f"/{context.get('stage')}")
        if mount:
            return mount, rest
        mount, rest = _split_matched(event, path)
        return wire.quote(mount), wire.quote(rest)
    asked: str = event.get("rawPath") or context.get("path") or path
    if asked != path and (asked.endswith(path) or path == "/"):
        return asked.removesuffix(path).rstrip("/"), path
    return _split_matched(event, path)


def _split_matched(event: dict[str, Any], path: str) -> tuple[str, str]:
    """Split the path before the part that `resource` matched."""
    matched = _fill_in(event.get("resource") or "", event.get("pathParameters") or {})
    for end in (matched, f"{matched}/"):
        if end.startswith("/") and path.endswith(end):
            return path.removesuffix(end), end
    return "", path


def _fill_in(resource: str, parameters: dict[str, str]) -> str:
    filled, *parts = resource.split("{")  # split only once, since a value may look like a parameter
    for part in parts:
        name, _, rest = part.partition("}")
        filled += parameters.get(name.removesuffix("+"), f"{{{name}}}") + rest
    return filled
