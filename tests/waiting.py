"""Waiting for what happens by itself: until it has, with a limit that a busy machine does not exceed."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which nobody waits any longer, however busy the machine is."""


def eventually(check: Callable[[], T], seconds: float = PATIENCE, every: float = 0.02) -> T:
    """What the check comes to as soon as that is true, or what it came to when the time was over."""
    give_up = time.monotonic() + seconds
    while not (value := check()) and time.monotonic() < give_up:
        time.sleep(every)
    return value


def nap(seconds: float) -> None:
    """A `sleep` for code that waits for AWS, where AWS is on this machine and needs no more than this."""
    time.sleep(min(seconds, 0.05))


def listens(address: str) -> bool:
    """Whether somebody listens there, at "127.0.0.1:8000"."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError:
        return False
    return True
