"""The requests, and the events in which AWS sends them, with the headers of a browser and the fields of each
source's documentation (its page is linked in `adapter/event_sources`).
"""

from base64 import b64encode
from typing import Any, NamedTuple

HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
FUNCTION_URL_HOST = "a1b2c3d4e5f6g7h8i9j0.lambda-url.eu-central-1.on.aws"
CLIENT = "203.0.113.7"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
TIME = 1_790_000_000_000

BROWSER = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-GB,en;q=0.9,de;q=0.7",
    "cache-control": "no-cache",
    "referer": "https://www.example.com/shop/start",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "same-origin",
    "upgrade-insecure-requests": "1",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "x-amzn-trace-id": "Root=1-68d2c9e0-4d1f0e6b2c3a4f5e6d7c8b9a",
}
COOKIES = ["session=eyJ1c2VyIjo0Mn0.Zt0x9Q.kPz4", "theme=dark"]


class Call(NamedTuple):
    """One request of the race."""

    name: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    kind: str = ""


GET = Call("GET", "GET", "/items/blue-chair", "page=2&sort=name")
BODIES = (
    Call("POST 10 kB of JSON", "POST", "/upload", body=b'{"a": "bcd"},' * 770, kind="application/json"),
    Call("POST 1 MB", "POST", "/upload", body=bytes(range(256)) * 3906, kind="application/octet-stream"),
    Call("answer of 100 kB of text", "GET", "/text"),
    Call("answer of 1 MB", "GET", "/binary"),
)


def write_http_api(call: Call, *, host: str = HOST) -> dict[str, Any]:
    """Payload format 2.0, of an HTTP API or (by its host) of a function URL."""
    route = "$default"
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": call.path,
        "rawQueryString": call.query,
        "cookies": COOKIES,
        "headers": _headers(call, host),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": call.method,
                "path": call.path,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": BROWSER["user-agent"],
            },
            "requestId": REQUEST_ID,
            "routeKey": route,
            "stage": "$default",
            "time": "21/Sep/2026:14:13:20 +0000",
            "timeEpoch": TIME,
        },
        **_body(call),
    }
    if call.query:
        event["queryStringParameters"] = _query(call)
    return event


def write_function_url(call: Call) -> dict[str, Any]:
    """Payload format 2.0 of a function URL; its cookies are in a header as well."""
    event = write_http_api(call, host=FUNCTION_URL_HOST)
    event["headers"]["cookie"] = "; ".join(COOKIES)
    return event


def write_rest(call: Call) -> dict[str, Any]:
    """Payload format 1.0, of a REST API with the stage `prod`."""
    headers = _headers(call, HOST) | {"cookie": "; ".join(COOKIES)}
    headers = {name.title(): value for name, value in headers.items()}
    query = _query(call)
    return {
        "resource": "/{proxy+}",
        "path": call.path,
        "httpMethod": call.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": {"proxy": call.path[1:]},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "abc123",
            "resourcePath": "/{proxy+}",
            "httpMethod": call.method,
            "extendedRequestId": "Zt0x9QkPz4eyJ1c=",
            "requestTime": "21/Sep/2026:14:13:20 +0000",
            "path": f"/prod{call.path}",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": HOST.partition(".")[0],
            "requestTimeEpoch": TIME,
            "requestId": REQUEST_ID,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoIdentityId": None,
                "sourceIp": CLIENT,
                "user": None,
                "userAgent": BROWSER["user-agent"],
                "userArn": None,
            },
            "domainName": HOST,
            "apiId": HOST.partition(".")[0],
        },
        **({"body": None, "isBase64Encoded": False} | _body(call)),
    }


def write_alb(call: Call) -> dict[str, Any]:
    """A load balancer's event with multi-value headers."""
    event = write_alb_single(call)
    several = {name: [value] for name, value in event.pop("headers").items()}
    query = {name: [value] for name, value in event.pop("queryStringParameters").items()}
    return event | {"multiValueHeaders": several, "multiValueQueryStringParameters": query}


def write_alb_single(call: Call) -> dict[str, Any]:
    """A load balancer's event with one value of each header."""
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/app/6d0ecf831eec9f09"
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": call.method,
        "path": call.path,
        "queryStringParameters": _query(call),
        "headers": _headers(call, "app-1234567890.eu-central-1.elb.amazonaws.com")
        | {"cookie": "; ".join(COOKIES)},
        **({"body": "", "isBase64Encoded": False} | _body(call)),
    }


WRITERS = {
    "HTTP API": write_http_api,
    "function URL": write_function_url,
    "REST API": write_rest,
    "ALB": write_alb,
    "ALB, single values": write_alb_single,
}


class Row(NamedTuple):
    """One line of the table: an event, and the request in it."""

    name: str
    call: Call
    event: dict[str, Any]


def _headers(call: Call, host: str) -> dict[str, str]:
    of_the_body = {"content-type": call.kind, "content-length": str(len(call.body))} if call.body else {}
    forwarded = {"x-forwarded-for": CLIENT, "x-forwarded-port": "443", "x-forwarded-proto": "https"}
    return dict(sorted({"host": host, **BROWSER, **of_the_body, **forwarded}.items()))


def _query(call: Call) -> dict[str, str]:
    return dict(part.split("=") for part in call.query.split("&")) if call.query else {}


def _body(call: Call) -> dict[str, Any]:
    if not call.body:
        return {"isBase64Encoded": False}
    if call.kind == "application/json":
        return {"body": call.body.decode(), "isBase64Encoded": False}
    return {"body": b64encode(call.body).decode(), "isBase64Encoded": True}


ROWS = (
    *(Row(f"GET, {source}", GET, write(GET)) for source, write in WRITERS.items()),
    *(Row(call.name, call, write_http_api(call)) for call in BODIES),
)
"""GET on every source, the bodies on one."""
