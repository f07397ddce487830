"""Texts as a person reads them: quantities, tables, and control characters written out."""

import re
from collections.abc import Sequence

NUMBER = re.compile(r"[\d.,]+( ?\S{1,4})?|-?")
"""A table cell that reads as a quantity: "12", "1.5 MB", or nothing."""

_CONTROLS = (
    *range(0x20),  # ESC begins what moves the cursor, sets the title, or answers in the reader's name
    *range(0x7F, 0xA0),  # DEL, and the second set of controls, which some terminals obey as they do ESC
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),  # line separators, and what writes text backwards
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # halves of characters: bytes of file names that are no text
)
"""Characters that a terminal obeys or that make a text look like another one.

https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
"""
_LINE = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_TEXT = {code: shown for code, shown in _LINE.items() if code not in (0x09, 0x0A)}


def visible(text: str) -> str:
    r"""Return the text with control characters written out ("\x1b"); line ends and tabs stay."""
    return text if text.isascii() and text.isprintable() else text.translate(_TEXT)


def visible_line(text: str) -> str:
    """Return the text on one line, with every control character written out."""
    return text if text.isascii() and text.isprintable() else text.translate(_LINE)


def duration(seconds: float) -> str:
    """Return seconds as a person says them: "0.3 s", "42 s", "2 min 05 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(count: int) -> str:
    """Return bytes as a person reads them, in the units of Lambda's limits: "0.4 KiB", "31.6 MiB"."""
    kibibytes = count / 1024
    return f"{kibibytes:.1f} KiB" if kibibytes < 1023.95 else f"{kibibytes / 1024:.1f} MiB"


def columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of an aligned table; columns of numbers are aligned to the right."""
    cells = [list(headers), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [bool(rows) and all(map(NUMBER.fullmatch, column)) for column in zip(*rows, strict=True)] or [
        False
    ] * len(widths)
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    ]
