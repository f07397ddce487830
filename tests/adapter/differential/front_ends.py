"""What each of AWS's front ends does to a request or response that neither the app nor the adapter can undo.

The differential tests compare an app behind a server with the same app behind an event source. What a front
end loses is done here to the request that the server gets, in terms of the standard library and not of the
adapter; everything else has to be the same. docs/front-ends.md is written from this list:

    python tests/adapter/differential/front_ends.py > docs/front-ends.md
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

Pairs = tuple[tuple[str, str], ...]

REST = "REST API"
HTTP = "HTTP API"
HTTP_1 = "HTTP API (payload 1.0)"
URL = "Function URL"
ALB = "Load balancer"
ALB_SINGLE = "Load balancer (single values)"
LATTICE = "VPC Lattice"
LATTICE_1 = "VPC Lattice (version 1)"
EDGE = "CloudFront"
FRONT_ENDS = (REST, HTTP, HTTP_1, URL, ALB, ALB_SINGLE, LATTICE, LATTICE_1, EDGE)


class Sent(NamedTuple):
    """What a front end can change of a request."""

    path: str
    query: str
    headers: Pairs
    stage: str = ""
    """In front of the path, where the client asked for one: "/dev"."""
    base_path: str = ""
    """The same, of a custom domain."""


class Loss(NamedTuple):
    """One thing that is lost, and where."""

    what: str
    where: tuple[str, ...]
    apply: Callable[[Sent], Sent]
    rule: str


def _decode_path(sent: Sent) -> Sent:
    once = unquote(sent.path, errors="replace").partition("?")[0]
    return sent._replace(path=quote(unquote(once, errors="replace"), safe="/!$&'()*+,;=:@"))


def _decode_query(sent: Sent) -> Sent:
    pairs = parse_qsl(sent.query, keep_blank_values=True, errors="replace")
    return sent._replace(query=_written([(quote(key, ""), quote(value, "")) for key, value in pairs]))


def _group_query(sent: Sent) -> Sent:
    return sent._replace(query=_written(_split(sent.query)))


def _keep_last_parameter(sent: Sent) -> Sent:
    return sent._replace(query="&".join(f"{key}={value}" for key, value in dict(_split(sent.query)).items()))


def _join_headers(sent: Sent) -> Sent:
    return sent._replace(headers=tuple((name, ",".join(values)) for name, values in _grouped(sent.headers)))


def _keep_last_header(sent: Sent) -> Sent:
    return sent._replace(headers=tuple((name, values[-1]) for name, values in _grouped(sent.headers)))


def _lose_base_path(sent: Sent) -> Sent:
    return sent._replace(base_path="")


def _split(query: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (part.partition("=") for part in query.split("&") if part)]


def _grouped(pairs: Pairs | list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    return [(name, [value for key, value in pairs if key == name]) for name in dict(pairs)]


def _written(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{key}={value}" for key, values in _grouped(pairs) for value in values)


API_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide"
ELB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"
LATTICE_RULE = "https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html"

REQUEST_LOSSES = (
    Loss(
        "the path arrives decoded twice and ends at a `?` that shows up: `%2F` is `/`, `%3F` cuts it, "
        "bytes that are not UTF-8 become U+FFFD",
        (HTTP, HTTP_1),
        _decode_path,
        "https://github.com/hotsock/voker/blob/main/vokerhttp/testdata/ingress-paths.json",
    ),
    Loss(
        "the query arrives decoded, so `+` and `%20` are the same, and bytes that are not UTF-8 become "
        "U+FFFD; the order of different keys is lost, and whether one without a value had a `=`: "
        "`?foo` arrives as `?foo=`",
        (REST, HTTP_1),
        _decode_query,
        f"{API_GATEWAY}/set-up-lambda-proxy-integrations.html",
    ),
    Loss(
        "the order of different keys in the query is lost, and whether one without a value had a `=`",
        (ALB, ALB_SINGLE),
        _group_query,
        ELB,
    ),
    Loss("of equal keys in the query the last arrives", (ALB_SINGLE,), _keep_last_parameter, ELB),
    Loss("of equal headers the last arrives", (ALB_SINGLE,), _keep_last_header, ELB),
    Loss(
        "equal headers arrive as one, joined with commas",
        (HTTP, URL),
        _join_headers,
        f"{API_GATEWAY}/http-api-develop-integrations-lambda.html",
    ),
    Loss("equal headers arrive as one, joined with commas", (LATTICE_1,), _join_headers, LATTICE_RULE),
    Loss(
        "the base path of a custom domain: the app makes links without it",
        (HTTP,),
        _lose_base_path,
        f"{API_GATEWAY}/http-api-develop-integrations-lambda.html",
    ),
)

JOINS_RESPONSE_HEADERS = (HTTP, URL, ALB_SINGLE, LATTICE, LATTICE_1)
"""Their payloads are maps: equal headers leave as one, joined with ", "; several cookies stay several."""

WRITES_LENGTH_ITSELF = (EDGE,)
"""CloudFront refuses a response in which the function wrote content-length."""


def lose(sent: Sent, front_end: str) -> Sent:
    """What arrives of a request through a front end."""
    for loss in REQUEST_LOSSES:
        if front_end in loss.where:
            sent = loss.apply(sent)
    return sent


def describe() -> str:
    """docs/front-ends.md."""
    rows = [(loss.what, loss.where, loss.rule) for loss in REQUEST_LOSSES]
    rows += [
        (
            "equal headers of a response, other than `set-cookie`, leave as one, joined with a comma",
            JOINS_RESPONSE_HEADERS,
            "",
        ),
        (
            "`content-length` of a response is the front end's own; that of an answer to HEAD is lost",
            WRITES_LENGTH_ITSELF,
            "",
        ),
    ]
    lines = [
        "# What the front ends lose",
        "",
        "An app behind lambdify sees the request that its client sent, and the client gets the response",
        "that the app gave, but for the losses below. They happen in AWS's front ends, before Lambda is",
        "called or after it has answered. The tests in tests/adapter/differential put the same requests to",
        "the same apps behind gunicorn or uvicorn and behind every event source, and allow these",
        "differences and no others; this page is written from the list that they use.",
        "",
        "Behind all of them, the order of headers with different names is nobody's promise, headers of one",
        "hop (`connection`, `transfer-encoding`) stay where they are, and the front end adds its own.",
        "",
        "| what is lost | where | source |",
        "|---|---|---|",
        *(
            f"| {what} | {', '.join(where)} | {f'[rule]({rule})' if rule else ''} |"
            for what, where, rule in rows
        ),
        "",
    ]
    whole = [name for name in FRONT_ENDS if all(name not in loss.where for loss in REQUEST_LOSSES)]
    lines += [f"Requests arrive whole through: {', '.join(whole)}.", ""]
    lines += [
        "What AWS does not say: whether an HTTP API merges slashes that follow each other. `//a` and `/a//b`",
        "reach the app as they stand in the event. Where the difference matters, do not count on it:",
        "a function URL hands on the path as it was sent.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(describe(), end="")
