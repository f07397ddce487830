"""Texts of files as people and their editors write them: with a byte order mark, or as UTF-16.

Notepad saves "UTF-8 with BOM", and what Windows PowerShell writes with `>` is UTF-16. pip and uv read both.
https://peps.python.org/pep-0263/, https://pip.pypa.io/en/stable/reference/requirements-file-format/#encoding
"""

import codecs
from pathlib import Path
from typing import TextIO

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig",
}  # fmt: skip
"""Byte order marks; the longer ones first, since one begins with another."""


def find_mark(data: bytes) -> str:
    """Return the encoding that a byte order mark names; "" without one."""
    return next((name for mark, name in MARKS.items() if data.startswith(mark)), "")


def decode(data: bytes, *, errors: str = "strict") -> str:
    """Return a text by its byte order mark, UTF-8 without one, with every line ended by a line feed.

    Raises UnicodeDecodeError, unless `errors` is "replace".
    """
    text = data.decode(find_mark(data) or "utf-8", errors=errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(path: Path, *, errors: str = "strict") -> str:
    """Return the text of a file. Raises OSError and UnicodeDecodeError."""
    return decode(path.read_bytes(), errors=errors)


def read_pipe(stream: TextIO) -> str:
    """Return all of a stream, by its byte order mark, with its own line ends. Raises UnicodeDecodeError.

    Python itself would read it by the locale, which may be any.
    """
    buffer = getattr(stream, "buffer", None)
    data: bytes = buffer.read() if buffer else stream.read().encode()
    return data.decode(find_mark(data) or "utf-8")


def to_utf8(data: bytes) -> bytes:
    """Return a text of UTF-16 or UTF-32 as UTF-8, for searches of bytes; any other data as it is."""
    encoding = find_mark(data)
    if encoding in {"", "utf-8-sig"}:
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        return data
