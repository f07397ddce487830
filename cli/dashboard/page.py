"""The dashboard as an HTML page: the numbers as pictures, and beside each a table with the same.

What others wrote stands in it: routes, texts of errors, names of commits. All of it is escaped.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from string import Template

from lambdify.cli.calls.log_view import ID_LENGTH
from lambdify.cli.dashboard import pictures, warmth
from lambdify.cli.dashboard.failures import Failure
from lambdify.cli.dashboard.numbers import Numbers
from lambdify.cli.dashboard.pictures import columns, milliseconds, moment
from lambdify.cli.pages import document
from lambdify.cli.pages.document import Markup, table, text
from lambdify.cli.plan import costs

TEMPLATE, STYLE = (Path(__file__).with_name(name) for name in ("page.html", "page.css"))
MOST_ROUTES = 100
MOST_FAILURES = 50
OPEN_FAILURES = 5
"""Groups of failures whose traceback is unfolded."""
MOST_LINES = 40
"""Lines of a traceback that are shown."""
REQUESTS = "requests = true"


def write(numbers: Numbers, path: Path) -> None:
    """Write the page atomically. Only its owner may read it: error texts may hold anything."""
    document.write(render(numbers), path, mode=document.PRIVATE)


def render(numbers: Numbers) -> str:
    """Return the page as HTML."""
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=text(numbers.stage),
        span=text(_span(numbers)),
        notes="\n".join(f'<p class="note">{each}</p>' for each in _notes(numbers)),
        tiles="\n".join(_tiles(numbers)),
        time=pictures.draw_time(numbers),
        cold=pictures.draw_cold_starts(numbers),
        routes=_routes(numbers),
        failures=_failures(numbers),
        functions=_functions(numbers),
        warmth=_warmth(numbers),
        releases=_releases(numbers),
        basis=text(f"Costs are estimated by {numbers.cost.basis}; without free tiers, logs and traffic."),
    )
    return document.render(f"{numbers.stage}: dashboard", STYLE.read_text(encoding="utf-8"), body)


def _span(numbers: Numbers) -> str:
    since, until = numbers.since.astimezone(), numbers.until.astimezone()
    return f"{numbers.region}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} ({until:%Z})"


def _notes(numbers: Numbers) -> Iterator[str]:
    if not numbers.complete:
        hours = (numbers.until - numbers.since).total_seconds() / 3600
        yield (
            f"The log is too long to be read to its beginning: these are the last {hours:.1f} of "
            f"{numbers.hours:g} hours, and all counts are at least so many."
        )
    if not numbers.routes_known:
        yield (
            "No request tells its route and status, and visitors cannot be told from keep-warm calls: what "
            "follows are all calls of the web app. In lambdify.toml, under <code>[logs]</code>, the line "
            f"<code>{REQUESTS}</code> changes that from the next deployment on."
        )


def _tiles(numbers: Numbers) -> Iterator[str]:
    least = "" if numbers.complete else "≥ "
    answers, times, cold = numbers.answers, numbers.times, numbers.cold_starts

    def tile(value: str, what: str, *, bad: bool = False) -> str:
        css_class = ' class="bad"' if bad else ""
        return f"<li{css_class}><b>{text(value)}</b><span>{text(what)}</span></li>"

    yield tile(f"{least}{answers.requests:,}", "requests" if numbers.routes_known else "calls of the web app")
    if numbers.routes_known:
        yield tile(f"{least}{answers.answers_5xx:,}", "answered with 5xx", bad=bool(answers.answers_5xx))
        yield tile(f"{least}{answers.answers_4xx:,}", "answered with 4xx")
    yield tile(milliseconds(times.p50_ms), "p50: half were faster")
    yield tile(milliseconds(times.p95_ms), "p95")
    yield tile(milliseconds(times.p99_ms), "p99")
    met = f", {len(cold.met):,} met by visitors" if numbers.routes_known else ""
    yield tile(f"{least}{cold.count:,}", f"cold starts{met}")
    failed = sum(each.count for each in numbers.failures)
    yield tile(f"{least}{failed:,}", f"errors, of {_count(len(numbers.failures), 'kind')}", bad=bool(failed))
    yield tile(costs.format_dollars(numbers.cost.usd_per_month), "a month, if every hour is like these")


def _routes(numbers: Numbers) -> str:
    if not numbers.routes_known:
        return (
            f"<p>They are known with <code>{REQUESTS}</code> under <code>[logs]</code> in lambdify.toml.</p>"
        )
    if not numbers.routes:
        return "<p>No request left a line.</p>"
    heads = columns("", "requests|share", "p50", "p95", "p99", "longest", "4xx", "5xx", "cold starts", "cost")
    total, largest = numbers.answers.requests, numbers.routes[0].answers.requests
    rows = [
        (
            f"{each.method} {each.route}",
            document.share(each.answers.requests, total, largest, f"{each.answers.requests:,}"),
            milliseconds(each.times.p50_ms),
            milliseconds(each.times.p95_ms),
            milliseconds(each.times.p99_ms),
            milliseconds(each.times.longest_ms),
            f"{each.answers.answers_4xx:,}",
            f"{each.answers.answers_5xx:,}",
            f"{each.cold:,}",
            _dollars(each.usd),
        )
        for each in numbers.routes[:MOST_ROUTES]
    ]
    about = "As the framework matched them; durations with cold starts, costs of Lambda and the endpoint."
    if rest := numbers.routes[MOST_ROUTES:]:
        left_out = _count(sum(each.answers.requests for each in rest), "request")
        about += f" {len(rest):,} other routes, with {left_out}, are left out."
    return table("routes", about, heads, rows)


def _failures(numbers: Numbers) -> str:
    if not numbers.failures:
        return "<p>Nothing that the log tells of.</p>"
    shown = numbers.failures[:MOST_FAILURES]
    more = len(numbers.failures) - len(shown)
    rest = [f"<p>And {more:,} other kinds.</p>"] if more else []
    return "\n".join([*(_failure(each, number) for number, each in enumerate(shown)), *rest])


def _failure(failure: Failure, number: int) -> str:
    where = f" in {text(failure.where)}" if failure.where else ""
    head = f"<h3>{text(failure.type)}{where}</h3>"
    lines = [f'<p class="quiet">{_describe_when(failure)}</p>']
    if failure.message:
        lines.append(f"<p><code>{text(failure.message)}</code></p>")
    if failure.routes:
        routes = ", ".join(f"<code>{text(each)}</code>" for each in failure.routes[:3])
        lines.append(f"<p>Met by {routes}{' and others' if len(failure.routes) > 3 else ''}.</p>")
    if failure.traceback:
        trace = text("\n".join(failure.traceback[:MOST_LINES]))
        unfolded = " open" if number < OPEN_FAILURES else ""
        lines.append(f"<details{unfolded}><summary>Traceback</summary>\n<pre>{trace}</pre></details>")
    lines.append(f"<p><code>{text(failure.command)}</code></p>")
    body = "\n".join(lines)
    return f'<section class="failure" id="{text(failure.id)}">\n{head}\n{body}\n</section>'


def _describe_when(failure: Failure) -> str:
    if failure.count == 1:
        return f"once, {moment(failure.last)}"
    return f"{failure.count:,} times, first {moment(failure.first)}, last {moment(failure.last)}"


def _functions(numbers: Numbers) -> str:
    if not numbers.functions:
        return ""
    heads = columns("", "runs", "failed", "p50", "p95", "longest", "cold starts", "cost", "last failure|text")
    rows = [
        (
            each.name,
            f"{each.runs:,}",
            f"{each.failed:,}",
            milliseconds(each.times.p50_ms),
            milliseconds(each.times.p95_ms),
            milliseconds(each.times.longest_ms),
            f"{each.cold:,}",
            _dollars(each.usd),
            Markup(f"<code>{text(each.last_failed[:ID_LENGTH])}</code>") if each.last_failed else "",
        )
        for each in numbers.functions
    ]
    waiting = f"{numbers.tasks_waiting:,} tasks wait. " if numbers.tasks_waiting is not None else ""
    given_up = f"{numbers.given_up:,} events and tasks are given up." if numbers.given_up is not None else ""
    found = table("functions", f"Runs of functions, tasks and commands. {waiting}{given_up}", heads, rows)
    return f"<h2>Functions and tasks</h2>\n{found}"


def _warmth(numbers: Numbers) -> str:
    found = numbers.warmth
    if found is None:
        return "<p>It is not known which calls were visitors.</p>"
    return f"<p>Visitors: {text(warmth.describe(found) or 'nobody came')}.</p>"


def _releases(numbers: Numbers) -> str:
    if not numbers.releases:
        return "<p>None in this time.</p>"
    heads = columns("", "begun|text", "version", "commit|text", "by|text", "|text")
    rows = [
        (
            str(each.number),
            moment(each.at),
            each.version,
            each.commit[:10],
            textwrap.shorten(each.by, 60, placeholder=" ..."),
            "failed" if each.failed else "",
        )
        for each in numbers.releases
    ]
    return table("releases", "In the pictures, a line marks where each of them began.", heads, rows)


def _dollars(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.01 or not usd else f"${usd:.6f}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
