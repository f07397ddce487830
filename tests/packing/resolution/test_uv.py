"""Running uv."""

import subprocess
import sys

from lambdify.cli.packing.resolution.uv import run_uv


def test_no_interpreter_is_ever_fetched(index, tmp_path):
    """It would take minutes, and nothing of the function's is run here."""
    mirror = {"UV_PYTHON_INSTALL_MIRROR": index.url.removesuffix("/simple"), "UV_HTTP_RETRIES": "0"}
    made = run_uv(["venv", "--python", "3.9.23", "--managed-python", "env"], cwd=tmp_path, extra=mirror)
    assert not made.succeeded
    assert index.asked == []


TOGETHER = """
import sys, threading
from pathlib import Path
from lambdify.cli.packing.resolution.uv import run_uv
import uv
sys.setswitchinterval(1e-6)
gate, done = threading.Barrier(4), []
def run():
    gate.wait()
    done.append(run_uv(["--version"], cwd=Path.cwd()).succeeded)
threads = [threading.Thread(target=run) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
print(done)
"""


def test_it_is_found_by_threads_that_look_for_it_together():
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, True, True, True]\n", done.stderr
