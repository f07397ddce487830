"""The scan of packed files for credentials, databases and core dumps. Warnings never contain the value.

A file's name is better evidence than its content. So files with names of secrets are left out (see files.py),
and leaks by content are only reported. The shapes of tokens are in secret_shapes.toml; more complex shapes
are in this module. Values that are obviously examples are ignored.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lambdify.cli.storage import texts

MAX_SIZE = 1_000_000
"""Bytes. Larger files are taken for data, and not scanned."""
DATABASE = "a SQLite database"
CORE_DUMP = "a core dump, which holds all that a process knew"


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A place in a packed file that the user should check."""

    path: str
    line: int
    """The line, from 1; 0 for a binary file."""
    what: str


EXAMPLE = re.compile(
    rb"(?i)example|password|change.?me|placeholder|your.?key|x{8}|0{12}|1234567890abcdef",
)


@dataclass(frozen=True)
class _Shape:
    """The shape of a credential. A file is searched for the literals first, which is much faster."""

    what: str
    literals: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    suffix: str = ""
    """The suffix of the files that are scanned for it; "" for all."""
    is_real: Callable[[re.Match[bytes]], bool] = lambda match: not EXAMPLE.search(match.group())


_EXAMPLE_PASSWORDS = re.compile(
    rb"(?i)\W*(pass(wd|word|phrase)?|pw|pwd|secret|user(name)?|token|key|api.?key|test(ing)?|admin|root|guest"
    rb"|foo|bar|baz|abc|qwerty|hunter2|dummy|fake|sample|demo|default|postgres(ql)?|mysql|mariadb|mongo(db)?"
    rb"|redis|rabbitmq|x+|\*+|1?23456?7?8?9?0?)\d*\W*"
)
_EXAMPLE_HOSTS = re.compile(
    rb"(?i)(^|\.)(example(\.\w+)?|test|invalid|local|localhost|localdomain)$"
    rb"|^(127|10)\.\d+\.|^192\.168\.|^0\.0\.0\.0$"
)
_CHARACTERS = {
    "hex": r"[0-9A-Fa-f]",
    "letters": r"[0-9A-Za-z]",
    "word": r"[\w-]",
    "base64": r"[\w+/=-]",
}


def scan(path: str, content: bytes) -> Iterator[Leak]:
    """Yield the first leak of each kind in a file. Binary and large files are only checked for their kind."""
    if content.startswith(b"SQLite format 3\0"):
        yield Leak(path=path, line=0, what=DATABASE)
    # A core dump is an ELF file of type 4, in either byte order:
    # https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
    elif content.startswith(b"\x7fELF") and content[16:18] in (b"\4\0", b"\0\4"):
        yield Leak(path=path, line=0, what=CORE_DUMP)
    if len(content) > MAX_SIZE:
        return
    content = texts.to_utf8(content)
    if b"\0" in content[:1024]:
        return
    reported = set()
    for shape in _shapes():
        there = path.endswith(shape.suffix) and any(literal in content for literal in shape.literals)
        if shape.what in reported or not there:
            continue
        for match in shape.pattern.finditer(content):
            if shape.is_real(match):
                reported.add(shape.what)
                yield Leak(path=path, line=content.count(b"\n", 0, match.start()) + 1, what=shape.what)
                break


@cache
def _shapes() -> tuple[_Shape, ...]:
    text = resources.files(__package__).joinpath("secret_shapes.toml").read_text(encoding="utf-8")
    return (*map(_read, tomllib.loads(text)["shape"]), *_COMPLEX_SHAPES)


def _read(row: Mapping[str, Any]) -> _Shape:
    searched = tuple(word.encode() for word in row.get("search", row["begins"]))
    first = "|".join(map(re.escape, row["begins"])).encode()
    rest = row.get("pattern") or f"{_CHARACTERS[row['of']]}{{{row['least']},}}"
    # A token does not begin inside a word: "risk-" contains no "sk-".
    return _Shape(row["what"], searched, re.compile(rb"(?<![A-Za-z0-9_-])(?:" + first + b")" + rest.encode()))


def _has_real_password(match: re.Match[bytes]) -> bool:
    user, password, host = match["user"], match["password"], match["host"]
    made_up = password == user or _EXAMPLE_PASSWORDS.fullmatch(password) or EXAMPLE.search(match.group())
    return not (made_up or _EXAMPLE_HOSTS.search(host))


_COMPLEX_SHAPES = (
    _Shape(
        "an AWS secret access key",
        (b"secret", b"SECRET", b"Secret"),
        re.compile(
            rb"(?i)aws_?secret(?:_?access)?_?key\w*['\"]?\s*[:=]\s*['\"]?[a-z0-9/+]{40}(?![a-z0-9/+])"
        ),
    ),
    _Shape(
        "a URL with a password",
        (b"://",),
        re.compile(
            rb"(?i)\b[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s:/@'\"{}$<>?#()\[\]\\,;|`*]*)"
            rb":(?P<password>(?:[^\s:/@'\"{}$%<>?#()\[\]\\,;|`*]|%[0-9a-f]{2}){4,})@(?P<host>[\w-]+\.[\w.-]*\w)"
        ),
        is_real=_has_real_password,
    ),
    _Shape(
        "a SECRET_KEY",
        (b"SECRET_KEY",),
        # The setting of Django and Flask, as Python code.
        re.compile(
            rb"(?m)^[ \t]*(?:app\.)?(?:DJANGO_)?SECRET_KEY[ \t]*=[ \t]*\(?[rbu]?['\"][^'\"\s]{32,}['\"]"
        ),
        suffix=".py",
    ),
)
