"""The pictures of the dashboard, and beside each a table with the same. Pure."""

from collections.abc import Sequence
from datetime import datetime

from lambdify.cli.calls.log_view import ID_LENGTH
from lambdify.cli.dashboard import chart, figures
from lambdify.cli.dashboard.chart import Mark, Series, Time
from lambdify.cli.dashboard.numbers import Numbers, Part
from lambdify.cli.pages import document
from lambdify.cli.pages.document import Column, Markup, table, text

MOST_COLD = 20
"""Cold starts that are listed one by one; more are counted."""
WIDTHS = ((document.WIDE, "wide"), (document.NARROW, "narrow"))
ANSWERS = (("good", "answered"), ("client", "4xx"), ("server", "5xx"))
TIMES = (("p50", "p50"), ("p95", "p95"), ("p99", "p99"))
COLD = (("met", "met by a visitor"), ("others", "others"))


def milliseconds(value: float) -> str:
    """Return a duration as a person reads it: "8.3 ms", "345 ms", "12.5 s"."""
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def moment(at: datetime) -> str:
    """Return a moment in the zone of this machine."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def columns(*headers: str) -> list[Column]:
    """Return the columns; "route|text" is one with a CSS class."""
    return [Column(*header.split("|")) for header in headers]


def draw_time(numbers: Numbers) -> str:
    """Return how many requests came when, how they were answered and how long they took."""
    what = "Requests" if numbers.routes_known else "Calls of the web app"
    parts = numbers.parts
    time = _axis(numbers, [_describe_answers(part, known=numbers.routes_known) for part in parts])
    good = tuple(
        part.answers.requests - part.answers.answers_4xx - part.answers.answers_5xx for part in parts
    )
    bars = (
        Series(css_class="good", values=good),
        Series(css_class="client", values=tuple(part.answers.answers_4xx for part in parts)),
        Series(css_class="server", values=tuple(part.answers.answers_5xx for part in parts)),
    )
    lines = [
        Series(css_class=name, values=tuple(_percentile(part, name) for part in parts)) for name, _ in TIMES
    ]
    answers = ANSWERS if numbers.routes_known else ANSWERS[:1]
    return "\n".join(
        [
            f'<p class="quiet">{what}, in parts of {_describe_length(numbers)}.</p>',
            _legend(answers),
            *(chart.draw_bars(time, bars, width, name, _whole) for width, name in WIDTHS),
            '<p class="quiet">How long they took, cold starts included.</p>',
            _legend(TIMES),
            *(chart.draw_lines(time, lines, width, name, _short) for width, name in WIDTHS),
            _time_table(numbers),
        ]
    )


def draw_cold_starts(numbers: Numbers) -> str:
    """Return when there were cold starts, and which of them a visitor met."""
    cold = numbers.cold_starts
    if not cold.count:
        return "<p>None.</p>"
    init = (
        f"starting took {milliseconds(cold.init.p50_ms)} (p50), {milliseconds(cold.init.longest_ms)} at most"
    )
    if not numbers.routes_known:
        return f"<p>{cold.count:,}; {init}. Which of them met a visitor is not known.</p>"
    parts = numbers.parts
    titles = [f"{part.cold_met} met by a visitor, {part.cold_others} others" for part in parts]
    time = _axis(numbers, titles)
    bars = (
        Series(css_class="met", values=tuple(part.cold_met for part in parts)),
        Series(css_class="others", values=tuple(part.cold_others for part in parts)),
    )
    said = f"<p>{cold.count:,}, of which {len(cold.met):,} met a visitor; {init}.</p>"
    pictures = [chart.draw_bars(time, bars, width, name, _whole) for width, name in WIDTHS]
    return "\n".join([said, _legend(COLD), *pictures, _cold_table(numbers)])


def _axis(numbers: Numbers, titles: Sequence[str]) -> Time:
    parts = numbers.parts
    days = len({part.begins.astimezone().date() for part in parts}) > 1
    form = "%d %b %H:%M" if days else "%H:%M"
    length = figures.choose_length(numbers.since, numbers.until)
    labels = tuple(f"{part.begins.astimezone():{form}}" for part in parts)
    return Time(
        labels=labels,
        titles=tuple(f"{label}: {title}" for label, title in zip(labels, titles, strict=True)),
        marks=tuple(
            Mark(
                at=(each.at - parts[0].begins) / length,
                label=f"r{each.number}{'!' if each.failed else ''}",
                title=f"release {each.number}{', which failed' if each.failed else ''}, {moment(each.at)}",
            )
            for each in numbers.releases
        ),
    )


def _describe_answers(part: Part, *, known: bool) -> str:
    answers, times = part.answers, part.times
    if not answers.requests:
        return "nothing"
    errors = f", {answers.answers_4xx:,} with 4xx, {answers.answers_5xx:,} with 5xx" if known else ""
    percentiles = {"p50": times.p50_ms, "p95": times.p95_ms, "p99": times.p99_ms}
    took = ", ".join(f"{name} {milliseconds(value)}" for name, value in percentiles.items())
    return f"{answers.requests:,}{errors}; {took}"


def _describe_length(numbers: Numbers) -> str:
    minutes = figures.choose_length(numbers.since, numbers.until).total_seconds() / 60
    return f"{minutes:g} min" if minutes < 60 else f"{minutes / 60:g} h"


def _percentile(part: Part, name: str) -> float | None:
    found: float = getattr(part.times, f"{name}_ms")
    return found if part.answers.requests else None


def _time_table(numbers: Numbers) -> str:
    heads = columns("", "requests", "4xx", "5xx", "p50", "p95", "p99", "cold starts")
    rows = [
        (
            moment(part.begins),
            f"{part.answers.requests:,}",
            f"{part.answers.answers_4xx:,}",
            f"{part.answers.answers_5xx:,}",
            *(milliseconds(each) for each in (part.times.p50_ms, part.times.p95_ms, part.times.p99_ms)),
            f"{part.cold_met + part.cold_others:,}",
        )
        for part in numbers.parts
        if part.answers.requests or part.cold_met or part.cold_others
    ]
    if not rows:
        return "<p>Nothing came.</p>"
    found = table("parts", "The same in numbers, without parts in which nothing came.", heads, rows)
    return f"<details><summary>As a table</summary>\n{found}\n</details>"


def _cold_table(numbers: Numbers) -> str:
    met = numbers.cold_starts.met
    if not met:
        return ""
    heads = columns("", "route|text", "waited", "of that starting", "version", "request|text")
    rows = [
        (
            f"{each.at.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{each.method} {each.route}",
            milliseconds(each.wait_ms),
            milliseconds(each.init_ms),
            each.version,
            Markup(f"<code>{text(each.request[:ID_LENGTH])}</code>"),
        )
        for each in met[:MOST_COLD]
    ]
    more = f" The last {MOST_COLD} of {len(met):,}." if len(met) > MOST_COLD else ""
    return table("cold", f"Visitors who waited for a start.{more}", heads, rows)


def _legend(classes: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<li><i class="{name}"></i>{said}</li>' for name, said in classes)
    return f'<ul class="legend">{items}</ul>'


def _short(value: float) -> str:
    """Return milliseconds as a number of a scale."""
    return f"{value:g} ms" if value < 1000 else f"{value / 1000:g} s"


def _whole(value: float) -> str:
    """Return a number of a scale; "" for one between two whole ones."""
    return f"{value:,.0f}" if value == int(value) else ""
