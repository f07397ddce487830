"""Requests for the signed URLs that a caller hands over."""

import os
import urllib.request
from urllib.parse import urlsplit

LOCAL = "127.0.0.1"


def request(url: str, **headers: str) -> urllib.request.Request:
    """Return the request for a signed URL.

    The host is a part of what was signed. One of the local cloud names the machine of the caller; a function
    in a container reaches that where AWS's APIs are, and says whom it means by the header Host.
    """
    there, here = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")), urlsplit(url)
    if there.netloc and here.hostname == LOCAL:
        headers["Host"] = here.netloc
        url = here._replace(netloc=there.netloc).geturl()
    return urllib.request.Request(url, headers=headers)  # noqa: S310 - signed by the caller
