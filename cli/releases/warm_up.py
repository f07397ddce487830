"""All environments that are kept warm are started before the traffic moves to their version.

    1 call ──┐
    2 calls ─┼─at once─▶ the version itself: each call holds its environment until the last one has begun
    N calls ─┘

The trial has started one of them, and the keep-warm schedule would start the others minutes after the traffic
has moved, when visitors have met the cold starts. A version that works is not held back by what does not
start here: AWS may have no room just now, and the next keep-warm call makes good for it. So it is told, and
the release goes on; and nothing is waited for that takes longer than PATIENCE.
"""

import json
import threading
import time
from queue import Empty, SimpleQueue

from lambdify.cli.calls import invocation
from lambdify.cli.console import Console
from lambdify.cli.errors import LambdifyError
from lambdify.cli.stage import Stage
from lambdify.cli.template import KEEP_WARM

PATIENCE = 60.0
"""Seconds that all of them have to start. Init takes 10 s at most, else it begins anew in the invocation.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib"""
HOLD = 0.1
LEAD = 0.03
"""Seconds for which adapter/aws/warming.py holds an environment: HOLD, and LEAD more for each other one."""


def start(version: str, stage: Stage, console: Console, *, patience: float = PATIENCE) -> None:
    """Start as many environments of the version as the stage keeps warm; say how many did not start, and why.

    One environment needs nothing: the trial has started it.
    """
    warm, reserved = stage.settings.warm, stage.settings.function.reserved_concurrency
    if not warm.every or warm.concurrency <= 1 or reserved == 0:
        return
    hold = HOLD + LEAD * warm.concurrency
    event = json.dumps({**KEEP_WARM, "hold": hold}).encode()
    stage.account.without_retries("lambda")  # boto3 does not make two clients at once
    with console.step(f"Starting {warm.concurrency} environments of version {version}"):
        failures = _call_at_once(warm.concurrency, version, event, stage, patience)
    if failures:
        console.warn(
            f"{len(failures)} of {warm.concurrency} environments of version {version} did not start: "
            f"{failures[0]} Its first visitors may wait for a cold start."
        )


def _call_at_once(number: int, version: str, event: bytes, stage: Stage, patience: float) -> list[str]:
    """Call the version so many times at once; return why calls have failed, or did not end in time."""
    ended: SimpleQueue[str] = SimpleQueue()
    for _ in range(number):
        # Daemons: a call that lasts must not hold up the end of this process.
        threading.Thread(target=lambda: ended.put(_call(version, event, stage)), daemon=True).start()
    give_up = time.monotonic() + patience
    outcomes: list[str] = []
    try:
        while len(outcomes) < number:
            outcomes.append(ended.get(timeout=max(0.0, give_up - time.monotonic())))
    except Empty:
        late = f"there was no answer within {patience:g} seconds."
        outcomes += [late] * (number - len(outcomes))
    return [each for each in outcomes if each]


def _call(version: str, event: bytes, stage: Stage) -> str:
    """Call the version; return why that failed, or ""."""
    try:
        answer, payload = invocation.call(stage.name, event, stage.account, version=version)
    except LambdifyError as error:
        return error.message
    if "FunctionError" not in answer:
        return ""
    return invocation.failure(answer, invocation.read_payload(payload), stage.settings).message
