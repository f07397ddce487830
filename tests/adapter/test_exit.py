"""A process that has made an Adapter ends when it is done: a script, a test runner, a function that exits."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lambdify.adapter import asgi
from lambdify.adapter.errors import StartupFailed

pytestmark = pytest.mark.slow

HEAD = """
import asyncio, json, sys, threading
from contextlib import asynccontextmanager
from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

def get(path="/"):
    return http_api.write_event(Request("GET", path))
"""

FASTAPI = f"""{HEAD}
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

app = FastAPI()

@app.get("/")
def not_async():
    return "hi"

@app.get("/file")
async def file():
    return FileResponse(__file__)

def dependency():
    return "hi"

@app.get("/dependency")
async def depends(value=Depends(dependency)):
    return value

@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(print, "in the background")

@app.get("/exit")
def leave():
    sys.exit(3)

app.mount("/static", StaticFiles(directory=__file__.rpartition("/")[0]))
"""

LIFESPAN = f"""{HEAD}
import anyio.to_thread

resident = []

@asynccontextmanager
async def lifespan(app):
    async def tick():
        while True:
            await anyio.to_thread.run_sync(int)
            await asyncio.sleep(0.01)

    resident.append(asyncio.create_task(tick()))
    yield
    await asyncio.to_thread(print, "stopped in a thread")

from fastapi import FastAPI
app = FastAPI(lifespan=lifespan)

@app.get("/")
async def home():
    await asyncio.sleep(0.05)
    return "hi"
"""

Done = subprocess.CompletedProcess[str]


def run(tmp_path: Path, *line: str, code: str, name: str = "script.py") -> Done:
    script = tmp_path / name
    script.write_text(code)
    return subprocess.run(
        [sys.executable, *line, script],
        cwd=Path(__file__).parents[2],  # where coverage knows the adapter by its folder
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


@pytest.mark.parametrize("path", ["/", "/file", "/dependency", "/background", "/static/script.py"])
def test_a_script_ends(tmp_path, path):
    code = f"{FASTAPI}\nhandler = Adapter(app)\nprint(handler(get({path!r}), None)['statusCode'])"
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "200" in done.stdout


def test_so_does_the_process_of_a_function_that_exits(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    done = run(tmp_path, code=f"{FASTAPI}\nhandler = Adapter(app)\nhandler(get('/'), None)\nsys.exit(3)")
    assert (done.returncode, done.stderr) == (3, "")


def test_an_adapter_that_nobody_holds_any_more_keeps_no_process(tmp_path):
    code = (
        f"{FASTAPI}\ndef use():\n    Adapter(app)(get(), None)\nfor _ in range(3):\n    use()\nprint('used')"
    )
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "used\n", "")


def test_neither_does_one_that_was_dropped_while_another_loop_ran(tmp_path):
    code = f"""{FASTAPI}
handlers = [Adapter(app)]
handlers[0](get(), None)

async def main():
    handlers.clear()

asyncio.run(main())
print("used")
"""
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "used\n", "")


def test_nor_one_that_another_thread_made(tmp_path):
    code = f"""{FASTAPI}
made = []
def use():
    made.append(Adapter(app))
    made[0](get(), None)
thread = threading.Thread(target=use)
thread.start()
thread.join()
print("used")
"""
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "used\n", "")


def test_a_test_runner_ends(tmp_path):
    code = f"""{FASTAPI}
handler = Adapter(app)

def test_handler():
    assert handler(get(), None)["statusCode"] == 200

def test_another():
    assert Adapter(app)(get("/dependency"), None)["statusCode"] == 200
"""
    done = run(
        tmp_path,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        code=code,
        name="test_handler.py",
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_an_app_that_exits_ends_its_process(tmp_path):
    code = f"{FASTAPI}\nhandler = Adapter(app)\nhandler(get(), None)\nhandler(get('/exit'), None)"
    assert run(tmp_path, code=code).returncode == 3


def test_an_adapter_whose_startup_failed_keeps_no_process(tmp_path):
    code = f"""{HEAD}
import anyio.to_thread

async def app(scope, receive, send):
    async def tick():
        while True:
            await anyio.to_thread.run_sync(int)
    scope["state"]["ticker"] = asyncio.create_task(tick())
    await receive()
    await asyncio.sleep(0.05)
    await send({{"type": "lifespan.startup.failed", "message": "no database"}})
    await receive()

try:
    Adapter(app)
except Exception as error:
    print(type(error).__name__)
"""
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "StartupFailed\n", "")


def test_the_shutdown_of_an_app_runs_when_its_process_ends(tmp_path):
    code = f"{LIFESPAN}\nhandler = Adapter(app)\nprint(handler(get(), None)['body'])"
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stdout, done.stderr) == (0, '"hi"\nstopped in a thread\n', "")


def test_a_fork_of_the_process_leaves_the_app_alone(tmp_path):
    code = f"""{LIFESPAN}
import multiprocessing
handler = Adapter(app)
handler(get(), None)
child = multiprocessing.get_context("fork").Process(target=print, args=("in the child",))
child.start()
child.join(30)
print(child.exitcode)
"""
    done = run(tmp_path, code=code)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["0", "in the child", "stopped in a thread"]


def test_closing_ends_the_tasks_that_the_startup_left(tmp_path):
    code = f"""{LIFESPAN}
handler = Adapter(app)
handler(get(), None)
handler.close()
print(resident[0].cancelled(), [t.name for t in threading.enumerate() if not t.daemon])
"""
    done = run(tmp_path, code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("stopped in a thread\nTrue ['MainThread'")


async def minimal(scope: Any, receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def current_loop() -> Any:
    try:
        return asyncio.get_event_loop()
    except RuntimeError:
        return None


def test_closing_leaves_no_closed_loop_behind():
    server = asgi.Server(minimal)
    assert current_loop() is not None
    server.close()
    assert current_loop() is None
    server.close()


def test_closing_leaves_the_loop_of_somebody_else_alone():
    server = asgi.Server(minimal)
    other = asyncio.new_event_loop()
    asyncio.set_event_loop(other)
    server.close()
    assert current_loop() is other
    asyncio.set_event_loop(None)
    other.close()


def test_closing_makes_no_loop_for_a_policy_that_came_later():
    made = []

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self):
            made.append(super().new_event_loop())
            return made[-1]

    server = asgi.Server(minimal)
    asyncio.set_event_loop_policy(Policy())
    server.close()
    asyncio.set_event_loop_policy(None)
    assert made == []


def test_closing_in_another_thread_leaves_the_loop_there_alone():
    server = asgi.Server(minimal)
    seen = []

    def close():
        other = asyncio.new_event_loop()
        asyncio.set_event_loop(other)
        server.close()
        seen.append(current_loop() is other)
        other.close()

    thread = threading.Thread(target=close)
    thread.start()
    thread.join(30)
    assert seen == [True]
    asyncio.set_event_loop(None)


def test_a_startup_that_failed_leaves_no_closed_loop_behind():
    async def failing(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartupFailed):
        asgi.Server(failing)
    assert current_loop() is None


def test_a_startup_that_ends_the_process_leaves_no_closed_loop_behind():
    async def leaving(scope, receive, send):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asgi.Server(leaving)
    assert current_loop() is None
