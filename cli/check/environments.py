"""Execution environments, simulated: how many there are at once, and which requests meet a cold start.

Lambda gives an environment one request at a time, and ends one that nobody asked for ten minutes or so; AWS
promises no time. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import heapq
from collections import deque

IDLE = 600.0
"""Seconds that an environment is kept without a request."""


class Environments:
    """The environments of one function, while requests come in the order of time."""

    def __init__(self, *, init: float, warm: int) -> None:
        """`init` are the seconds of a cold start; of `warm` environments, keep-warm calls keep one each."""
        self._init, self._warm = init, warm
        self._busy: list[float] = []
        """Until when, the soonest first."""
        self._free: deque[float] = deque()
        """Since when, the longest first."""
        self.cold = 0
        self.most = 0

    def serve(self, at: float, seconds: float) -> None:
        """Give a request that comes `at` a moment and takes so many `seconds` to an environment."""
        while self._busy and self._busy[0] <= at:
            self._free.append(heapq.heappop(self._busy))
        while self._free and at - self._free[0] >= IDLE:
            self._free.popleft()
        if self._free:
            self._free.pop()
        elif len(self._busy) >= self._warm:
            self.cold += 1
            seconds += self._init
        heapq.heappush(self._busy, at + seconds)
        self.most = max(self.most, len(self._busy))
