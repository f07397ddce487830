"""Application Load Balancers, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html

Rules
1. The target group's attribute `lambda.multi_value_headers.enabled` decides which maps an event has, and the
   payload has to use the same kind. Without it only the last of several equal headers or keys arrives.
2. Path and query arrive as the client encoded them; the order across keys is lost.
3. The client is the last hop of x-forwarded-for, which the load balancer writes, without the port that
   `routing.http.xff_client_port.enabled` adds. (In its modes "preserve" and "remove" it writes none.)
4. A single-value map cannot hold two cookies, but names differ by case there and HTTP ignores case:
   set-cookie, Set-cookie, sEt-cookie ... each carry one. Nine letters have 512 spellings: more are refused.
5. A response may be 1 MB of JSON.
"""

from typing import Any

from lambdify.adapter import bodies, wire
from lambdify.adapter.messages import Headers, Request, Response

LIMIT = 1_048_576
"""Bytes of JSON (the page above, "Limits")."""

SPELLINGS = 2 ** len("setcookie")


def read_event(event: dict[str, Any]) -> Request:
    """Return the request in the event. Raises MALFORMED."""
    return wire.build_request(
        event, event["httpMethod"], event["path"], wire.read_query(event, decoded=False)
    )


def write_payload(response: Response, event: dict[str, Any]) -> dict[str, Any]:
    """Return the payload for a response, with the kind of maps that the event has. Raises ResponseRefused."""
    status, fields, repeated, body = response
    text, is_base64 = bodies.write_as(body, fields)
    payload: dict[str, Any] = {"statusCode": status, "body": text, "isBase64Encoded": is_base64}
    if event.get("multiValueHeaders") is not None:
        payload["multiValueHeaders"] = wire.group(repeated or fields.items())
    else:
        payload["headers"] = _write_headers(repeated) if repeated else fields.copy()
    return bodies.check_size(payload, LIMIT) if len(text) > bodies.SURELY_FITS else payload


def write_event(request: Request, *, target_group: str = "local", multi_value: bool = True) -> dict[str, Any]:
    """Return the event for a request; a load balancer has neither stages nor request ids."""
    from lambdify.adapter import front_end

    headers = wire.group(front_end.forward(request))
    query = wire.group(front_end.split_query(request.query))
    body, is_base64 = bodies.write(request.body, request.headers)
    arn = f"arn:aws:elasticloadbalancing:local:000000000000:targetgroup/{target_group}/0"
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": request.method,
        "path": request.mount + request.path,
        "body": body,
        "isBase64Encoded": is_base64,
    }
    if multi_value:
        return event | {"multiValueHeaders": headers, "multiValueQueryStringParameters": query}
    return event | {
        "headers": {name: values[-1] for name, values in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()},
    }


def read_payload(payload: object) -> Response:
    """Return the response that a load balancer would send for a payload. Raises PayloadRefused."""
    from lambdify.adapter import front_end

    return front_end.read_response(payload)


def _write_headers(headers: Headers) -> dict[str, str]:
    """Return a single-value map: equal headers are joined, cookies have names of different case."""
    written = wire.join(headers, ", ")
    written.pop("set-cookie", None)
    cookies = [value for name, value in headers if name == "set-cookie"]
    if len(cookies) > SPELLINGS:
        from lambdify.adapter.errors import ResponseRefused

        raise ResponseRefused(
            f"it sets {len(cookies)} cookies; without multi-value headers a load balancer takes {SPELLINGS}"
        )
    return written | {_spell("set-cookie", number): cookie for number, cookie in enumerate(cookies)}


def _spell(name: str, number: int) -> str:
    """Return the name with the case of its letters set by the bits of `number`: each number has its own."""
    spelling = ""
    for letter in name:
        if letter == "-":
            spelling += letter
        else:
            spelling += letter.upper() if number & 1 else letter
            number >>= 1
    return spelling
