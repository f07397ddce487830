"""One execution environment: a process of the function, its Runtime API and its output.

The program starts the process: the function's Python on this machine, for zips (process.py), or a container
of the image (container.py).

A sandbox handles one event at a time and is frozen in between, as on Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

An event has three steps: `begin` passes it to the process, `answer` returns the outcome, and `end` waits
until the process requests the next event, and completes the log. What the process does between its answer
and that request is a part of the event: it counts as duration, and the timeout ends it.

Errors have the same types and texts as on Lambda:

    raised or returned no JSON    the error of the runtime client
    did not import                the same, from the init phase
    exited, or was killed         Runtime.ExitError
    took too long                 Sandbox.Timedout; the process is killed
    answered more than 6 MB       Function.ResponseSizeTooLarge
"""

import json
import secrets
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol

from lambdify.cli.local.functions import platform_lines
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.output import Event, Output
from lambdify.cli.local.functions.platform_lines import Usage
from lambdify.cli.local.functions.runtime_api import RESPONSE_LIMIT, Invocation, Message, RuntimeApi
from lambdify.cli.local.response_stream import ResponseStream

INIT_LIMIT = 10.0
"""Seconds for importing the app. On Lambda a longer import starts again within the timeout of the
invocation, so here the limit is that timeout if it is longer."""
LOG_TAIL = 4096
"""Bytes of log that an invocation can return."""
_MEMORY_MAX_AGE = 0.1
"""Seconds for which a peak of memory is used again: reading it takes as long as a small event."""
_TRUNCATED = b'{"errorType": "Runtime.TruncatedResponse", "errorMessage": "The response was not complete."}'


class Process(Protocol):
    """A process that a program has started."""

    def freeze(self) -> None:
        """Suspend the process until `thaw`, at once or in a moment."""

    def thaw(self) -> None:
        """Let the process run."""

    def kill(self) -> None:
        """Kill the process with its children."""

    def has_ended(self) -> bool:
        """Return whether the process is known to have ended."""

    def wait(self) -> int:
        """Wait for the process to end; return its return code as `subprocess` defines it."""

    def wait_for_output(self) -> None:
        """Return when all output until now is in the pipes."""

    def peak_memory(self) -> int:
        """Return the peak memory in MB; 0 where it is not known."""

    def close(self) -> None:
        """Ask the process to end, kill it if it does not, and remove its files."""


class Program(Protocol):
    """A function that is ready to start."""

    @property
    def function(self) -> Function:
        """The function."""

    @property
    def users(self) -> Collection[int]:
        """The user ids of its connections, besides our own."""

    @property
    def names(self) -> Collection[str]:
        """Its names for this machine, besides 127.0.0.1."""

    def start(self, api: int, stream: str, output: Output) -> Process:
        """Start a process; `api` is the port of the Runtime API, `stream` the name of the log stream.

        The process has its ends of `output`'s pipes when this returns, so the caller closes ours.
        """


class Outcome(NamedTuple):
    """The result of an invocation."""

    payload: bytes
    """The handler's result as JSON; or {"errorType": ..., "errorMessage": ...}."""
    failed: bool
    usable: bool = True
    """Whether the sandbox may take another event."""
    log: str = ""
    """The end of the invocation's log."""
    error_type: str = ""
    duration: float = 0.0
    """Seconds until the answer, without the start of the process."""
    refused: int = 0
    """Bytes of the handler's result, if it was too large."""


class SandboxGone(Exception):
    """The process has ended between two events; it has not got this one."""


