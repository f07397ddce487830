"""What a table of static files costs a request that is for none of them: at most a microsecond.

    python benchmarks/static_files.py

The table has 5,000 files. Each path runs through the table, and past it, in turns; the fastest round of each
counts, and the difference is shown as a share of what an event costs in all.
"""

import json
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

from lambdify.adapter import Adapter, event_sources
from lambdify.adapter.files import Server
from lambdify.adapter.messages import Request, Response

LIMIT = 1e-6
PATHS = ["/app", "/static/none.css", "/app/%61pp", "/app/%2F%2f%00"]
ROUNDS, CALLS = 30, 5_000
EVENT = {
    "version": "2.0",
    "rawPath": "/app",
    "rawQueryString": "",
    "headers": {"host": "example.org"},
    "requestContext": {"domainName": "example.org", "http": {"method": "GET", "sourceIp": "192.0.2.1"}},
    "isBase64Encoded": False,
}


class App:
    """A server that does nothing."""

    response = Response(200, (), b"app")

    def run(self, request: Request, event: dict, context: object) -> Response:
        return self.response


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


def compare(*calls: Callable[[], object]) -> list[float]:
    """Seconds of each call at best, in turns."""
    rounds = [[timeit.timeit(call, number=CALLS) / CALLS for call in calls] for _ in range(ROUNDS)]
    return [min(taken) for taken in zip(*rounds, strict=True)]


def main() -> None:
    """Print a line for each path; end with an error if one is over the limit."""
    files = {f"/static/{n}.css": [f"{n}.css", "tag", "text/css", "max-age=0", ""] for n in range(5_000)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "table.json").write_text(json.dumps({"files": files}))
        app = App()
        server = Server(app, folder, "table.json")
    adapter = Adapter(application)
    assert event_sources.find(EVENT) is not None
    (whole,) = compare(lambda: adapter(EVENT, None))
    worst = 0.0
    for mount in ("", "/live"):
        for path in PATHS:
            request = Request("GET", path, mount=mount)
            past, through = compare(
                lambda request=request: app.run(request, {}, None),
                lambda request=request: server.run(request, {}, None),
            )
            cost = through - past
            worst = max(worst, cost)
            print(f"{mount + path:24} {cost * 1e6:5.2f} µs, {cost / whole:4.0%} of a GET")
    print(f"at most {worst * 1e6:.2f} µs of {LIMIT * 1e6:.0f}")
    raise SystemExit(worst > LIMIT)


if __name__ == "__main__":
    main()
