"""Starts ministack: AWS's APIs on the loopback, in a locked version that uv installs into its own folder.

ministack pins botocore, so it cannot be installed beside lambdify. All its features that open other ports or
write files outside the home folder are switched off.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import locked
from lambdify.cli.local.processes import Children
from lambdify.cli.programs import pythons

VERSION = "1.5.33"
"""The exact version, since ministack_bridge.py replaces some of its functions."""
LOCK = Path(__file__).with_suffix(".txt")
LOG = "ministack.log"
PATIENCE = 300.0
"""Seconds for a start."""


def start(
    children: Children, home: Path, listening: socket.socket, keys: Sequence[Credentials], control: Path
) -> "subprocess.Popen[bytes]":
    """Start ministack on a socket that is bound to 127.0.0.1, and return its process.

    Requests need one of the keys; the first one also signs the URLs that ministack returns. `control` is the
    socket that takes invocations.
    """
    bridge = Path(__file__).with_name("ministack_bridge.py")
    # -S hides the packages that are installed beside lambdify. -P hides the script's folder, which has a
    # module named ministack, too.
    command = [sys.executable, "-s", "-S", "-P", str(bridge)]
    packages = locked.fetch("ministack", LOCK, Path(sys.executable), pythons.RUNNING)
    environ = _environ(home, listening, keys, control)
    with open(home / LOG, "wb", opener=_privately) as log:
        return children.start(
            command,
            environ={**environ, "PYTHONPATH": str(packages)},
            folder=home,
            output=log,
            keep_open=[listening.fileno()],
        )


def wait_until_ready(
    child: "subprocess.Popen[bytes]",
    home: Path,
    port: int,
    *,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until ministack answers, at most `patience` seconds. Raises LocalCloudFailed."""
    give_up = time.monotonic() + patience
    while not _answers(port):
        if child.poll() is not None:
            raise LocalCloudFailed(
                f"ministack, which stands in for AWS, ended while it was starting:\n{tail(home / LOG)}",
                hint=f"Its log is {home / LOG}.",
            )
        if time.monotonic() > give_up:
            raise LocalCloudFailed(
                f"ministack, which stands in for AWS, did not answer within {patience:.0f} s.",
                hint=f"Its log is {home / LOG}.",
            )
        sleep(0.02)


def tail(log: Path, lines: int = 16) -> str:
    """Return the last lines of a log, indented; "" if there is no log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _privately(path: str, flags: int) -> int:
    """Open a file that nobody else may read, since logs may hold private data."""
    return os.open(path, flags, 0o600)


def _environ(
    home: Path, listening: socket.socket, keys: Sequence[Credentials], control: Path
) -> dict[str, str]:
    folder = home / "ministack"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("tmp", "s3", "state"):
        (folder / name).mkdir(exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
        # ministack_bridge.py reads these. Only the same user and root may read a process's environment.
        "LAMBDIFY_CONTROL": str(control),
        "LAMBDIFY_KEYS": json.dumps(dict(keys)),
        "LAMBDIFY_SOCKET": str(listening.fileno()),
        "GATEWAY_PORT": str(listening.getsockname()[1]),
        "BIND_HOST": "127.0.0.1",
        "PERSIST_STATE": "0",
        "TMPDIR": str(folder / "tmp"),
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        # An invocation that bypasses our sandbox must fail, not run with ministack's packages.
        "LAMBDA_STRICT": "1",
        # These two would listen on fixed ports, the same for every cloud.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # With an engine, ministack would remove containers of earlier runs and of other running clouds.
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "LOG_LEVEL": "WARNING",
    }
