"""What Lambda does not let through does not come through here, and the request's line says why."""

import pytest
from serve.conftest import Serve

pytestmark = pytest.mark.slow
WRITES = """
import ctypes, os, pathlib, sqlite3, subprocess, tempfile

def attempt(write):
    try:
        write()
    except (OSError, sqlite3.Error) as error:
        return str(error)

def write_sqlite():
    connection = sqlite3.connect("shop.sqlite3")
    connection.execute("create table books (title)")

def write_in_c():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.creat(b"c.txt", 0o644) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

TRIES = {
    "/open": lambda: open("x.txt", "w"),
    "/old": lambda: open("app.py", "a"),
    "/mkdir": lambda: os.mkdir("logs"),
    "/remove": lambda: os.remove("app.py"),
    "/rename": lambda: pathlib.Path("app.py").rename("b.py"),
    "/sqlite": write_sqlite,
    "/c": write_in_c,
    "/child": lambda: subprocess.run(["touch", "child.txt"], check=False, stderr=subprocess.DEVNULL) and None,
    "/tmp": lambda: open("/tmp/lambdify-test-serve", "w").close() or os.remove("/tmp/lambdify-test-serve"),
    "/tempfile": lambda: tempfile.NamedTemporaryFile().close(),
    "/null": lambda: open(os.devnull, "w").close(),
}
PAGES = {path: lambda write=write: attempt(write) for path, write in TRIES.items()}
"""


def test_the_project_is_read_only_and_tmp_is_not(serve: Serve):
    serving = serve(pages=WRITES)
    before = {path.name: path.read_bytes() for path in serving.root.iterdir() if path.is_file()}
    for path, name in (("open", "x.txt"), ("old", "app.py"), ("mkdir", "logs"), ("remove", "app.py")):
        assert serving.get(f"/{path}").text == f"[Errno 30] Read-only file system: '{name}'"
    assert "[Errno 30] Read-only file system" in serving.get("/rename").text
    assert [serving.get(f"/{path}").text for path in ("tmp", "tempfile", "null")] == ["None"] * 3
    serving.get("/child")
    assert serving.get("/sqlite").text in (
        "attempt to write a readonly database",
        "unable to open database file",
    )
    assert serving.get("/c").text in ("[Errno 30] Read-only file system", "[Errno 13] Permission denied")
    after = {path.name: path.read_bytes() for path in serving.root.iterdir() if path.is_file()}
    assert after == before


def test_too_large_a_response_is_refused(serve: Serve):
    serving = serve(pages="PAGES = {'/': lambda: 'x' * 7_000_000}\n")
    assert serving.get().status_code == 500
    line = next(each for each in serving.story("GET /   ").splitlines() if "GET /   " in each)
    assert "the response takes 7,000," in line
    assert line.endswith("Lambda lets 6,291,556 through")


def test_too_large_a_request_is_refused(serve: Serve):
    import httpx

    serving = serve(pages="PAGES = {'/': lambda: 'never'}\n")
    answer = httpx.post(serving.url, content=b"\xff" * 5_000_000, timeout=60)
    assert answer.status_code == 500
    line = next(each for each in serving.story("POST /   ").splitlines() if "POST /   " in each)
    assert "bytes, Lambda takes 6,291,556" in line


def test_who_takes_too_long_is_ended(serve: Serve):
    pages = """
    import threading
    PAGES = {"/": lambda: "soon", "/slow": lambda: threading.Event().wait(30)}
    """
    serving = serve(pages=pages, function="timeout = 1")
    answer = serving.get("/slow", accept="text/html")
    assert answer.status_code == 500
    assert "no answer within 1 s" in answer.text
    line = next(each for each in serving.story("GET /slow   ").splitlines() if "GET /slow   " in each)
    assert line.endswith("no answer within 1 s, the function's timeout: [function] timeout")
    assert serving.get().text == "soon"


def test_who_ends_the_process_gets_no_answer(serve: Serve):
    pages = """
    import os
    PAGES = {"/": os.getpid, "/end": lambda: os._exit(3)}
    """
    serving = serve(pages=pages)
    first = serving.get().text
    assert serving.get("/end").status_code == 500
    line = next(each for each in serving.story("GET /end   ").splitlines() if "GET /end   " in each)
    assert line.endswith("Runtime.ExitError: Runtime exited with error: exit status 3")
    assert serving.get().text != first
