"""What Lambda does not let through does not come through here, and the request's line says why."""

import httpx
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


def test_limits_are_kept_and_told(serve: Serve):
    pages = """
    import os, threading
    PAGES = {
        "/": os.getpid,
        "/large": lambda: "x" * 7_000_000,
        "/slow": lambda: threading.Event().wait(30),
        "/end": lambda: os._exit(3),
    }
    """
    serving = serve(pages=pages, function="timeout = 1")

    def tell(line: str) -> str:
        return next(each for each in serving.story(f"{line}   ").splitlines() if f"{line}   " in each)

    first = serving.get().text
    assert serving.get("/large").status_code == 500
    assert "the response takes 7,000," in tell("GET /large")
    assert tell("GET /large").endswith("Lambda lets 6,291,556 through")
    assert httpx.post(serving.url, content=b"\xff" * 5_000_000, timeout=60).status_code == 500
    assert "bytes, Lambda takes 6,291,556" in tell("POST /")
    assert serving.get().text == first
    slow = serving.get("/slow", accept="text/html")
    assert slow.status_code == 500
    assert "no answer within 1 s" in slow.text
    assert tell("GET /slow").endswith("no answer within 1 s, the function's timeout: [function] timeout")
    assert serving.get().text != first
    assert serving.get("/end").status_code == 500
    assert tell("GET /end").endswith("Runtime.ExitError: Runtime exited with error: exit status 3")
