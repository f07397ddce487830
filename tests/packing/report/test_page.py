"""The report's page: what stands in it, and how it looks in a real browser."""

import json
import re
from dataclasses import replace
from html import escape, unescape
from pathlib import Path

import pytest
from contrast import contrast, luminance

from lambdify.cli.packing.bundle.bundle import Archive
from lambdify.cli.packing.bundle.sizes import UNZIPPED_LIMIT, BundlePart
from lambdify.cli.packing.report import page
from lambdify.cli.packing.report.cold_start import ColdStart, Imports, NotMeasured
from lambdify.cli.packing.report.report import Report

MIB = 1_048_576
PARTS = (
    ("numpy 2.5.5", {"python": 8 * MIB, "bytecode": 11 * MIB, "native": 38 * MIB, "data": MIB}),
    ("pandas 3.1.1", {"python": 9 * MIB, "bytecode": 9 * MIB, "native": 18 * MIB, "data": 99_000}),
    ("sqlalchemy 2.1.9", {"python": 8 * MIB, "bytecode": 9 * MIB, "native": 9 * MIB}),
    *((f"package-number-{number} 1.{number}", {"python": 900_000 // number}) for number in range(1, 30)),
    ("the application", {"python": 90, "data": 12}),
    ("an empty one 1.0", {}),
)
ARCHIVE = Archive(
    path=Path("/somewhere/app-0123456789abcdef.zip"), digest="0" * 64, zipped=5, unzipped=9, files=1_234
)
START = ColdStart(
    milliseconds=400.0,
    modules=500,
    imports=(
        Imports(name="pandas 3.1.1", milliseconds=300.0, modules=300),
        Imports(name="Python and its standard library", milliseconds=100.0, modules=200),
    ),
)
# Lays the page out at a width, and measures what a person would see.
HARNESS = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><pre></pre>
<script>
onload = () => {{
  const inner = document.querySelector("iframe").contentDocument, view = inner.defaultView;
  const isShown = each => view.getComputedStyle(each).display != "none";
  const shown = [...inner.querySelectorAll("svg")].filter(isShown);
  const [svg] = shown, scale = svg.clientWidth / svg.viewBox.baseVal.width;
  const color = (element, name) => view.getComputedStyle(element)[name].match(/[\\d.]+/g).map(Number);
  const texts = [...svg.querySelectorAll("text")].map(text => {{
    const behind = text.parentNode.querySelector("rect");
    const [own, room] = [text.getBoundingClientRect(), behind.getBoundingClientRect()];
    return {{
      text: text.textContent,
      inside: own.left >= room.left && own.right <= room.right && own.bottom <= room.bottom + 2,
      pixels: parseFloat(view.getComputedStyle(text).fontSize) * scale,
      ink: color(text, "fill"), ground: color(behind, "fill"),
    }};
  }});
  document.querySelector("pre").textContent = JSON.stringify({{
    pictures: shown.map(each => each.getAttribute("class")), texts,
    overflow: inner.documentElement.scrollWidth - {width},
    ground: color(inner.body, "backgroundColor"),
    titles: [...svg.querySelectorAll("title")].map(each => each.textContent),
    rows: inner.querySelectorAll("#bytes + div tbody tr").length,
    loaded: view.performance.getEntriesByType("resource").length,
  }});
}};
</script>"""


def part(name: str, kinds: dict[str, int]) -> BundlePart:
    unzipped = sum(kinds.values())
    return BundlePart(name=name, zipped=unzipped // 3, unzipped=unzipped, files=len(kinds), kinds=kinds)


@pytest.fixture
def report() -> Report:
    parts = tuple(part(*each) for each in PARTS)
    return Report(
        name="shop-dev",
        runtime="python3.13",
        architecture="arm64",
        limit=UNZIPPED_LIMIT,
        unzipped=sum(each.unzipped for each in parts),
        zipped=sum(each.zipped for each in parts),
        archives=(ARCHIVE,),
        parts=parts,
        cold_start=START,
        advice=("requests is packed & never imported.",),
        page=Path("/somewhere/lambdify-report.html"),
    )


def test_the_page_says_all_that_the_report_knows(report):
    text = page.render(report)
    for said in (
        "python3.13 on arm64",
        "<strong>123.5 MiB</strong> unpacked, 49% of the 250.0 MiB",
        "sqlalchemy 2.1.9",
        "app-0123456789abcdef.zip",
        "requests is packed &amp; never imported.",
        "<td>300.0 ms</td>",
        "<b>75.0%</b>",
        "1,234",
    ):
        assert said in text


def test_what_nobody_asked_for_is_left_out(report):
    text = page.render(replace(report, cold_start=None, advice=()))
    assert "Cold start" not in text
    assert "What could be less" not in text


def test_what_could_not_be_measured_is_said_with_its_reason(report):
    text = page.render(replace(report, cold_start=NotMeasured(reason="this machine has no Python 3.14")))
    assert "<p>Not measured: this machine has no Python 3.14.</p>" in text


def test_the_page_asks_for_nothing_and_runs_nothing(report):
    text = page.render(report)
    assert "default-src 'none'" in text
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(|@import|https?:", text)


def test_the_same_report_is_the_same_page_and_replaces_an_older_one(report, tmp_path):
    path = tmp_path / page.NAME
    path.write_text("an older one")
    page.write(report, path)
    assert path.read_text(encoding="utf-8") == page.render(report)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.browser
@pytest.mark.slow
class TestInABrowser:
    @pytest.fixture
    def look(self, report, tmp_path, open_in_browser):
        def look(width: int, *flags: str) -> dict:
            harness = tmp_path / "harness.html"
            harness.write_text(
                HARNESS.format(width=width, page=escape(page.render(report))), encoding="utf-8"
            )
            dom = open_in_browser(harness, *flags)
            return json.loads(unescape(re.search(r"<pre>(.+?)</pre>", dom, re.DOTALL)[1]))

        return look

    @pytest.mark.parametrize(("width", "picture"), [(1200, "wide"), (400, "narrow")])
    def test_at_any_width_everything_fits_and_can_be_read(self, look, width, picture):
        seen = look(width)
        assert seen["pictures"] == [f"treemap {picture}"]
        assert seen["overflow"] <= 0
        assert {"numpy 2.5.5", "native", "38.0 MiB"} <= {each["text"] for each in seen["texts"]}
        assert [each for each in seen["texts"] if not each["inside"]] == []
        assert min(each["pixels"] for each in seen["texts"]) >= 11

    def test_whatever_is_drawn_has_a_title_to_hover_over_and_a_row_in_the_table(self, look):
        seen = look(1200)
        assert seen["rows"] == len(PARTS)
        for name, kinds in PARTS:
            told = [title for title in seen["titles"] if title.startswith(f"{name}:")]
            assert len(told) == (len(kinds) + 1 if kinds else 0)

    def test_nothing_is_loaded(self, look):
        assert look(1200)["loaded"] == 0

    @pytest.mark.parametrize(("scheme", "is_dark"), [("1", False), ("0", True)])
    def test_labels_stand_out_in_the_light_scheme_and_in_the_dark_one(self, look, scheme, is_dark):
        seen = look(1200, f"--blink-settings=preferredColorScheme={scheme}")
        assert (luminance(seen["ground"]) < 0.1) is is_dark
        for each in seen["texts"]:
            assert contrast(each["ink"], each["ground"]) >= 4.5, each
