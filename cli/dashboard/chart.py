"""Pictures of what happened over time, as SVG: stacked bars, and lines. Pure.

A page shows a picture in two widths; the colours come from its CSS classes. Each part of the time has a title
to hover over. Pictures are hidden from screen readers, which need a table with the same content.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

HEIGHT = 190.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 10.0, 20.0, 22.0
"""What is left beside the bars, for the numbers and the names of releases."""
LETTER, GAP = 6.6, 18.0
"""The width of a letter of a label, rounded up, and what is left between two labels."""
MARK_WIDTH = 34.0
"""Room for the name of a release."""
STEPS = (1, 2, 2.5, 5, 10)
"""Distances of the lines of a scale, but for powers of ten."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One value for each part of the time; None where there is none."""

    css_class: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened at one moment."""

    at: float
    """The place in the parts: 1.5 is in the middle of the second."""
    label: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Time:
    """The parts of the time, from left to right."""

    labels: tuple[str, ...]
    titles: tuple[str, ...]
    """What is told of each part where somebody hovers."""
    marks: tuple[Mark, ...] = ()


def draw_bars(
    time: Time, series: Sequence[Series], width: float, css_class: str, show: Callable[[float], str]
) -> str:
    """Return bars that stand on each other; `show` writes the numbers of the scale."""
    sums = [sum(values) for values in zip(*(_known(each) for each in series), strict=True)]
    top, each_width = _scale(max(sums, default=0)), _part_width(time, width)
    shapes = []
    for number in range(len(time.labels)):
        below = 0.0
        for each in series:
            value = each.values[number] or 0
            if value:
                y, height = _y(below + value, top), _y(below, top) - _y(below + value, top)
                x, wide = LEFT + number * each_width, max(each_width - 1.5, 1)
                shapes.append(
                    f'<rect class="{each.css_class}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" '
                    f'height="{max(height, 1):.1f}"/>'
                )
            below += value
    return _frame(time, width, css_class, top, show, shapes)


def draw_lines(
    time: Time, series: Sequence[Series], width: float, css_class: str, show: Callable[[float], str]
) -> str:
    """Return a line for each series, with a dot at each value; it breaks where there is none."""
    known = [value for each in series for value in each.values if value is not None]
    top, each_width = _scale(max(known, default=0)), _part_width(time, width)
    shapes = []
    for each in series:
        for run in _runs(each.values):
            places = [(LEFT + (number + 0.5) * each_width, _y(value, top)) for number, value in run]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            shapes.append(f'<polyline class="{each.css_class}" points="{path}"/>')
            shapes += [
                f'<circle class="{each.css_class}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in places
            ]
    return _frame(time, width, css_class, top, show, shapes)


def _frame(
    time: Time,
    width: float,
    css_class: str,
    top: float,
    show: Callable[[float], str],
    shapes: Sequence[str],
) -> str:
    drawn = "\n".join([*_grid(top, width, show), *shapes, *_moments(time, width), *_marks(time, width)])
    extent = f'viewBox="0 0 {width:g} {HEIGHT:g}"'
    hover = "".join(_hover(time, width))
    return f'<svg class="chart {css_class}" {extent} aria-hidden="true">\n{drawn}\n{hover}</svg>'


def _known(series: Series) -> list[float]:
    return [value or 0 for value in series.values]


def _part_width(time: Time, width: float) -> float:
    return (width - LEFT - RIGHT) / max(len(time.labels), 1)


def _scale(largest: float) -> float:
    """Return the end of a scale with four lines, whose numbers are round."""
    if largest <= 0:
        return 4.0
    power: float = 10.0 ** math.floor(math.log10(largest / 4))
    step = next(each for each in STEPS if 4 * each * power >= largest * 0.9999)
    return 4 * step * power


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _grid(top: float, width: float, show: Callable[[float], str]) -> Iterator[str]:
    for number in range(5):
        value = top * number / 4
        y = _y(value, top)
        yield f'<line class="grid" x1="{LEFT:g}" y1="{y:.1f}" x2="{width - RIGHT:g}" y2="{y:.1f}"/>'
        if text := show(value):
            yield f'<text class="scale" x="{LEFT - 6:g}" y="{y + 4:.1f}">{escape(text)}</text>'


def _moments(time: Time, width: float) -> Iterator[str]:
    each_width = _part_width(time, width)
    room = LETTER * max(map(len, time.labels), default=0)
    every = max(1, math.ceil((room + GAP) / each_width))
    for number in range(0, len(time.labels), every):
        x = LEFT + number * each_width
        if x + room <= width or number == 0:
            label = escape(time.labels[number])
            yield f'<text class="moment" x="{x:.1f}" y="{HEIGHT - 6:g}">{label}</text>'


def _marks(time: Time, width: float) -> Iterator[str]:
    """Yield a line for each mark, and its label unless that of the one before is in its place."""
    each_width, free = _part_width(time, width), 0.0
    for mark in sorted(time.marks, key=lambda mark: mark.at):
        x = LEFT + mark.at * each_width
        line = f'<line x1="{x:.1f}" y1="{TOP - 4:g}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM:g}"/>'
        yield f'<g class="mark"><title>{escape(mark.title)}</title>{line}'
        if x - MARK_WIDTH / 2 >= free:
            shown = min(max(x, LEFT), width - MARK_WIDTH / 2)
            yield f'<text x="{shown:.1f}" y="{TOP - 8:g}">{escape(mark.label)}</text>'
            free = shown + MARK_WIDTH / 2
        yield "</g>"


def _hover(time: Time, width: float) -> Iterator[str]:
    each_width = _part_width(time, width)
    for number, title in enumerate(time.titles):
        x = LEFT + number * each_width
        yield (
            f'<rect class="hover" x="{x:.1f}" y="{TOP:g}" width="{each_width:.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM:g}"><title>{escape(title)}</title></rect>\n'
        )


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Yield the values without a gap between them, each with its place."""
    run: list[tuple[int, float]] = []
    for number, value in enumerate(values):
        if value is not None:
            run.append((number, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
