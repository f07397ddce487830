"""lambdify invoke --http: one HTTP request to the function itself, past its endpoint.

The event is the one that the stage's kind of endpoint would send, so the response is the one that its client
would get. Whatever the endpoint adds (authorizers, throttling, CORS, its time limit) is left out, so that the
function can be tested without it.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from lambdify.cli.calls import http_event, invocation, refused_host
from lambdify.cli.console import Console
from lambdify.cli.errors import RequestFailed, UsageError
from lambdify.cli.stacks import stack
from lambdify.cli.stage import Stage

FIRST_ERROR_STATUS = 400
"""The lowest HTTP status that is an error."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """An HTTP request, with the headers and the body of --header and --data."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """The response that a client would get."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    version: str
    """The published version that ran."""
    milliseconds: int
    """Time of the whole call, including the network and a cold start."""

    @property
    def status_line(self) -> str:
        """The status and its phrase, such as "404 Not Found"; only the number if there is no phrase."""
        known = {each.value: each.phrase for each in HTTPStatus}
        return f"{self.status} {known.get(self.status, '')}".rstrip()

    @property
    def value(self) -> dict[str, object]:
        """The response for --json; a body that is not text is in base64."""
        text, is_base64 = http_event.write_body(self.body)
        return {
            "status": self.status,
            "headers": [list(pair) for pair in self.headers],
            "body": text,
            "body_is_base64": is_base64,
            "version": self.version,
            "milliseconds": self.milliseconds,
        }


def parse_request(line: str, headers: Iterable[str] = (), data: bytes | None = None) -> HttpRequest:
    """Return the request for "GET /path" or "/path", and "Name: value" headers. Raises UsageError.

    As with curl, a request with data is a POST if no method is named, and a form if no content type is given;
    but data that is JSON gets the content type of JSON.
    """
    found = re.fullmatch(r"(?:([A-Za-z]+)\s+)?(/.*)", line.strip())
    if not found:
        raise UsageError(f'"{line}" is not a request.', hint='Write --http "GET /path", or --http /path.')
    pairs = [_read_header(header) for header in headers]
    if data and "content-type" not in {name.lower() for name, _ in pairs}:
        pairs.append(("content-type", "application/json" if _is_json(data) else FORM))
    method = found[1] or ("GET" if data is None else "POST")
    return HttpRequest(method=method.upper(), path=found[2], headers=tuple(pairs), body=data or b"")


def send(
    request: HttpRequest,
    stage: Stage,
    console: Console,
    *,
    tail: bool = False,
    find_address: Callable[[str], str] = str,
) -> HttpResponse:
    """Send the request and return the function's response; with `tail`, show the end of its log.

    `find_address` returns the URL that answers for that of the stack; the request gets its host. Raises
    NotDeployed, and FunctionFailed if the function raised, died, ran out of time or gave no HTTP response.
    """
    deployed = stack.fetch(stage)
    url = find_address(deployed.outputs.get("Endpoint", ""))
    event = http_event.write(
        stage.settings,
        request.method,
        request.path,
        request.headers,
        request.body,
        url=url,
        stack=deployed.id,
    )
    begun = time.monotonic()
    answer, payload = invocation.call(deployed.outputs["Function"], json.dumps(event).encode(), stage.account)
    took = time.monotonic() - begun
    invocation.check(answer, payload, stage.settings, console, tail=tail)
    response = http_event.read(stage.settings, payload)
    host, _ = http_event.find_host(request.headers, url)
    if refused := refused_host.explain(response.status, response.body, invocation.read_log(answer), host):
        console.warn(f"{refused[0]}. Let it in: {refused[1]}")
    return HttpResponse(
        status=response.status,
        headers=response.headers,
        body=response.body,
        version=answer["ExecutedVersion"],
        milliseconds=round(took * 1000),
    )


def show(response: HttpResponse, console: Console, *, fail: bool = False) -> None:
    """Print the body, and note status and headers. With `fail`, an error status raises RequestFailed."""
    console.note(f"{response.status_line}  ({response.milliseconds} ms, version {response.version})")
    for name, value in response.headers:
        console.note(f"{name}: {value}")
    if console.json:
        console.answer("", response.value)
    elif not console.answer_bytes(response.body):
        kind = dict(response.headers).get("content-type", "no type")
        console.note(
            f"{len(response.body)} bytes of {kind}, which a terminal cannot show: send them to a file."
        )
    if fail and response.status >= FIRST_ERROR_STATUS:
        raise RequestFailed(f"The app answered with {response.status_line}.")


def _read_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or "\n" in text:
        raise UsageError(f'"{text}" is not a header.', hint='Write --header "Name: value".')
    return name.strip(), value.strip()


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict | list)
    except ValueError:
        return False
