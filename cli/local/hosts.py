"""The names of this machine that our servers answer to.

A site can point its own name to 127.0.0.1, so that its pages may read what a server there answers (DNS
rebinding). But the browser then sends that name in the Host header, so we check the header.
"""

import re
from collections.abc import Collection

REFUSAL = "Only names of this machine lead here: localhost, *.localhost, 127.0.0.1"
LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:@/\s]+)(?::[0-9]*)?", re.IGNORECASE | re.ASCII)


def is_ours(host: str, names: Collection[str] = ()) -> bool:
    """Return whether a Host header, with or without a port, names this machine: itself or by one of `names`.

    `names` are in lower case.

    Names below "localhost" always lead to the loopback: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].lower().removesuffix(".")
    return name in LOOPBACK or name.endswith(".localhost") or name in names
