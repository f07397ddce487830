"""Run the project's release command in the function, before its version gets traffic: migrations, for one.

The command stands in the bundle, where `lambdify deploy` put what [release] command says: the event cannot
bring another. And the event has to come from a deployment, which invokes a version by its number, where event
sources invoke an alias, and which has a token, of which the function knows the digest.

Rules:
- No shell: the command is split into words as a shell would. "sh -c '...'" is there for those who want one.
- `python` is the function's own, and imports what the app imports: the path is handed on in PYTHONPATH.
- Output goes to the log line by line, as it comes, and its end goes back to who asked.
"""

import hashlib
import hmac
import os
import shlex
import subprocess
import sys
from typing import Any

PYTHON = ("python", "python3")
OUTPUT_LIMIT = 64_000
"""Characters of output that go back; the log has all of it. JSON may write each as six, of 6 MB."""


DIGEST = "LAMBDIFY_RELEASE_COMMAND"
"""The variable with the digest of the token, SHA-256 in hex."""


def is_allowed(event: dict[str, Any], context: Any) -> bool:
    """Whether the event comes from a deployment of this version."""
    digest, token = os.environ.get(DIGEST, ""), event.get("token")
    version = str(context.invoked_function_arn).rpartition(":")[2]
    if not (digest and version.isdecimal() and isinstance(token, str)):
        return False
    return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), digest)


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
                output = (output + line)[-OUTPUT_LIMIT:]
    except OSError as error:
        print(error, flush=True)
        return {"code": 127, "output": f"{error}\n"}
    return {"code": process.returncode, "output": output}
