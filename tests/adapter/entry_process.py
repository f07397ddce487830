"""The entry point in a process of its own: apps, events and programs that its tests share."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

ADAPTER = Path(__file__).parents[2] / "adapter"

INVOKE = """
import json, sys
from lambdify.adapter import entry
from types import SimpleNamespace
context = SimpleNamespace(invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:live")
for event in json.load(sys.stdin):
    print(json.dumps(entry.handler(event, context)))
"""

FLASK = """
import sys
from flask import Flask
app = Flask(__name__)
print("imported", file=sys.stderr)

@app.get("/")
def home():
    print("called", file=sys.stderr)
    return "home"

def create_app():
    return app
"""

FASTAPI = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    if not BROKEN: yield
    else: raise RuntimeError("no database")

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def home():
    return "home"
"""

MANGUM_ON_NEW_PYTHONS = "ignore:There is no current event loop:DeprecationWarning"
"""From Python 3.12 on, making a Mangum asks for a loop in a way that warns."""

TERMINATE = """
import os, signal, sys
from lambdify.adapter import entry
os.kill(os.getpid(), signal.SIGTERM)
"""

LIFESPAN = """
import os, signal
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("stopped")
        await send({"type": "lifespan.shutdown.STOPPED", "message": "Traceback: the pool is on fire"})
    else:
        print("asked")
        os.kill(os.getpid(), signal.SIGTERM)
"""

UVLOOP = """
import asyncio, uvloop, warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # policies are deprecated from Python 3.14 on
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

async def app(scope, receive, send):
    loop = asyncio.get_running_loop()
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["loop"] = loop
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await asyncio.sleep(0.001)
        assert loop is scope["state"]["loop"]
        body = await asyncio.to_thread(lambda: type(loop).__module__.encode())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""

KEEP_WARM = {"lambdify": "keep-warm"}
HOME = http_api.write_event(Request("GET", "/"))

Invoke = Callable[..., subprocess.CompletedProcess[str]]


def payloads(done: subprocess.CompletedProcess[str]) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
