"""What CloudWatch knows of a function in the local cloud: each invocation once, with its time."""

from collections.abc import Callable

import httpx
import pytest
from local.stacks import Deployed
from stages import stage_in
from waiting import eventually

from lambdify.cli.calls import invocation
from lambdify.cli.look import metrics

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

SLOW_TO_START = "import time\ntime.sleep(1)\n\ndef handler(event, context):\n    return {'statusCode': 200}\n"
SLOW_TO_ANSWER = SLOW_TO_START.replace("time.sleep(1)\n", "").replace(
    "    return", "    time.sleep(0.3)\n    return"
)


def test_each_invocation_counts_once_however_it_came(deploy: Callable[..., Deployed]) -> None:
    app = deploy(SLOW_TO_START)
    invocation.call(app.name, b"{}", app.account, version="1")
    invocation.call(app.name, b"{}", app.account)
    for _ in range(10):
        assert httpx.get(app.url).status_code == 200
    stage = stage_in(app.account, app.settings)

    def counted() -> bool:
        found = metrics.read(stage, app.url)
        return found is not None and found.billed_invocations == 12

    assert eventually(counted)
    found = metrics.read(stage, app.url)
    assert found
    assert found.invocations == 11, "who calls a version by its number is no visitor"
    assert found.errors == 0
    assert found.duration_p50_ms is not None
    assert 0 < found.duration_p50_ms < 500, "the start of the environment is no part of a duration"
    assert found.duration_p95_ms is not None
    assert found.duration_p95_ms < 500


def test_a_duration_is_that_of_the_request(deploy: Callable[..., Deployed]) -> None:
    app = deploy(SLOW_TO_ANSWER)
    for _ in range(2):
        httpx.get(app.url)
    stage = stage_in(app.account, app.settings)
    assert eventually(lambda: (found := metrics.read(stage, app.url)) and found.invocations == 2)
    found = metrics.read(stage, app.url)
    assert found
    assert found.duration_p50_ms is not None
    assert 300 <= found.duration_p50_ms < 1000
