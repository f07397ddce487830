"""Control is a file that nobody else can open, and that asks the kernel who is there all the same."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdify.cli.local import peers
from lambdify.cli.local.unix_http import Connection, Request, Response, Server


def echo(asked: Request) -> Response:
    if asked.path == "/fails":
        raise ValueError("a bug")
    return Response(
        200, f"{asked.method} {asked.path} ".encode() + asked.body, (("x-seen", asked.headers["x-a"]),)
    )


@pytest.fixture(params=["short", "x" * 120], ids=["a short path", "a path that is too long for the system"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    folder.mkdir(mode=0o700)
    return folder / "control.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    server = Server(path, echo)
    yield server
    server.close()


def test_a_question_is_answered(server: Server, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    connection = Connection(path, timeout=10)
    try:
        for body in (b"", b"x" * 1_000_000):
            connection.request("POST", "/invoke", body, {"X-A": "b"})
            answer = connection.getresponse()
            assert (answer.status, answer.headers["x-seen"]) == (200, "b")
            assert answer.read() == b"POST /invoke " + body
    finally:
        connection.close()


def test_a_question_that_fails_closes_the_connection_and_not_the_server(server: Server, path: Path) -> None:
    connection = Connection(path, timeout=10)
    connection.request("GET", "/fails")
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()
    test_a_question_is_answered(server, path)


def test_a_socket_that_was_left_is_replaced_and_goes_with_its_server(path: Path) -> None:
    path.write_text("left")
    server = Server(path, echo)
    test_a_question_is_answered(server, path)
    server.close()
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        Connection(path, timeout=1).request("GET", "/")


ASKS = """
import socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect(sys.argv[1])
try:
    asked.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\nX-A: b\\r\\n\\r\\n")
    print(asked.recv(100))
except (BrokenPipeError, ConnectionResetError):
    print(b"")
"""


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes another user"
)
@pytest.mark.parametrize(("user", "answered"), [(0, True), (65534, False)])
def test_another_user_who_could_open_the_file_gets_no_answer(user: int, answered: bool) -> None:
    folder = Path("/tmp", f"lambdify-test-{os.getpid()}")
    folder.mkdir(mode=0o755)
    server = Server(folder / "s", echo)
    try:
        folder.chmod(0o755)
        (folder / "s").chmod(0o666)
        python = str(Path(sys.executable).resolve())
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        done = subprocess.run(
            [*become, python, "-I", "-c", ASKS, str(folder / "s")], capture_output=True, text=True, cwd="/"
        )
        assert done.stdout.startswith("b'HTTP/1.1 200") is answered, done
        assert answered or done.stdout.strip() == "b''"
    finally:
        server.close()
        folder.rmdir()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells")
@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")]
)
def test_a_connection_is_known_by_its_user(family: int, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        client.connect((address, server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            assert peers.user_of_tcp(accepted) == os.geteuid()
            assert peers.is_one_of(accepted, {os.geteuid()})
            assert not peers.is_one_of(accepted, {os.geteuid() + 1})
            gone = threading.Thread(target=client.close)
            gone.start()
            gone.join()
            assert accepted.recv(1) == b""
            assert not peers.is_one_of(accepted, {os.geteuid() + 1})
