"""Credentials in URLs are hidden wherever a text may be shown, logged or kept."""

import re

# It begins at "://": a search for the scheme would take time by the square of the length of a long word.
_IN_URL = re.compile(r"(?<=[a-z0-9+.-])://[^/\s@'\"]+@", re.IGNORECASE)


def redact(text: str) -> str:
    """Return the text with the credentials of every URL replaced by ***."""
    return _IN_URL.sub("://***@", text)
