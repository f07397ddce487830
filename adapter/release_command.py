"""Run the project's release command in the function, before its version gets traffic: migrations, for one.

The command stands in the bundle, where `lambdify deploy` put what [release] command says. The event that asks
for it says nothing else, so nobody who may invoke the function can have it run anything of their own.

Rules:
- No shell: the command is split into words as a shell would. "sh -c '...'" is there for those who want one.
- `python` is the function's own, and imports what the app imports: the path is handed on in PYTHONPATH.
- Output goes to the log line by line, as it comes, and its end goes back to who asked.
"""

import os
import shlex
import subprocess
import sys
from typing import Any

PYTHON = ("python", "python3")
KEPT = 64_000
"""Characters of output that go back; the log has all of it. JSON may write each as six, of 6 MB."""


def run(command: str, root: str) -> dict[str, Any]:
    """The exit code and the end of the output of the command, run in the folder of the project."""
    words = shlex.split(command)
    if words[0] in PYTHON:
        # Without site-packages of its own where the function has none either: in the local cloud.
        words[:1] = [sys.executable, *(["-S"] if sys.flags.no_site else [])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    output = ""
    try:
        with subprocess.Popen(
            words,
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout
            for line in process.stdout:
                print(line, end="", flush=True)
                output = (output + line)[-KEPT:]
    except OSError as error:
        print(error, flush=True)
        return {"code": 127, "output": f"{error}\n"}
    return {"code": process.returncode, "output": output}
