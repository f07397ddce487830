"""What is typed while a command runs, and signals: an object in the stage's bucket that only grows.

The caller writes it whole each time, as frames; this side asks for what is beyond what it has. One signed URL
is all that it needs: no right and no resource. Until something is typed there is no object.
"""

import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from typing import BinaryIO

from lambdify.adapter.commands import frames, signed_url
from lambdify.adapter.commands.frames import SIGNAL, STDERR, TYPED, TYPED_OUT
from lambdify.adapter.commands.process import Running, Write

PAUSE, PAUSE_FOR_SIGNALS = 0.3, 1.0
"""Seconds between two questions: where somebody types, and where only Ctrl-C may come."""
TIMEOUT = 5.0
"""Seconds for one answer."""
PATIENCE = 20.0
"""Seconds without an answer after which the caller is told that nothing comes through."""
NOTHING_NEW = (403, 404, 416)
"""What S3 answers for no object (403 to who may not list the bucket), and for one that has not grown:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""


def follow(
    url: str,
    running: Running,
    write: Write,
    *,
    stdin: BinaryIO | None,
    pause: float,
    patience: float = PATIENCE,
) -> None:
    """Pass on what comes at the URL until the command has ended. `stdin` is the command's, if it is typed."""
    reader, size, heard = frames.Reader(), 0, time.monotonic()
    patience = patience if stdin else float("inf")
    while not running.ended.is_set():
        piece = _fetch(url, size)
        now = time.monotonic()
        if piece is not None:
            heard = now
            size += len(piece)
            for kind, data in reader.feed(piece):
                _pass_on(kind, data, running, stdin)
        elif now - heard > patience:
            patience = float("inf")
            write(STDERR, b"lambdify: what is typed does not come here: the function cannot reach S3.\n")
        if not piece:
            running.ended.wait(pause)
    if stdin:
        with suppress(OSError):
            stdin.close()


def _pass_on(kind: int, data: bytes, running: Running, stdin: BinaryIO | None) -> None:
    if kind == SIGNAL:
        running.send_signal(int(data))
    elif stdin:
        # A command that has closed its stdin, or ended, hears no more.
        with suppress(OSError, ValueError):
            if kind == TYPED:
                stdin.write(data)
                stdin.flush()
            if kind == TYPED_OUT:
                stdin.close()


def _fetch(url: str, size: int) -> bytes | None:
    """Return what the object has beyond `size` bytes; None if there was no answer."""
    request = signed_url.request(url, Range=f"bytes={size}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - signed by the caller
            whole: bytes = response.read()
            return whole if response.status == 206 else whole[size:]
    except urllib.error.HTTPError as error:
        return b"" if error.code in NOTHING_NEW else None
    except (OSError, HTTPException):
        return None
