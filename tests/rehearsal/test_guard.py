"""An app that starts here can do nothing: real processes, which try."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from waiting import eventually

from lambdify.cli.local import processes
from lambdify.cli.rehearsal.outcome import Outcome

from .conftest import Rehearse

pytestmark = pytest.mark.slow

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux guards what C code does")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of this machine, which counts who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        yield server


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that is not below /tmp."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def came(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def targets(outcome: Outcome, what: str) -> list[str]:
    return [each.target for each in outcome.blocked if each.what == what]


def test_an_app_that_starts_is_told_with_its_interface(rehearse: Rehearse) -> None:
    outcome = rehearse("print('hello')")
    assert (outcome.kind, outcome.interface, outcome.output, outcome.blocked) == (
        "starts",
        "wsgi",
        "hello\n",
        (),
    )


IN_A_THREAD = """
import threading
thread = threading.Thread(target=lambda: socket.create_connection(("127.0.0.1", {port})))
thread.start(); thread.join()
raise RuntimeError("no data")
"""


@pytest.mark.parametrize(
    "connect",
    [
        "socket.create_connection(('127.0.0.1', {port}))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}')",
        "socket.socket().connect_ex(('127.0.0.1', {port})); raise RuntimeError",
        IN_A_THREAD,
    ],
    ids=["a socket", "a library", "without an error", "a thread"],
)
def test_a_connection_is_refused_and_named(rehearse: Rehearse, listener: socket.socket, connect: str) -> None:
    port = listener.getsockname()[1]
    outcome = rehearse(f"import socket\n{connect.format(port=port)}")
    assert not came(listener)
    assert (outcome.kind, outcome.reason) == (
        "untold",
        f"it connects to 127.0.0.1:{port} while it is imported",
    )
    assert targets(outcome, "connect") == [f"127.0.0.1:{port}"]
    assert outcome.blocked[0].frame
    assert outcome.blocked[0].frame.path == "app.py"


IN_C = """
import ctypes, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", {port}, socket.inet_aton("127.0.0.1"))
s = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
failed = libc.connect(s, address, 16), ctypes.get_errno()
u = libc.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
sent = libc.sendto(u, b"x", 1, 0, address, 16)
print(failed, sent)
if failed[0]:
    raise OSError("server closed: Connection refused")
