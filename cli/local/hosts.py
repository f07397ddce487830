"""Which names of this machine a server of ours answers to.

A page of any site can have its own name lead to 127.0.0.1 and then read what answers there as its own (DNS
rebinding). What it cannot do is have the browser send another Host than that name.
"""

import re
from collections.abc import Collection

LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:@/\s]+)(?::[0-9]*)?", re.IGNORECASE | re.ASCII)


def is_ours(host: str, names: Collection[str] = ()) -> bool:
    """Whether a Host header, with or without a port, means this machine, or is one of `names` (lower case).

    Nothing but a browser's own loopback answers to a name below "localhost":
    https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].lower().removesuffix(".")
    return name in LOOPBACK or name.endswith(".localhost") or name in names
