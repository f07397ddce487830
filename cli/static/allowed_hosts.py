"""Hosts that a Django answers to, as it has said, and those that its visitors ask for.

https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts
"""

from collections.abc import Collection

EVERY = "*"
OF_CDN = "*.cloudfront.net"
"""The host of a distribution. What CloudFront puts for the star is known when it is made."""
PLACEHOLDER = "placeholder"
"""What a secret is while an app is asked: its hosts are not known then."""


def lets_in(allowed: Collection[str], host: str) -> bool:
    """Return whether a Django that allows these hosts answers to one; "*." before it is any label."""
    label, _, domain = host.partition(".")
    unknown = label == EVERY
    for pattern in (each.lower() for each in allowed):
        if PLACEHOLDER in pattern or pattern == EVERY:
            return True
        if pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]):
            return True
        if pattern.endswith(f".{domain}") if unknown else pattern == host:
            return True
    return False


def caution(allowed: Collection[str], *hosts: str) -> str:
    """Return a caution that names the hosts that are not let in; "" if all are."""
    refused = [host.removeprefix(EVERY) for host in hosts if not lets_in(allowed, host)]
    if not refused:
        return ""
    named = ", ".join(f'"{host}"' for host in refused)
    return (
        f"ALLOWED_HOSTS lacks {named}: Django answers 400 to visitors who come by that name. "
        f"Let them in: ALLOWED_HOSTS = [{named}]"
    )
