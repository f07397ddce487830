"""Keeps several execution environments warm: the invoked one invokes the function N - 1 times at once.

Lambda gives overlapping invocations different environments. So one that is to keep N environments warm sends
N - 1 invocations of the same function. Each of them takes long enough that none is free when the last
arrives.

The function may invoke only itself, and the invocations that it sends send no more.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from lambdify.adapter.aws import Request, send

HOLD = 0.1
"""Seconds that the last invocation takes at least."""
LEAD = 0.03
"""Seconds that each earlier one takes longer: the time to send one, with its TLS handshake."""


def warm(event: dict[str, Any], context: Any, most: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Hold this environment; if the event asks for more than one, invoke the others.

    `most`, from the settings, limits the number, whatever the event asks for. An invocation that fails is no
    error, since the schedule sends the next event.
    """
    asked, said = event.get("concurrency"), event.get("hold")
    others = max(0, min(asked, most) - 1) if type(asked) is int else 0
    hold = HOLD + LEAD * others if others else 0.0
    if type(said) is float and 0 < said <= HOLD + LEAD * most:  # NaN fails every comparison
        hold = said
    connections = []
    for number in range(others):
        with suppress(OSError):
            connections.append(send(_call(context.invoked_function_arn, HOLD + LEAD * (others - number - 1))))
    sleep(hold)
    for connection in connections:
        with suppress(OSError, HTTPException):
            connection.getresponse().read()
        connection.close()


def _call(arn: str, hold: float) -> Request:
    """Return an invocation of the function that holds its environment for `hold` seconds.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    body = json.dumps({"lambdify": "keep-warm", "hold": hold}).encode()
    path = f"/2015-03-31/functions/{quote(arn, safe='')}/invocations"
    return Request("lambda", path, {"content-type": "application/json"}, body)
