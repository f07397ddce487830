"""One execution environment: a process of the function, its Runtime API, its output.

What the process is, the program knows: the function's Python on this machine, for zips (process.py), or a
container of its image (container.py).

It handles one event at a time and is frozen in between, as on Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

An event has steps: `begin` hands it over, `answer` tells how it went; behind the answer, `report` completes
its log, and `is_free` waits until the process asks for the next one.

What went wrong with an event is told as Lambda tells it, in the same words and error types:

    raised or returned no JSON    whatever the runtime client says
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
"""Seconds for importing the app. One that takes longer is imported again on Lambda, within the timeout of the
invocation; which is why a longer timeout is the limit here."""
LOG_TAIL = 4096
"""Bytes of log that an invocation can give back."""
_MEMORY_MAX_AGE = 0.1
"""Seconds for which the peak of memory is taken as it was: to ask for it takes as long as a small event."""
_TRUNCATED = b'{"errorType": "Runtime.TruncatedResponse", "errorMessage": "The response was not complete."}'


class Process(Protocol):
    """What a program has started."""

    def freeze(self) -> None:
        """Let it not run until `thaw`; at once or in a moment."""

    def thaw(self) -> None:
        """Let it run."""

    def kill(self) -> None:
        """End it at once, with everything that it started."""

    def has_ended(self) -> bool:
        """Whether it is known to have ended."""

    def wait(self) -> int:
        """Come back when it has ended, with what `subprocess` calls its return code."""

    def wait_for_output(self) -> None:
        """Come back when all that it has written until now is in the pipes."""

    def peak_memory(self) -> int:
        """The most memory that it ever used, in MB; 0 where nobody tells."""

    def close(self) -> None:
        """Ask it to end, kill it if it does not, and leave nothing of it behind."""


class Program(Protocol):
    """What a sandbox runs."""

    @property
    def function(self) -> Function:
        """Whose it is."""

    @property
    def users(self) -> Collection[int]:
        """Who it runs as, if not as ourselves."""

    @property
    def names(self) -> Collection[str]:
        """What it calls this machine, if not 127.0.0.1."""

    def start(self, api: int, stream: str, output: Output) -> Process:
        """Start it: the Runtime API is at that port, the log stream has that name.

        It has the pipes of `output` by the time this comes back: our ends are then closed.
        """


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

    def __init__(self, program: Program, sink: Callable[[str, Event], None]) -> None:
        """Start the process; it imports the app while nobody waits yet."""
        self.program = program
        self._function = program.function
        self.stream = log_stream(self._function.version, time.gmtime())
        self._sink = sink
        self._log_tail: deque[str] = deque()
        self._started_at = self._event_started_at = self._deadline = time.perf_counter()
        self._cold = True
        self._init_duration = self._duration = self._memory_read_at = 0.0
        self._peak_memory = 0
        self._last_message: Message | None = None
        """What the process said last, while it has no event."""
        self._streamed: Message | None = None
        """A streamed response whose end is still awaited."""
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
        """Come back when the process waits for its first event, or is known not to."""
        if self._last_message is None and self._cold:
            limit = max(INIT_LIMIT, float(self._function.timeout))
            self._last_message = self._receive(self._started_at + limit - time.perf_counter())
            self._init_duration = time.perf_counter() - self._started_at

    def invoke(
        self, request_id: str, event: bytes, arn: str, stream: ResponseStream | None = None
    ) -> Outcome:
        """Hand over one event and wait to its end. Raises SandboxGone as `begin` does."""
        self.begin(request_id, event, arn, stream)
        outcome = self.report()
        self.is_free()
        return outcome

    def begin(self, request_id: str, event: bytes, arn: str, stream: ResponseStream | None = None) -> None:
        """Hand over one event. Raises SandboxGone if an earlier event was the process's last.

        A streamed response goes to `stream` as it comes; without one it is the payload.
        """
        self.await_ready()
        if self._last_message is None:  # the process was ended in the middle of an earlier event
            raise SandboxGone
        if not self._cold:
            if self._last_message.kind == "exit" or self._process.has_ended():
                raise SandboxGone
            self._log_tail.clear()  # what an init wrote belongs to the invocation that it was for
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
        """How the event went, as soon as that is known; None if it is not within `patience` seconds.

        Its log is told by `report`.
        """
        limit = self._deadline if patience is None else time.perf_counter() + patience
        message = self._last_message or self._await_answer(min(limit, self._deadline))
        if message.kind == "timeout" and limit < self._deadline and self._last_message is None:
            return None
        self._duration = time.perf_counter() - self._event_started_at
        self._outcome = self._read_outcome(message, self._request_id)
        return self._outcome

    def report(self) -> Outcome:
        """The outcome with the end of its log, which is complete now. Waits for the answer."""
        outcome = self._outcome or self.answer()
        assert outcome, "it has no limit but its own"
        self._process.wait_for_output()
        self._output.write(*self._write_report(outcome))
        return outcome._replace(log="".join(self._log_tail)[-LOG_TAIL:])

    def is_free(self, patience: float | None = None) -> bool | None:
        """Whether the process is there for another event; None if nobody knows within `patience` seconds."""
        if self._outcome and not self._outcome.usable:
            return False
        if self._last_message is None:
            limit = self._deadline if patience is None else time.perf_counter() + patience
            self._last_message = self._await_idle(min(limit, self._deadline))
        return self._last_message and self._last_message.kind == "ready"

    def close(self) -> None:
        """End the process, and everything that it started."""
        self._process.close()
        self._api.close()

    def _freeze(self) -> None:
        # It may ask for its first event before whoever started it has come back.
        self._started.wait()
        self._process.freeze()

    def _watch(self) -> None:
        code = self._process.wait()
        self._api.post(Message("exit", code=code))

    def _await_answer(self, deadline: float) -> Message:
        """How the event ends. After a streamed response that is when the process asks for the next one."""
        message = self._streamed or self._receive(deadline - time.perf_counter())
        self._streamed = None
        if message.kind == "ready":  # the process gave its response up
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
        """What becomes of the process behind its answer: it waits for the next event, or has ended."""
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
                )
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


def log_stream(version: str, now: time.struct_time) -> str:
    """A log stream's name, as Lambda makes them: "2026/11/23/[7]9f0c...", one for each environment."""
    return f"{time.strftime('%Y/%m/%d', now)}/[{version}]{uuid.uuid4().hex}"


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
