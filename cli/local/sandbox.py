"""One execution environment: a clean process of the function's Python, its Runtime API, its output.

It handles one event at a time and is frozen in between, as on Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

What went wrong with an event is told as Lambda tells it, in the same words and error types:

    raised or returned no JSON    whatever the runtime client says
    did not import                the same, from the init phase
    exited, or was killed         Runtime.ExitError
    took too long                 Sandbox.Timedout; the process is killed
    answered more than 6 MB       Function.ResponseSizeTooLarge
"""

import json
import math
import queue
import secrets
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.local import platform_lines
from lambdify.cli.local.functions import Function
from lambdify.cli.local.output import Event, Output
from lambdify.cli.local.platform_lines import Spent
from lambdify.cli.local.processes import Brood
from lambdify.cli.local.response_stream import ResponseStream
from lambdify.cli.local.runtime_api import RESPONSE_LIMIT, Invocation, Message, RuntimeApi

INIT_LIMIT = 10.0
"""Seconds for importing the app. One that takes longer is imported again on Lambda, within the timeout of the
invocation; which is why a longer timeout is the limit here."""
LOG_TAIL = 4096
"""Bytes of log that an invocation can give back."""
_GAVE_UP = b'{"errorType": "Runtime.TruncatedResponse", "errorMessage": "The response was not complete."}'
_PATIENCE = 0.5
"""Seconds between asking a process to end and killing it."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """Everything that a sandbox is made of."""

    function: Function
    python: Path
    """An interpreter of the function's minor version."""
    runtime: Path
    """The folder with AWS's runtime client and boto3."""
    task_root: Path
    """The function's code: /var/task on Lambda."""
    layers: Path
    """Its layers, one over the other: /opt on Lambda."""
    endpoint_url: str
    """Where boto3 in the function finds AWS."""
    folder: Path
    """Where each sandbox gets a folder for temporary files."""


class Outcome(NamedTuple):
    """How an invocation went."""

    payload: bytes
    """What the handler returned, as JSON; or {"errorType": ..., "errorMessage": ...}."""
    failed: bool
    usable: bool = True
    """Whether the sandbox may take another event."""
    log: str = ""
    """The end of what this invocation wrote to its log."""
    error_type: str = ""


class SandboxGone(Exception):
    """The process ended between two events; the event was not handed over."""


class Sandbox:
    """A running process that waits for events. `sink` gets its log stream's name and each log event."""

    def __init__(self, image: Image, brood: Brood, sink: Callable[[str, Event], None]) -> None:
        """Start the process; it imports the app while nobody waits yet."""
        self.image = image
        self.stream = log_stream(image.function.version, time.gmtime())
        self._brood, self._sink = brood, sink
        self._tail: deque[str] = deque()
        self._born = time.perf_counter()
        self._cold = True
        self._tmp = Path(tempfile.mkdtemp(dir=image.folder))
        self._api = RuntimeApi(
            freeze=lambda: brood.send(self._child, signal.SIGSTOP),
            thaw=lambda: brood.send(self._child, signal.SIGCONT),
        )
        self._output = Output(self._log)
        self._output.say(platform_lines.init_start(image.function, _iso_now()))
        self._child = brood.start(
            command(image),
            environ=environ(image, self._api.address, self.stream, self._tmp, self._output.telemetry),
            folder=image.task_root,
            output=self._output.stdout,
            keep_open=(self._output.telemetry,),
        )
        self._output.follow()
        threading.Thread(target=self._watch, name="sandbox exit", daemon=True).start()

    def invoke(
        self, request_id: str, event: bytes, arn: str, stream: ResponseStream | None = None
    ) -> Outcome:
        """Hand over one event and wait. Raises SandboxGone if an earlier event was the process's last.

        A streamed response goes to `stream` as it comes; without one it is the payload.
        """
        cold, self._cold = self._cold, False
        timeout = float(self.image.function.timeout)
        message = self._receive(max(INIT_LIMIT, timeout) if cold else timeout)
        if not cold and (message.kind == "exit" or self._child.poll() is not None):
            raise SandboxGone
        init = time.perf_counter() - self._born if cold else 0.0
        if not cold:  # what an init wrote belongs to the invocation that it was for
            self._tail.clear()
        self._output.say(platform_lines.start(self.image.function, request_id, _iso_now()))
        begun = time.perf_counter()
        if message.kind == "ready":
            deadline = int((time.time() + timeout) * 1000)
            self._api.inbox.put(Invocation(request_id, event, arn, deadline, _trace(), stream))
            message = self._finish(begun + timeout)
        duration = time.perf_counter() - begun
        outcome = self._judge(message, request_id)
        self._report(request_id, duration, init, outcome)
        return outcome._replace(log="".join(self._tail)[-LOG_TAIL:])

    def close(self) -> None:
        """End the process, and everything that it started."""
        self._brood.end(self._child, patience=_PATIENCE)
        self._api.close()
        shutil.rmtree(self._tmp, ignore_errors=True)

    def _watch(self) -> None:
        code = self._brood.reap(self._child)
        self._api.messages.put(Message("exit", code=code))

    def _finish(self, deadline: float) -> Message:
        """How the event ends. After a streamed response that is when the process asks for the next one."""
        message = self._receive(deadline - time.perf_counter())
        if message.kind == "ready":  # the process gave its response up
            self._api.messages.put(message)
            return Message("error", _GAVE_UP)
        if message.kind == "streamed":
            after = self._receive(deadline - time.perf_counter())
            if after.kind != "ready":
                return after
            self._api.messages.put(after)
        return message

    def _receive(self, patience: float) -> Message:
        try:
            return self._api.messages.get(timeout=max(0.0, patience))
        except queue.Empty:
            return Message("timeout")

    def _judge(self, message: Message, request_id: str) -> Outcome:
        match message.kind:
            case "response" | "streamed" if len(message.body) > RESPONSE_LIMIT:
                return _error(
                    "Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
                    usable=True,
                )
            case "response" | "streamed":
                return Outcome(message.body, failed=False)
            case "error":
                return Outcome(message.body, failed=True)
            case "init-error":
                return Outcome(message.body, failed=True, usable=False, error_type=_error_type(message.body))
            case "exit":
                what = f"RequestId: {request_id} Error: Runtime exited {_reason(message.code)}"
                self._output.say(what)
                return _error("Runtime.ExitError", what, usable=False)
            case _:
                self._brood.send(self._child, signal.SIGKILL)
                seconds = f"Task timed out after {self.image.function.timeout:.2f} seconds"
                self._output.say(f"{_iso_now()} {request_id} {seconds}")
                return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: {seconds}", usable=False)

    def _report(self, request_id: str, duration: float, init: float, outcome: Outcome) -> None:
        spent = Spent(
            duration=duration,
            init=init,
            memory=peak_memory(self._child.pid),
            error_type=outcome.error_type,
        )
        for line in platform_lines.end(self.image.function, request_id, spent, _iso_now()):
            self._output.say(line)

    def _log(self, event: Event) -> None:
        self._tail.append(f"{event.message}\n")
        self._sink(self.stream, event)


