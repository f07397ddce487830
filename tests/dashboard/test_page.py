"""The dashboard's page: what stands in it, and how it looks in a real browser."""

import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from html import escape, unescape

import pytest
from contrast import contrast, luminance

from lambdify.cli.dashboard import numbers, page
from lambdify.cli.dashboard.numbers import ReleaseMark, Source

from .hand_made import NOON, Log, logged, stream

# Lays the page out at a width, and measures what a person would see.
HARNESS = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><pre></pre>
<script>
onload = () => {{
  const inner = document.querySelector("iframe").contentDocument, view = inner.defaultView;
  const isShown = each => view.getComputedStyle(each).display != "none";
  const shown = [...inner.querySelectorAll("svg")].filter(isShown);
  const color = (element, name) => view.getComputedStyle(element)[name].match(/[\\d.]+/g).map(Number);
  const texts = shown.flatMap(svg => [...svg.querySelectorAll("text")].map(text => {{
    const [own, room] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
    return {{
      text: text.textContent, kind: text.getAttribute("class"),
      left: own.left, right: own.right, top: room.top,
      inside: own.left >= room.left && own.right <= room.right && own.bottom <= room.bottom,
      pixels: parseFloat(view.getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width,
      ink: color(text, "fill"),
    }};
  }}));
  document.querySelector("pre").textContent = JSON.stringify({{
    pictures: shown.map(each => each.getAttribute("class")), texts,
    overflow: inner.documentElement.scrollWidth - {width},
    ground: color(inner.body, "backgroundColor"), ink: color(inner.body, "color"),
    hovers: shown.map(each => each.querySelectorAll(".hover title").length),
    alerts: inner.querySelectorAll("script, img, b u").length,
    loaded: view.performance.getEntriesByType("resource").length,
  }});
}};
</script>"""
EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\x1b[2J\u202e"


def make(make_settings, log: Log, **more):
    source = Source(
        entries=log.entries(),
        since=NOON - timedelta(hours=24),
        until=NOON,
        hours=24,
        complete=True,
        releases=(
            ReleaseMark(
                number=7, at=NOON - timedelta(hours=9), by="ann", commit="0123456789abcdef", version="9",
                failed=False,
            ),
            ReleaseMark(
                number=8, at=NOON - timedelta(hours=3), by=EVIL, commit="", version="10", failed=True
            ),
        ),
        functions={},
        region="eu-central-1",
        logs="lambdify logs dev",
        tasks_waiting=3,
        given_up=1,
    )  # fmt: skip
    return numbers.compute(replace(source, **more), make_settings(), {"app.py"}.__contains__)


@pytest.fixture
def busy(make_settings):
    log = Log()
    for number in range(200):
        at = -86_000.0 + 430 * number
        cold = 800.0 if number % 20 == 0 else None
        log.call(
            at, ms=5 + number % 50, init=cold, route="/books/<int:id>", status=200 + 204 * (number % 9 == 0)
        )
    for number in range(5):
        log.call(-9000.0 + number, ms=3000, route="/slow", where=stream(environment="slow"))
        log.call(-500.0 + number, route="/fails", status=500, wrote=(logged(f"KeyError: '{EVIL}'"),))
        log.call(-400.0 + number, route=f"/{EVIL}", status=500, wrote=(logged("ValueError: pen"),))
    log.call(-100.0, ms=7, function="report", wrote=(logged("OSError: no paper"),))
    return make(make_settings, log)


def test_the_page_says_all_that_the_numbers_know(busy):
    text = page.render(busy)
    for said in (
        "<h1>shop-dev</h1>",
        "<b>215</b><span>requests</span>",
        "<b>10</b><span>answered with 5xx</span>",
        "<b>10</b><span>cold starts, 10 met by visitors</span>",
        "GET /books/&lt;int:id&gt;",
        "KeyError in app.py:5",
        "5 times, first ",
        "Met by <code>GET /fails</code>.",
        "    price[name]\nKeyError: ",
        "lambdify logs dev --since ",
        "3 tasks wait. 1 events and tasks are given up.",
        "release 8, which failed",
        "0123456789",
        "Visitors: 215, at most",
        "prices of us-east-1",
    ):
        assert said in text, said


def test_what_others_wrote_stays_text(busy):
    text = page.render(busy)
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert not re.search(r"<script|<link|<img|\bsrc=x>|url\(|@import|https?:", text)
    assert not re.search(r"\son\w+=", re.sub(r"&lt;.*?&gt;", "", text))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "default-src 'none'" in text


def test_without_request_lines_the_page_says_the_line_to_write(make_settings):
    log = Log()
    log.call(-60, ms=5, init=900.0)
    text = page.render(make(make_settings, log))
    assert "<code>requests = true</code>" in text
    assert "<b>1</b><span>calls of the web app</span>" in text
    assert "Which of them met a visitor is not known." in text
    assert "answered with 5xx" not in text


def test_of_a_log_that_was_not_read_to_its_end_counts_are_at_least_so_many(busy):
    text = page.render(replace(busy, complete=False, since=busy.until - timedelta(hours=7)))
    assert "the last 7.0 of 24 hours" in text
    assert "<b>≥ 215</b>" in text


def test_of_paths_that_strangers_tried_the_page_counts_the_rest(make_settings):
    log = Log()
    for number in range(page.MOST_ROUTES + 30):
        log.call(-3000.0 + number, route=f"/try-{chr(97 + number % 26)}-{number}.php", status=404)
    found = make(make_settings, log)
    text = page.render(found)
    assert len(found.routes) == page.MOST_ROUTES + 30
    assert text.count(".php</th>") == page.MOST_ROUTES
    assert "30 other routes, with 30 requests, are left out." in text


def test_an_empty_dashboard_says_so(make_settings):
    text = page.render(make(make_settings, Log(), releases=(), tasks_waiting=None, given_up=None))
    for said in ("Nothing came.", "Nothing that the log tells of.", "None in this time."):
        assert said in text
    assert "Functions and tasks" not in text


def test_only_its_owner_may_read_the_page(busy, tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    path = folder / "dashboard.html"
    path.write_text("an older one")
    page.write(busy, path)
    assert path.read_text(encoding="utf-8") == page.render(busy)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0.0 ms"), (8.26, "8.3 ms"), (345.2, "345 ms"), (1500.0, "1,500 ms"), (12_500.0, "12.5 s")],
)
def test_durations_are_read_by_people(value, said):
    assert page.milliseconds(value) == said


@pytest.mark.browser
@pytest.mark.slow
class TestInABrowser:
    @pytest.fixture
    def look(self, busy, tmp_path, open_in_browser):
        def look(width: int, *flags: str) -> dict:
            harness = tmp_path / "harness.html"
            shown = escape(page.render(busy))
            harness.write_text(HARNESS.format(width=width, page=shown), encoding="utf-8")
            dom = open_in_browser(harness, *flags)
            return json.loads(unescape(re.search(r"<pre>(.+?)</pre>", dom, re.DOTALL)[1]))

        return look

    @pytest.mark.parametrize(("width", "picture"), [(1200, "wide"), (400, "narrow")])
    def test_at_any_width_everything_fits_and_can_be_read(self, look, width, picture):
        seen = look(width)
        assert seen["pictures"] == [f"chart {picture}"] * 3
        assert seen["overflow"] <= 0
        assert [each for each in seen["texts"] if not each["inside"]] == []
        assert min(each["pixels"] for each in seen["texts"]) >= 11
        assert {"r7", "r8!"} <= {each["text"] for each in seen["texts"]}
        assert min(seen["hovers"]) >= 48
        assert (seen["alerts"], seen["loaded"]) == (0, 0)
        moments = [each for each in seen["texts"] if each["kind"] == "moment"]
        neighbours = [(one, two) for one, two in itertools.pairwise(moments) if one["top"] == two["top"]]
        assert len(neighbours) >= 3
        assert [pair for pair in neighbours if pair[0]["right"] > pair[1]["left"]] == []

    @pytest.mark.parametrize(("scheme", "is_dark"), [("1", False), ("0", True)])
    def test_texts_stand_out_in_the_light_scheme_and_in_the_dark_one(self, look, scheme, is_dark):
        seen = look(1200, f"--blink-settings=preferredColorScheme={scheme}")
        assert (luminance(seen["ground"]) < 0.1) is is_dark
        for ink in (seen["ink"], *(each["ink"] for each in seen["texts"])):
            assert contrast(ink, seen["ground"]) >= 4.5, ink
