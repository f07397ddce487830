"""Apps that refuse the host of a request: which check it was, and the line that lets the host in.

Such a 400 looks like a fault of the request, and is one of the settings: every visitor of that host gets it.

    Django       ALLOWED_HOSTS        https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts
    Starlette    TrustedHostMiddleware  https://www.starlette.io/middleware/#trustedhostmiddleware
    Flask        TRUSTED_HOSTS        https://flask.palletsprojects.com/en/stable/config/#TRUSTED_HOSTS

Pure. Django's page does not say what was wrong with the request, but its log does; so both are read.
"""

import re
from typing import NamedTuple

BAD_REQUEST = 400


class HostCheck(NamedTuple):
    """A check of hosts: what it says when it refuses one, its name, and the line that lets a host in."""

    says: re.Pattern[str]
    name: str
    line: str


CHECKS = (
    HostCheck(
        re.compile(r"DisallowedHost|Invalid HTTP_HOST header|<h1>Bad Request \(400\)</h1>"),
        "Django's ALLOWED_HOSTS",
        'ALLOWED_HOSTS = ["{host}"]',
    ),
    HostCheck(
        re.compile(r"Host .{1,300}? is not trusted"),
        "Flask's TRUSTED_HOSTS",
        'app.config["TRUSTED_HOSTS"] = ["{host}"]',
    ),
    HostCheck(
        re.compile(r"(?i)invalid host header"),
        "The app's list of allowed hosts (TrustedHostMiddleware)",
        'allowed_hosts=["{host}"]',
    ),
)


def explain(status: int, body: bytes, log: str, host: str) -> tuple[str, str] | None:
    """Return what refuses the host, and the line to write; None for any other answer."""
    if status != BAD_REQUEST:
        return None
    text = f"{log}\n{body.decode(errors='replace')}"
    for check in CHECKS:
        if check.says.search(text):
            return f"{check.name} refuses the host {host}", check.line.format(host=host)
    return None
