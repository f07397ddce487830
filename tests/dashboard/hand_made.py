"""Logs made by hand: what Lambda, the adapter and an app write, as CloudWatch gives it."""

import json
from datetime import UTC, datetime, timedelta

from lambdify.cli.calls import log_lines
from lambdify.cli.calls.log_lines import LogEntry, LogLine

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TRACEBACK = """Traceback (most recent call last):
  File "/opt/python/flask/app.py", line 1511, in wsgi_app
    response = self.full_dispatch_request()
  File "/var/task/app.py", line {line}, in {function}
    {source}
{raised}"""


def request_id(number: int) -> str:
    """An id whose first eight letters are the number."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def stream(name: str = "shop-dev", version: str = "9", environment: str = "a") -> str:
    return f"2026/11/23/{name}[{version}]{environment}"


class Log:
    """Lines in the order that they are written in."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._calls = 0

    def write(self, message: str, seconds: float = 0.0, where: str = "") -> None:
        at = NOON + timedelta(seconds=seconds)
        number = str(len(self.lines))
        self.lines.append(LogLine(id=number, at=at, stream=where or stream(), message=message))

    def call(
        self,
        seconds: float = 0.0,
        *,
        ms: float = 10.0,
        init: float | None = None,
        route: str = "",
        method: str = "GET",
        status: int = 200,
        where: str = "",
        wrote: tuple[str, ...] = (),
        function: str = "",
        outcome: str = "",
        number: int | None = None,
    ) -> str:
        """An invocation that came `seconds` after noon; its id."""
        self._calls += 1
        one = request_id(number or self._calls)
        begun = seconds + (init or 0) / 1000
        ended = begun + ms / 1000
        self.write(f"START RequestId: {one} Version: 9", begun, where)
        if function:
            self.write(f"FUNCTION RequestId: {one} Name: {function}", begun, where)
        for line in wrote:
            self.write(line.replace("ID", one, 1), begun, where)
        if route:
            told = {"route": route, "method": method, "status": status, "ms": ms, "cold": init is not None}
            self.write(json.dumps({"lambdify": {**told, "request": one}}), ended, where)
        cold = f"\tInit Duration: {init:.2f} ms" if init is not None else ""
        self.write(f"END RequestId: {one}", ended, where)
        billed = round(ms + (init or 0))
        self.write(
            f"REPORT RequestId: {one}\tDuration: {ms:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: 512 MB\tMax Memory Used: 64 MB{cold}{outcome}",
            ended,
            where,
        )
        return one

    def entries(self) -> list[LogEntry]:
        return list(log_lines.read(sorted(self.lines, key=lambda line: line.at)))


def logged(raised: str = "KeyError: 'pen'", *, line: int = 5, function: str = "index", what: str = "") -> str:
    """A record of `logging` with a traceback; "ID" stands for the request."""
    trace = TRACEBACK.format(line=line, function=function, source="price[name]", raised=raised)
    return f"[ERROR]\t2026-11-23T12:00:00.000Z\tID\t{what or 'Exception on / [GET]'}\n{trace}"
