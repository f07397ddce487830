"""Rectangles that are as large as what they stand for."""

import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from lambdify.cli.packing.bundle.sizes import BundlePart
from lambdify.cli.packing.report.treemap import Box, arrange, draw

BOX = Box(10, 20, 600, 400)
INVISIBLE = 1e-3
"""Of a pixel: what is lost where a large part stands beside one of a few bytes."""
SIZES = st.lists(st.integers(1, 262_144_000), min_size=1, max_size=60).map(lambda few: sorted(few)[::-1])


def part(name: str, **kinds: int) -> BundlePart:
    unzipped = sum(kinds.values())
    return BundlePart(name=name, zipped=unzipped // 3, unzipped=unzipped, files=3, kinds=kinds)


@given(SIZES)
def test_every_area_is_in_proportion_to_its_size(sizes):
    scale = BOX.width * BOX.height / sum(sizes)
    for size, box in zip(sizes, arrange(sizes, BOX), strict=True):
        assert abs(box.width * box.height - size * scale) < 1e-4


@given(SIZES)
def test_rectangles_stay_inside_and_apart(sizes):
    boxes = arrange(sizes, BOX)
    for box in boxes:
        assert box.x >= BOX.x
        assert box.y >= BOX.y
        assert box.x + box.width <= BOX.x + BOX.width + INVISIBLE
        assert box.y + box.height <= BOX.y + BOX.height + INVISIBLE
    for one, other in combinations(boxes, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert min(across, down) < INVISIBLE


def test_the_example_of_the_paper_comes_out_as_it_is_drawn_there():
    boxes = arrange([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    rounded = [tuple(round(number, 2) for number in box) for box in boxes]
    assert rounded[:4] == [(0, 0, 3, 2), (0, 2, 3, 2), (3, 0, 1.71, 2.33), (4.71, 0, 1.29, 2.33)]


def test_nothing_to_show_is_an_empty_picture():
    assert arrange([], BOX) == ()
    assert "<rect" not in draw([part("empty 1")], 100, 100, "wide")


def test_the_same_parts_are_the_same_picture_and_names_are_only_text():
    parts = [part("<b>&co 1.0", python=4_000, data=900)]
    drawn = draw(parts, 400, 300, "wide")
    assert drawn == draw(parts, 400, 300, "wide")
    assert "<b>" not in drawn
    assert "&lt;b&gt;&amp;co 1.0: 4.8 KiB unzipped, 100.0%; 1.6 KiB zipped" in drawn


def test_a_name_loses_its_version_before_it_loses_letters():
    def names(width: float) -> list[str]:
        drawn = draw([part("sqlalchemy 2.1.9", native=9_000)], width, 200, "wide")
        return re.findall(r'class="name[^>]*>([^<]+)', drawn)

    assert names(400) == ["sqlalchemy 2.1.9", "8.8 KiB"]
    assert names(180) == ["sqlalchemy", "8.8 KiB"]
    assert names(100) == ["sqlalchemy"]
    assert names(70) == ["sqlal…"]
    assert names(30) == []
