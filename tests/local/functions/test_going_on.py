"""An app that goes on after its response, under AWS's own client: the caller does not wait for it."""

import json
from pathlib import Path

import pytest
from local.running import ARN

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

pytestmark = pytest.mark.slow

APP = """
import asyncio, os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"made"})
    folder = os.environ["TEST_FOLDER"]
    while not os.path.exists(f"{folder}/go"):
        await asyncio.sleep(0.01)
    print("worked")
"""
GET = http_api.write_event(Request("GET", "/", client="192.0.2.1"))


def test_the_caller_has_the_answer_while_the_app_goes_on(run, pack_adapter, tmp_path: Path):
    pack_adapter()
    running = run(
        APP, handler="lambdify.adapter.entry.handler", environment=(("TEST_FOLDER", str(tmp_path)),)
    )
    for number in (1, 2):
        running.sandbox.begin(f"request-{number}", json.dumps(GET).encode(), f"{ARN}:7")
        outcome = running.sandbox.answer(60)
        assert outcome is not None, "the answer has to be there before the app may end"
        assert json.loads(outcome.payload)["body"] == "made"
        assert running.sandbox.end(0.2) is None
        (tmp_path / "go").touch()
        assert running.sandbox.end(60).usable
        (tmp_path / "go").unlink()
    assert running.log.count("worked") == 2
