"""An HTTP request as the event that the stage's endpoint would make of it, and the response in a payload.

`invoke --http` and the smoke requests of a release call the function itself, past the endpoint. The event is
the one that the endpoint would send, and the response the one that its client would get. The inverses of the
adapter know both, so this is the one module outside of `local` that imports the adapter (ARCHITECTURE.md,
rule 2).

Rules:
- Pure: no call, no clock. A function without an endpoint gets an HTTP API's event, which it understands.
- The event names the endpoint's host, unless a header names another: Django refuses hosts that it does not
  know.
- Behind a CDN the request comes as from there, with its secret: a function may let in nobody else.
"""

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from lambdify.adapter import bodies, wire
from lambdify.adapter.errors import PayloadRefused
from lambdify.adapter.event_sources import alb, http_api, rest
from lambdify.adapter.in_front import cdn
from lambdify.adapter.messages import Request, Response
from lambdify.cli.errors import FunctionFailed, UsageError
from lambdify.cli.settings import Settings
from lambdify.cli.template.cdn import find_secret
from lambdify.cli.version import VERSION

Pairs = Collection[tuple[str, str]]

CLIENT = "127.0.0.1"
"""The address that the app sees: the request has not come through a network."""
ENCODED = "!$&'()*+,;=:@/%"
"""Characters, besides letters and digits, that are not encoded: the path may be encoded already."""
READERS = {"rest-api": rest.read_payload, "alb": alb.read_payload}
"""Functions that read payloads, by kind of endpoint; the other kinds have an HTTP API's payload."""
DELIMITER = bytes(8)
"""Between the prelude and the body of a response that the function streamed:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"""


def write(
    settings: Settings,
    method: str,
    path: str,
    headers: Pairs = (),
    body: bytes = b"",
    *,
    url: str = "",
    stack: str = "",
) -> dict[str, Any]:
    """Return the event for a request to the stage.

    `path` begins with "/", may have a query, and is encoded as far as needed. `url` is the endpoint's URL in
    the stack's outputs ("https://abc.execute-api.../live"); the request gets its host and its path prefix. A
    header `host` stands for the host of a domain that leads to the endpoint. `stack` is the id of the stack,
    which is known by the CDN. Raises UsageError if the host is none.
    """
    address = urlsplit(url)
    host, port = find_host(headers, url)
    before_query, _, query = path.partition("#")[0].partition("?")
    request = Request(
        method=method.upper(),
        path=quote(before_query, ENCODED),
        query=quote(query, ENCODED + "?"),
        headers=(
            *_complete_headers(headers, body),
            *(_of_cdn(host, port, stack) if stack and settings.http.cdn else ()),
        ),
        body=body,
        mount=address.path.rstrip("/"),
        host=host,
        port=port or wire.PORTS["https"],
        client=CLIENT,
    )
    match settings.http.endpoint:
        case "rest-api":
            return rest.write_event(request)
        case "alb":
            return alb.write_event(request)
        case "http-api" if settings.domain.path:
            # The path of a domain is no stage: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html
            return http_api.write_event(request, stage=http_api.DEFAULT_STAGE)
        case kind:
            return http_api.write_event(request, function_url=kind == "function-url")


def find_host(headers: Pairs, url: str) -> tuple[str, int | None]:
    """Return name and port of the header `host`, else those in the endpoint's URL. Raises UsageError."""
    address = urlsplit(url)
    given = [value.strip() for name, value in headers if name.strip().lower() == "host"]
    if not given:
        return _name_of(address)
    name, port = wire.split_authority(given[-1])
    if not name:
        raise UsageError(f'"{given[-1]}" is not a host.', hint='Write --header "Host: www.example.org".')
    return name, port


def _name_of(address: SplitResult) -> tuple[str, int | None]:
    """Return the host and the port of a URL; of a name of the stage those on AWS, in the local cloud too."""
    host = address.hostname or "localhost"
    name = host.removesuffix(".localhost")
    return (host, address.port) if name == host or "." not in name else (name, None)


def read(settings: Settings, payload: bytes) -> Response:
    """Return the response (status, headers, body) that a client would get for the function's payload.

    The payload is JSON, or the prelude and body of a streamed response. Raises FunctionFailed if it is no
    HTTP response.
    """
    read_payload = READERS.get(settings.http.endpoint, http_api.read_payload)
    prelude, streamed, body = payload.partition(DELIMITER)
    try:
        response = read_payload(json.loads(prelude or b"null"))
    except (PayloadRefused, ValueError) as error:
        raise FunctionFailed(
            f"What the function returned is no HTTP response: {error}",
            hint=f"`lambdify invoke` without --http shows it as it is, `lambdify logs {settings.stage}` why.",
            during=f"invoking {settings.full_name}",
        ) from error
    return response._replace(body=body) if streamed else response


def write_body(body: bytes) -> tuple[str, bool]:
    """Return the bytes as a text for JSON, and whether that text is base64."""
    return bodies.write(body, ())


def _of_cdn(host: str, port: int | None, stack: str) -> Pairs:
    """Return the headers of a request that has come by the CDN of a stack."""
    name = f"[{host}]" if ":" in host else host
    said = f"{name}:{port}" if port else name
    return ((cdn.SECRET, find_secret(stack)), (cdn.HOST, said), (cdn.CLIENT, CLIENT))


def _complete_headers(headers: Pairs, body: bytes) -> tuple[tuple[str, str], ...]:
    """Return the headers as they are on the wire, with those that every client sends."""
    given = [(name.strip().lower(), wire.to_latin1(value.strip())) for name, value in headers]
    usual = {"user-agent": f"lambdify/{VERSION}", "accept": "*/*"}
    if body:
        usual["content-length"] = str(len(body))
    missing = [pair for pair in usual.items() if pair[0] not in dict(given)]
    return (*given, *missing)
