"""An estimate of costs as a person reads it, and as a program does."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lambdify.cli.check.access_log import MONTH, Source
from lambdify.cli.check.cost import COLD, INIT, Estimate, Server
from lambdify.cli.console import Line
from lambdify.cli.formatting import columns
from lambdify.cli.plan.costs import basis, format_dollars

FREE = (
    "Free tiers are not counted, nor is what stands beside the function, such as a database or a NAT gateway."
)


def show(found: Estimate) -> list[Line]:
    """Return what a month costs, of what it is made, and what it would cost otherwise."""
    return [
        Line(f"cost       {_headline(found)}", "title"),
        *(Line(f"           {text}" if text else "", style) for text, style in _details(found)),
    ]


def to_value(found: Estimate) -> dict[str, Any]:
    """Return the estimate for --json."""
    return {**asdict(found), "as_of": f"{found.as_of:%Y-%m}"}


def _headline(found: Estimate) -> str:
    traffic = found.traffic
    return (
        f"{traffic.requests:,.0f} requests of {traffic.seconds * 1000:,.0f} ms at {found.memory} MB: "
        f"{format_dollars(found.monthly)} a month ({basis()})"
    )


def _details(found: Estimate) -> Iterator[tuple[str, str]]:
    source, traffic = found.traffic.source, found.traffic
    if found.old:
        yield f"These prices are older than a year: {found.as_of:%B %Y}.", "danger"
    yield from ((text, "quiet") for text in (_describe(source) if source else _assumptions(found)))
    if source:
        most = f", at most {traffic.at_once:,} at once" if traffic.at_once else ""
        yield f"{traffic.requests / MONTH:,.2f} requests a second on average{most}", ""
        yield f"{traffic.cold * 100:.2f} % of them would meet a cold start (of {INIT:g} s, assumed)", ""
    yield from _table(["USD", ""], [[f"{part.monthly:.2f}", part.what] for part in found.parts])
    yield "with another endpoint or memory, if a request takes as long, in USD:", ""
    amounts = [[f"{each:,.2f}" for each in row] for row in found.compared]
    yield from _table(
        ["", *(f"{memory} MB" for memory in found.memories)],
        [[endpoint, *row] for endpoint, row in zip(found.endpoints, amounts, strict=True)],
    )
    yield "servers, and how many requests a month cost as much:", ""
    yield from _table(["", "USD", "requests"], [_server(each) for each in found.servers])
    if found.unknown:
        yield f"Not known, and billed as well: {'; '.join(found.unknown)}.", "quiet"
    yield FREE, "quiet"


def _table(headers: list[str], rows: list[list[str]]) -> Iterator[tuple[str, str]]:
    yield from ((line, "") for line in (*columns(headers, rows), ""))


def _server(server: Server) -> list[str]:
    amount = f"{server.requests / 1e6:,.1f} M" if server.requests else "none"
    return [server.name, f"{server.monthly:.2f}", amount]


def _describe(source: Source) -> Iterator[str]:
    unread = f", {source.unread:,} of them not understood" if source.unread else ""
    yield f"from {source.lines:,} lines of {source.days:,.1f} days{unread}"
    files = f"; {source.files:,} for files, which are not counted" if source.files else ""
    yield f"{source.app:,} requests are for the app{files}"
    yield (
        f"times are the log's, in {source.times}"
        if source.times
        else "the log has no times: they are assumed"
    )


def _assumptions(found: Estimate) -> Iterator[str]:
    yield (
        f"assumed: {found.traffic.seconds * 1000:g} ms a request, small responses, {COLD * 100:g} % cold "
        f"starts of {INIT:g} s; --log FILE reads an access log of yours"
    )
