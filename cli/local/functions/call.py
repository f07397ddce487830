"""One event in a sandbox: the answer that the caller waits for, and the work after the answer."""

import threading
import time
from collections.abc import Callable

from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox

_IDLE_LIMIT = 0.02
"""Seconds in which a process asks for its next event if it does nothing after its answer."""


class Run:
    """One event in a sandbox, which the caller has to free with `finish`."""

    def __init__(
        self, function: Function, sandbox: Sandbox, answered: Callable[[], None], release: Callable[..., None]
    ) -> None:
        """`answered` is called when the answer is known, `release` when the sandbox is free."""
        self.function = function
        self._sandbox, self._answered, self._release = sandbox, answered, release
        self._answer_known = False

    def answer(self, patience: float | None = None) -> Outcome | None:
        """Return the outcome as soon as it is known; None if it is not within `patience` seconds."""
        outcome = self._sandbox.answer(patience)
        if outcome and not self._answer_known:
            self._answer_known = True
            self._answered()
        return outcome

    def read_log(self) -> str:
        """Return the end of the log until now."""
        return self._sandbox.read_log()

    def finish(self, patience: float | None = None) -> Outcome | None:
        """Free the sandbox, and return the outcome with its log. None if it is busy after `patience` seconds.

        Without `patience` the limit is the timeout of the function, after which there is an outcome.
        """
        try:
            outcome = self._sandbox.end(patience)
        except BaseException:
            self._release(usable=False, answered=self._answer_known)
            raise
        if outcome:
            self._release(usable=outcome.usable, answered=self._answer_known)
        return outcome


class Call:
    """An invocation that runs in the thread that asks for its result."""

    def __init__(self, begin: Callable[[float | None], Run], ended: Callable[[Run, Outcome], None]) -> None:
        """`begin` gets the seconds that the caller waits; `ended` gets the outcome after the answer."""
        self._begin, self._ended = begin, ended
        self._run: Run | None = None

    def result(self, timeout: float | None = None) -> Outcome:
        """Return the outcome as soon as it is known. The caller then has to call `finish`.

        Raises TimeoutError after `timeout` seconds, and the errors of `begin`.
        """
        started = time.monotonic()
        run = self._begin(timeout)
        try:
            left = None if timeout is None else max(0.0, started + timeout - time.monotonic())
            outcome = run.answer(left)
        except BaseException:
            run.finish()
            raise
        if outcome is None:
            finish_elsewhere(run, self._ended)
            raise TimeoutError(f"{run.function.name} has not answered within {timeout} s")
        self._run = run
        return outcome

    def finish(self) -> None:
        """Do the work after the answer. If the function is still busy, another thread waits for it."""
        run, self._run = self._run, None
        if run:
            finish_soon(run, self._ended, _IDLE_LIMIT)


def finish_soon(run: Run, ended: Callable[[Run, Outcome], None], patience: float) -> Outcome | None:
    """Free the sandbox of an event that was answered; return its outcome, None if it is busy that long.

    Another thread then waits for it. `ended` gets the outcome in any case.
    """
    outcome = run.finish(patience)
    if outcome:
        ended(run, outcome)
    else:
        finish_elsewhere(run, ended)
    return outcome


def finish_elsewhere(run: Run, ended: Callable[[Run, Outcome], None]) -> None:
    """Free the sandbox of an event in a thread of its own."""

    def finish() -> None:
        if outcome := run.finish():
            ended(run, outcome)

    threading.Thread(target=finish, name="after an answer", daemon=True).start()
