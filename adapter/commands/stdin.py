"""What a command reads: what came with the call, what a signed URL has, what is typed, or nothing."""

import base64
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping
from typing import Any, BinaryIO

from lambdify.adapter.commands import signed_url

TIMEOUT = 30.0
"""Seconds without a byte of a signed URL, after which it is given up."""
PIECE = 65_536


def open_stdin(event: Mapping[str, Any]) -> int | BinaryIO:
    """Return stdin, as subprocess takes it. Raises OSError if a signed URL cannot be read."""
    if event.get("typed"):
        return subprocess.PIPE
    if "stdin" not in event and "stdin_url" not in event:
        return subprocess.DEVNULL
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the command has it open, and Python closes ours
    if "stdin" in event:
        file.write(base64.b64decode(event["stdin"]))
    else:
        request = signed_url.request(event["stdin_url"])
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - signed by the caller
            while piece := response.read(PIECE):
                file.write(piece)
    file.seek(0)
    return file