class Sandbox:
    """A running process that waits for events. `sink` gets the name of the log stream and each log event."""

    def __init__(self, program: Program, sink: Callable[[str, Event], None]) -> None:
        """Start the process, which then imports the app. `await_ready` waits for it."""
        self.program = program
        self._function = program.function
        self.stream = log_stream(self._function, time.gmtime())
        self._sink = sink
        self._log_tail: deque[str] = deque()
        self._started_at = self._event_started_at = self._deadline = time.perf_counter()
        self._cold = True
        self._init_duration = self._duration = self._memory_read_at = 0.0
        self._peak_memory = 0
        self._last_message: Message | None = None
        """The last message of the process; None while it has an event."""
        self._streamed: Message | None = None
        """A complete streamed response, while we wait for the process to request the next event."""
        self._request_id = ""
        self._outcome: Outcome | None = None
        self._started = threading.Event()
        self._api = RuntimeApi(
            freeze=self._freeze,
            thaw=lambda: self._process.thaw(),
            users=program.users,
            names=program.names,
        )
        self._output = Output(self._log)
        self._output.write(*platform_lines.init_start(self._function, time.time()))
        try:
            self._process = program.start(self._api.port, self.stream, self._output)
        except BaseException:
            self._api.close()
            raise
        finally:
            self._output.follow()
        self._started.set()
        threading.Thread(target=self._watch, name="sandbox exit", daemon=True).start()

    def await_ready(self) -> None:
        """Return when the process waits for its first event, or its init has failed."""
        if self._last_message is None and self._cold:
            limit = max(INIT_LIMIT, float(self._function.timeout))
            self._last_message = self._receive(self._started_at + limit - time.perf_counter())
            self._init_duration = time.perf_counter() - self._started_at

    def init_error(self) -> bytes:
        """Return what the process said of an init that has failed, as JSON; b"" if none has."""
        message = self._last_message
        return message.body if message and message.kind == "init-error" else b""

    def invoke(
        self, request_id: str, event: bytes, arn: str, stream: ResponseStream | None = None
    ) -> Outcome:
        """Run one event to its end, and return the outcome. Raises SandboxGone, as `begin` does."""
        self.begin(request_id, event, arn, stream)
        outcome = self.end()
        assert outcome, "it has no limit but its own"
        return outcome

    def begin(self, request_id: str, event: bytes, arn: str, stream: ResponseStream | None = None) -> None:
        """Pass one event to the process. Raises SandboxGone if the process has ended after an earlier one.

        A streamed response goes to `stream` as it comes; without `stream` it becomes the payload.
        """
        self.await_ready()
        if self._last_message is None:  # the process was ended in the middle of an earlier event
            raise SandboxGone
        if not self._cold:
            if self._last_message.kind == "exit" or self._process.has_ended():
                raise SandboxGone
            self._log_tail.clear()  # a cold start keeps it: its invocation returns the log of the init
            self._init_duration = 0.0
        self._cold = False
        self._request_id, self._outcome = request_id, None
        begun = platform_lines.start(self._function, request_id, time.time())
        timeout = float(self._function.timeout)
        self._event_started_at = time.perf_counter()
        self._deadline = self._event_started_at + timeout
        if self._last_message.kind != "ready":
            self._output.write(begun)
            return
        self._last_message = None
        deadline = int((time.time() + timeout) * 1000)
        invocation = Invocation(request_id, event, arn, deadline, _trace(), stream)
        self._output.write_around(partial(self._api.hand_over, invocation), begun)

    def answer(self, patience: float | None = None) -> Outcome | None:
        """Return the outcome as soon as it is known; None if it is not within `patience` seconds.

        `end` returns it with the log.
        """
        limit = self._deadline if patience is None else time.perf_counter() + patience
        message = self._last_message or self._await_answer(min(limit, self._deadline))
        if message.kind == "timeout" and limit < self._deadline and self._last_message is None:
            return None
        self._duration = time.perf_counter() - self._event_started_at
        self._outcome = self._read_outcome(message, self._request_id)._replace(duration=self._duration)
        return self._outcome

    def end(self, patience: float | None = None) -> Outcome | None:
        """Wait until the process requests the next event, complete the log, and return the outcome with it.

        `usable` then tells whether the process takes another event. None if it has not come so far after
        `patience` seconds.
        """
        if self._outcome is None:
            self.answer()
        outcome = self._outcome
        assert outcome, "it has no limit but its own"
        if outcome.usable and self._last_message is None:
            limit = self._deadline if patience is None else time.perf_counter() + patience
            self._last_message = self._await_idle(min(limit, self._deadline))
            if self._last_message is None:
                return None
            self._duration = time.perf_counter() - self._event_started_at
            outcome = self._read_end(self._last_message, outcome)._replace(duration=self._duration)
        self._process.wait_for_output()
        self._output.write(*self._write_report(outcome))
        return outcome._replace(log=self.read_log())

    def read_log(self) -> str:
        """Return the end of the invocation's log until now."""
        self._output.drain()
        return "".join(self._log_tail)[-LOG_TAIL:]

    def close(self) -> None:
        """End the process with its children."""
        self._process.close()
        self._api.close()

    def _freeze(self) -> None:
        # The process may request its first event before `program.start` has returned.
        self._started.wait()
        self._process.freeze()

    def _watch(self) -> None:
        code = self._process.wait()
        self._api.post(Message("exit", code=code))

    def _await_answer(self, deadline: float) -> Message:
        """Return the message that ends the event. A streamed response ends when the process is ready."""
        message = self._streamed or self._receive(deadline - time.perf_counter())
        self._streamed = None
        if message.kind == "ready":  # the process has given up its response
            self._last_message = message
            return Message("error", _TRUNCATED)
        if message.kind == "streamed":
            after = self._receive(deadline - time.perf_counter())
            if after.kind == "timeout" and deadline < self._deadline:
                self._streamed = message
            if after.kind != "ready":
                return after
            self._last_message = after
        return message

    def _await_idle(self, limit: float) -> Message | None:
        """Wait until the process is ready or has ended; return that message, or None at `limit`."""
        while True:
            message = self._receive(limit - time.perf_counter())
            if message.kind == "timeout" and limit < self._deadline:
                return None
            if message.kind == "timeout":
                self._process.kill()
            if message.kind in {"ready", "exit", "timeout"}:
                return message

    def _receive(self, patience: float) -> Message:
        return self._api.receive(max(0.0, patience))

    def _read_outcome(self, message: Message, request_id: str) -> Outcome:
        match message.kind:
            case "response" | "streamed" if len(message.body) > RESPONSE_LIMIT:
                return _error(
                    "Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
                    usable=True,
                )._replace(refused=len(message.body))
            case "response" | "streamed":
                return Outcome(message.body, failed=False)
            case "error":
                return Outcome(message.body, failed=True)
            case "init-error":
                return Outcome(message.body, failed=True, usable=False, error_type=_error_type(message.body))
            case "exit":
                self._process.wait_for_output()
                what = f"RequestId: {request_id} Error: Runtime exited {_reason(message.code)}"
                self._output.write(what)
                return _error("Runtime.ExitError", what, usable=False)
            case _:
                self._process.kill()
                self._process.wait_for_output()
                seconds = f"Task timed out after {self._function.timeout:.2f} seconds"
                now = platform_lines.write_time(time.time())
                self._output.write(f"{now} {request_id} {seconds}")
                return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: {seconds}", usable=False)

    def _read_end(self, message: Message, outcome: Outcome) -> Outcome:
        """Return the outcome of an event whose process has done more after its answer, up to the message."""
        if message.kind == "ready":
            return outcome
        later = self._read_outcome(message, self._request_id)
        return outcome._replace(usable=False, error_type=later.error_type)

    def _write_report(self, outcome: Outcome) -> list[str]:
        usage = Usage(
            duration=self._duration,
            init=self._init_duration,
            memory=self._find_memory(),
            error_type=outcome.error_type,
        )
        return platform_lines.end(self._function, self._request_id, usage, time.time())

    def _find_memory(self) -> int:
        now = time.perf_counter()
        if now - self._memory_read_at >= _MEMORY_MAX_AGE:
            self._peak_memory, self._memory_read_at = self._process.peak_memory(), now
        return self._peak_memory

    def _log(self, event: Event) -> None:
        self._log_tail.append(f"{event.message}\n")
        self._sink(self.stream, event)


def log_stream(function: Function, now: time.struct_time) -> str:
    """Return the name of a log stream, in Lambda's format: "2026/11/23/[7]9f0c...".

    In a log group that is not called after the function, the function's name is part of it.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    """
    name = "" if function.log_group == f"/aws/lambda/{function.name}" else function.name
    return f"{time.strftime('%Y/%m/%d', now)}/{name}[{function.version}]{uuid.uuid4().hex}"


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
    """Return the X-Ray trace header of an invocation that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