"""


@LINUX
def test_c_code_cannot_connect_either(rehearse: Rehearse, listener: socket.socket) -> None:
    outcome = rehearse(IN_C.format(port=listener.getsockname()[1]))
    assert not came(listener)
    assert outcome.output == "(-1, 111) -1\n"
    assert (outcome.kind, outcome.reason) == ("untold", "it connects to another machine while it is imported")


@LINUX
def test_a_program_that_the_app_starts_cannot_connect_either(
    rehearse: Rehearse, listener: socket.socket
) -> None:
    child = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}))"
    outcome = rehearse(
        f"import subprocess, sys\ncommand = [sys.executable, '-S', '-c', {child!r}]\n"
        "print(subprocess.run(command, capture_output=True, text=True).stderr)"
    )
    assert "Connection refused" in outcome.output
    assert not came(listener)


def test_names_are_not_looked_up_and_the_name_is_told(rehearse: Rehearse) -> None:
    outcome = rehearse("import socket\nsocket.create_connection(('db.internal', 5432))")
    assert outcome.reason == "it connects to db.internal:5432 while it is imported"
    assert outcome.raised
    assert outcome.raised.type == "socket.gaierror"


def test_a_connection_that_the_app_can_do_without_changes_nothing(rehearse: Rehearse) -> None:
    outcome = rehearse(
        "import socket\ntry:\n    socket.create_connection(('cache.internal', 6379))\n"
        "except OSError:\n    pass"
    )
    assert (outcome.kind, targets(outcome, "connect")) == ("starts", ["cache.internal:6379"])


def test_a_missing_variable_is_told_whatever_was_tried_before(rehearse: Rehearse) -> None:
    outcome = rehearse(
        "import os, socket\ntry:\n    socket.create_connection(('cache.internal', 6379))\nexcept OSError:\n"
        "    pass\nos.environ['API_KEY']"
    )
    assert (outcome.kind, outcome.unset) == ("fails", ("API_KEY",))


WAYS_TO_WRITE = {
    "a file": "open('app.log', 'a')",
    "beside the code": "pathlib.Path(__file__).with_name('app.log').write_text('x')",
    "a folder": "pathlib.Path('uploads').mkdir()",
    "a removal": "pathlib.Path('app.py').unlink()",
    "another name": "os.rename('app.py', 'old.py')",
    "a link": "os.symlink('app.py', 'link.py')",
    "rights": "os.chmod('app.py', 0o777)",
    "a descriptor": "os.open('app.log', os.O_CREAT | os.O_WRONLY)",
    "out of /tmp": "os.symlink(os.getcwd(), '/tmp/way'); open('/tmp/way/app.log', 'w')",
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE.values(), ids=WAYS_TO_WRITE)
def test_code_cannot_be_written_and_fails_as_on_lambda(rehearse: Rehearse, way: str) -> None:
    if "'/tmp" in way and sys.platform != "linux":
        pytest.skip("there is no /tmp of its own")
    outcome = rehearse(f"import os, pathlib\n{way}")
    assert outcome.kind == "fails"
    assert outcome.raised
    assert outcome.raised.fields["errno"] == "30"
    assert targets(outcome, "write")
    assert outcome.raised.frames[0].path == "app.py"
    assert outcome.raised.frames[0].own


def test_what_is_there_can_be_asked_for_again(rehearse: Rehearse) -> None:
    code = "import os, pathlib\nos.makedirs('data', exist_ok=True)\npathlib.Path('data').mkdir(exist_ok=True)"
    outcome = rehearse(code, {"data/x.txt": "x"})
    assert (outcome.kind, outcome.blocked) == ("starts", ())


@pytest.mark.parametrize("error", ["FileNotFoundError", "FileExistsError"])
def test_an_earlier_error_of_the_kernel_comes_first(rehearse: Rehearse, error: str) -> None:
    tried = {"FileNotFoundError": "open('no/app.log', 'w')", "FileExistsError": "os.mkdir('data')"}[error]
    outcome = rehearse(f"import os\n{tried}", {"data/x.txt": "x"})
    assert outcome.raised
    assert (outcome.raised.type, outcome.blocked) == (f"builtins.{error}", ())


@LINUX
def test_files_may_be_made_in_tmp_which_is_the_apps_own(rehearse: Rehearse) -> None:
    code = (
        "import os, pathlib, shutil, tempfile\n"
        "pathlib.Path('/tmp/lambdify-test.txt').write_text('x')\n"
        "pathlib.Path('~/.cache/x').expanduser().mkdir(parents=True)\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    pathlib.Path(folder, 'a/b').mkdir(parents=True)\n"
        "print(sorted(os.listdir('/tmp'))[:2])"
    )
    outcome = rehearse(code)
    assert (outcome.kind, outcome.blocked) == ("starts", ())
    assert outcome.output.startswith("['.cache', ")
    assert not Path("/tmp/lambdify-test.txt").exists()


SQLITE = "import sqlite3\ndb = sqlite3.connect({path!r})\ndb.execute('create table visits (n)')"


@LINUX
def test_sqlite_cannot_write_beside_the_code(rehearse: Rehearse, tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "shop").mkdir()
    with sqlite3.connect(tmp_path / "shop" / "db.sqlite3") as database:
        database.execute("create table first (n)")
    database.close()
    outcome = rehearse(SQLITE.format(path="db.sqlite3"))
    assert outcome.kind == "fails"
    assert outcome.raised
    assert outcome.raised.message == "attempt to write a readonly database"


@LINUX
def test_c_code_cannot_write_to_a_home(rehearse: Rehearse, home: Path) -> None:
    outcome = rehearse(SQLITE.format(path=str(home / "mine.sqlite3")))
    assert outcome.raised
    assert outcome.raised.message == "unable to open database file"
    assert not (home / "mine.sqlite3").exists()


def test_nothing_of_a_home_can_be_written_or_read(rehearse: Rehearse, home: Path) -> None:
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("secret")
    code = (
        "import os\n"
        f"for path, mode in (({str(home / '.bashrc')!r}, 'w'), ({str(home / '.aws/credentials')!r}, 'r')):\n"
        "    try:\n        print(open(path, mode).read())\n"
        "    except OSError as error:\n        print(error.errno)\n"
        "print(os.path.expanduser('~') == '/tmp' or os.path.exists(os.path.expanduser('~/.aws')))\n"
        "print([name for name in os.environ if 'KEY' in name or 'TOKEN' in name])"
    )
    outcome = rehearse(code)
    assert outcome.output.split() == ["30", "2", "True" if sys.platform == "linux" else "False", "[]"]
    assert not (home / ".bashrc").exists()


@LINUX
@pytest.mark.parametrize("detached", ["start_new_session=True", "process_group=0"])
def test_no_program_outlives_the_rehearsal(rehearse: Rehearse, detached: str) -> None:
    outcome = rehearse(f"import subprocess\nprint(subprocess.Popen(['sleep', '300'], {detached}).pid)")
    assert outcome.kind == "starts"
    eventually(lambda: processes.identify(int(outcome.output)) is None)


@LINUX
def test_no_daemon_outlives_the_rehearsal(rehearse: Rehearse) -> None:
    fork = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n        time.sleep(300)\n    os._exit(0)\nos.wait()\n"
        "import pathlib\nwhile not pathlib.Path('/proc/self').exists(): pass\n"
    )
    outcome = rehearse(fork + "time.sleep(0.2)")
    assert outcome.kind == "starts"
    eventually(lambda: processes.identify(int(outcome.output)) is None)


def test_a_fork_that_goes_on_with_the_import_tells_nothing(rehearse: Rehearse) -> None:
    outcome = rehearse("import os\nif os.fork():\n    os.wait()\n    raise RuntimeError('the parent')")
    assert outcome.raised
    assert outcome.raised.message == "the parent"


def test_signals_reach_nobody_else(rehearse: Rehearse) -> None:
    outcome = rehearse(
        f"import os\ntry:\n    os.kill({os.getpid()}, 0)\nexcept PermissionError:\n    print('no')"
    )
    assert outcome.kind == "starts"


def test_much_output_is_read_and_its_end_is_kept(rehearse: Rehearse) -> None:
    outcome = rehearse("for n in range(200000): print('line', n, '.' * 60)\nprint('last')")
    assert outcome.kind == "starts"
    assert outcome.output.endswith("last\n")
    assert len(outcome.output) <= 64_000
