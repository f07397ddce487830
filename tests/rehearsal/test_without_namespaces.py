"""What the guard does where the kernel makes no namespaces, as in most containers: no /tmp of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.getuid() != 0 or shutil.which("setpriv") is None,
        reason="only root has rights to be taken away",
    ),
]

SCRIPT = """
import json, sys
from pathlib import Path
from lambdify.cli.programs import guarded, pythons

folder, code = Path(sys.argv[1]), sys.argv[2]
python = pythons.locate(Path(sys.executable))
(folder / "tmp").mkdir()
ending = guarded.run(
    [str(python.file), "-I", "-S", "-c", code],
    cwd=folder,
    environment={},
    tmp=folder / "tmp",
    readable=python.prefixes,
    limit=60.0,
)
print(json.dumps([ending.code, ending.output]))
"""
TRIES = """
import json, os, socket, sys
guard = json.loads(sys.argv[1])
tries = {
    "its own": lambda: open(os.environ["TMPDIR"] + "/x", "w"),
    "everybody's": lambda: open("/tmp/lambdify-of-nobody", "w"),
    "the folder": lambda: open("x", "w"),
    "a connection": lambda: socket.create_connection(("127.0.0.1", 9)),
    "a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a pair": lambda: socket.socketpair(),
}
done = {}
for name, attempt in tries.items():
    try:
        attempt()
        done[name] = 0
    except OSError as error:
        done[name] = error.errno
print(json.dumps([guard["guarded"], done]))
"""


def test_files_and_connections_are_guarded_all_the_same(tmp_path: Path) -> None:
    command = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-c", SCRIPT, str(tmp_path), TRIES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    code, output = json.loads(done.stdout)
    assert code == 0, output
    guarded, found = json.loads(output)
    assert guarded == ["files", "connections"]
    assert found == {
        "its own": 0,
        "everybody's": 13,
        "the folder": 13,
        "a connection": 111,
        "a datagram": 111,
        "a pair": 0,
    }
    assert not Path("/tmp/lambdify-of-nobody").exists()


REHEARSE = """
import sys
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle
from lambdify.cli.rehearsal import start

root = Path(sys.argv[1])
chosen = settings.load(root)
candidate = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=1, evidence=(), path="")
outcome = start.rehearse(bundle.pack(chosen, candidate, root / "out", Console(quiet=True)), chosen)
print(outcome.kind, outcome.reason, sep="|")
"""


NO_TMP = (
    "untold|it writes to /tmp/lambdify-of-nobody while it is imported, "
    "and this machine cannot give it a /tmp of its own"
)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", "starts|"),
        ("import tempfile\nopen(tempfile.mkstemp()[1], 'w')", "starts|"),
        (
            "open('/tmp/lambdify-of-nobody', 'w')",
            NO_TMP,
        ),
        ("open('app.log', 'w')", "fails|"),
    ],
    ids=["nothing", "its own folder", "/tmp by its name", "beside the code"],
)
def test_an_app_that_writes_to_tmp_cannot_be_told(tmp_path: Path, code: str, told: str) -> None:
    app = "def app(environ, start_response):\n    return []\n"
    (tmp_path / "app.py").write_text(f"{code}\n{app}")
    minor = "{}.{}".format(*sys.version_info)
    (tmp_path / "lambdify.toml").write_text(f'[function]\npython = "{minor}"\n')
    environ = {**os.environ, "LAMBDIFY_CACHE": str(tmp_path / "cache"), "LAMBDIFY_HOME": str(tmp_path / "h")}
    command = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-c", REHEARSE, str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == told
