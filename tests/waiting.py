"""Waiting for what happens by itself."""

import time
from collections.abc import Callable


def eventually(check: Callable[[], bool], seconds: float = 5, every: float = 0.05) -> bool:
    give_up = time.monotonic() + seconds
    while not check():
        if time.monotonic() > give_up:
            return False
        time.sleep(every)
    return True
