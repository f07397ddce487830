"""What looks like a credential in the text of files that are packed: a warning, which never shows the value.

A name says more than a content, so secrets by name are left out (see files.py) and these are only told. The
patterns are the issuers' own published shapes; a value that says that it is an example does not count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 1_000_000
"""Bytes; larger files are data."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A place that should be looked at."""

    path: str
    line: int
    what: str


@dataclass(frozen=True)
class _Shape:
    """What a credential looks like. The literals are there because a plain search is far cheaper."""

    what: str
    literals: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


SHAPES = (
    _Shape("an AWS access key id", (b"AKIA", b"ASIA"), re.compile(rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b")),
    _Shape(
        "an AWS secret access key",
        (b"secret", b"SECRET", b"Secret"),
        re.compile(
            rb"(?i)aws_?secret(?:_?access)?_?key\w*['\"]?\s*[:=]\s*['\"]?[a-z0-9/+]{40}(?![a-z0-9/+])"
        ),
    ),
    _Shape(
        "a private key",
        (b"PRIVATE KEY-----",),
        re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"),
    ),
    _Shape(
        "a GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b"),
    ),
    _Shape("a GitLab token", (b"glpat-",), re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}\b")),
    _Shape("a live Stripe key", (b"k_live_",), re.compile(rb"\b[rs]k_live_[A-Za-z0-9]{20,}\b")),
    _Shape("a Slack token", (b"xox",), re.compile(rb"\bxox[abeprs]-[A-Za-z0-9-]{20,}\b")),
    _Shape("a Google API key", (b"AIza",), re.compile(rb"\bAIza[A-Za-z0-9_-]{35}\b")),
    _Shape("a package index token", (b"pypi-AgE",), re.compile(rb"\bpypi-AgE[A-Za-z0-9_-]{50,}")),
    _Shape(
        "a URL with a password",
        (b"://",),
        re.compile(
            rb"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?)(?:\+\w+)?://"
            rb"[^\s:/@'\"{}$%<>]*:[^\s:/@'\"{}$%<>]{6,}@(?!localhost\b|127\.)[\w-]+\.[\w.-]+"
        ),
    ),
)
EXAMPLE = re.compile(rb"(?i)example|password|changeme|placeholder|x{8}")


def scan(path: str, content: bytes) -> Iterator[Leak]:
    """The first place of each kind in one file; nothing for binary or large ones."""
    if len(content) > LARGEST or b"\0" in content[:1024]:
        return
    for shape in SHAPES:
        if not any(literal in content for literal in shape.literals):
            continue
        for match in shape.pattern.finditer(content):
            if not EXAMPLE.search(match.group()):
                yield Leak(path=path, line=content.count(b"\n", 0, match.start()) + 1, what=shape.what)
                break
