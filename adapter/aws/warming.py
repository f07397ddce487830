"""Keeping several execution environments warm: the one that is called calls the function N - 1 times at once.

Lambda gives each of two calls that overlap an environment of its own. So a call that is to keep N of them
warm sends N - 1 calls of the function itself, and every one of them takes a little while to answer: long
enough that the last one meets none that is free already.

The function may call itself and nothing else; the calls that it sends do not call on.
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
"""Seconds that the last call takes at least."""
LEAD = 0.03
"""Seconds that each earlier one takes longer: what sending one call costs, with its TLS handshake."""


def warm(event: dict[str, Any], context: Any, most: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Hold this environment, and where the event asks for more than one, call the others.

    It is never more than `most` environments, as the settings say: an event that somebody else wrote cannot
    start more of them. A call that does not arrive is no error: the schedule makes the next one.
    """
    asked, said = event.get("concurrency"), event.get("hold")
    others = max(0, min(asked, most) - 1) if type(asked) is int else 0
    hold = HOLD + LEAD * others if others else 0.0
    if type(said) is float and 0 < said <= HOLD + LEAD * most:  # nothing is true of NaN
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
    """One call of the function, which answers when it has held its environment for that long.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    body = json.dumps({"lambdify": "keep-warm", "hold": hold}).encode()
    path = f"/2015-03-31/functions/{quote(arn, safe='')}/invocations"
    return Request("lambda", path, {"content-type": "application/json"}, body)
