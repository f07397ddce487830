"""Run the project's release command in the function, before its version gets traffic: migrations, for one.

The bundle holds the command, from [release] command; the event cannot bring another one. The event has to
come from a deployment: that invokes a version by its number, where event sources invoke an alias, and it has
a token, whose digest the function knows.

Rules:
- There is no shell; the command is split into words as a shell does. "sh -c '...'" runs one.
- `python` is the function's own, and can import the same as the app: PYTHONPATH holds the path.
- Output goes to the log line by line, as it comes. The result holds the end of it.
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
"""Characters of output in the result; the log has all of it. JSON may need six bytes for each, of 6 MB."""


DIGEST = "LAMBDIFY_RELEASE_COMMAND"
"""The variable with the digest of the token, SHA-256 in hex."""


def is_allowed(event: dict[str, Any], context: Any) -> bool:
    """Return whether the event comes from a deployment of this version."""
    digest, token = os.environ.get(DIGEST, ""), event.get("token")
    version = str(context.invoked_function_arn).rpartition(":")[2]
    if not (digest and version.isdecimal() and isinstance(token, str)):
        return False
    return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), digest)


def run(command: str, root: str) -> dict[str, Any]:
    """Run the command in the folder of the project; return its exit code and the end of its output."""
    words = shlex.split(command)
    if words[0] in PYTHON:
        # In the local cloud the function has no site-packages of its own, so `python` has none either.
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