def command(image: Image) -> list[str]:
    """How the process is started: with nothing importable that this machine has installed (see boot.py)."""
    boot = Path(__file__).with_name("boot.py")
    arguments = [image.layers, image.runtime, image.function.handler]
    return [str(image.python), "-s", "-S", "-P", str(boot), *map(str, arguments)]


def environ(image: Image, api: str, stream: str, tmp: Path, telemetry: int) -> dict[str, str]:
    """The variables of a managed runtime, and none of the developer's:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    function, root = image.function, image.task_root
    own = dict(function.environment)
    json_log = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level or "INFO"}
    return {
        **own,
        **(json_log if function.log_format == "JSON" else {}),
        "_HANDLER": function.handler,
        "_LAMBDA_TELEMETRY_LOG_FD": str(telemetry),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ENDPOINT_URL": image.endpoint_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{function.python}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_REGION": function.region,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": str(image.runtime),
        "LAMBDA_TASK_ROOT": str(root),
        "LANG": own.get("LANG", "en_US.UTF-8"),
        "LD_LIBRARY_PATH": f"{root}:{root}/lib:{image.layers}/lib",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{image.layers}/bin",
        "TZ": own.get("TZ", ":UTC"),
        # Lambda sets neither. Without the first, `~` would be the developer's home with its .aws folder;
        # without the second, all sandboxes would share the machine's /tmp even through `tempfile`.
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
    }


def log_stream(version: str, now: time.struct_time) -> str:
    """A log stream's name, as Lambda makes them: "2026/11/23/[7]9f0c...", one for each environment."""
    return f"{time.strftime('%Y/%m/%d', now)}/[{version}]{uuid.uuid4().hex}"


def peak_memory(pid: int) -> int:
    """The most memory that the process ever used, in MB; 0 where the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return math.ceil(int(line.split()[1]) / 1024)
    return 0


def _error(kind: str, message: str, *, usable: bool) -> Outcome:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Outcome(payload, failed=True, usable=usable, error_type=kind)


def _error_type(body: bytes) -> str:
    with suppress(ValueError):
        return str(json.loads(body).get("errorType", ""))
    return ""


def _reason(code: int) -> str:
    if code < 0:
        return f"with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"with error: exit status {code}" if code else "without providing a reason"


def _trace() -> str:
    """An X-Ray trace header of an invocation that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


def _iso_now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
