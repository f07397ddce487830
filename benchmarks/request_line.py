"""What `[logs] requests = true` costs a request: at most 5 microseconds.

    python benchmarks/request_line.py

Apps that do nothing answer the same event with the line and without it, in turns; the fastest round of each
counts. The lines go to /dev/null, written one by one as in Lambda.
"""

import io
import os
import sys
import timeit
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

from static_files import EVENT

from lambdify.adapter import Adapter

LIMIT = 5e-6
ROUNDS, CALLS = 40, 2_000
CONTEXT = SimpleNamespace(aws_request_id="8f507cfc-0000-4697-b07a-ac58fc914c95")


class Rule:
    """As Flask has one."""

    rule = "/books/<int:number>"


ASKED = SimpleNamespace(url_rule=Rule)


def wsgi(environ, start_response):
    environ["werkzeug.request"] = ASKED
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


def wsgi_without_route(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


def wsgi_in_pieces(environ, start_response):
    environ["werkzeug.request"] = ASKED
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"app"


class Route:
    """As FastAPI has one."""

    path_format = "/books/{number}"


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        scope["route"] = Route
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
        )
        await send({"type": "http.response.body", "body": b"app"})


def compare(*calls: Callable[[], object]) -> list[float]:
    """Seconds of each call at best, in turns."""
    rounds = [[timeit.timeit(call, number=CALLS) / CALLS for call in calls] for _ in range(ROUNDS)]
    return [min(taken) for taken in zip(*rounds, strict=True)]


def main() -> None:
    """Print a line for each app; end with an error if one is over the limit."""
    worst, told = 0.0, sys.stdout
    for app in (wsgi, wsgi_without_route, wsgi_in_pieces, asgi):
        without, logging = Adapter(app), Adapter(app, log_requests=True)
        sys.stdout = io.TextIOWrapper(open(os.devnull, "wb", buffering=0), write_through=True)  # noqa: SIM115
        try:
            past, through = compare(partial(without, EVENT, CONTEXT), partial(logging, EVENT, CONTEXT))
        finally:
            sys.stdout = told
        cost = through - past
        worst = max(worst, cost)
        print(f"{app.__name__:18} {cost * 1e6:5.2f} µs, {cost / past:4.0%} of a request")
    print(f"at most {worst * 1e6:.2f} µs of {LIMIT * 1e6:.0f}")
    raise SystemExit(worst > LIMIT)


if __name__ == "__main__":
    main()
