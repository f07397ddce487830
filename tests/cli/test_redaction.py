"""Hiding credentials in what others write: any text, of any length."""

import pytest

from lambdify.cli.redaction import redact


@pytest.mark.parametrize("word", ["x", "a.b+c-", "http://x/", "://", "://x"])
def test_a_long_text_without_credentials_takes_time_by_its_length(word):
    """By the square of it, this would take hours."""
    text = word * (2_000_000 // len(word))
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("git+https://user:word@host/x", "git+https://***@host/x"),
        ("2http://word@host", "2http://***@host"),
        ("HTTPS://u:p@a https://u:p@b", "HTTPS://***@a https://***@b"),
        ("//word@host and me@host", "//word@host and me@host"),
    ],
)
def test_what_stands_between_the_scheme_and_the_host_is_hidden(text, shown):
    assert redact(text) == shown
