"""Credentials in URLs are hidden wherever a text may be shown, logged or kept."""

import re

_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE)


def redact(text: str) -> str:
    """Return the text with the credentials of every URL replaced by ***."""
    return _IN_URL.sub(r"\g<scheme>***@", text)
