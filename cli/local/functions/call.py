"""One event in a sandbox: the answer that the caller waits for, and the work after the answer."""

import threading
import time
from collections.abc import Callable

from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox

_IDLE_LIMIT = 0.02
"""Seconds in which a process asks for its next event if it does nothing after its answer."""


class Run:
    """One event in a sandbox. The caller has to call `report` and `end`, or `finish`, to free the sandbox."""

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

    def report(self) -> Outcome:
        """Return the outcome with its log."""
        try:
            return self._sandbox.report()
        except BaseException:
            self._release(usable=False, answered=self._answer_known)
            raise

    def end(self, patience: float | None = None) -> bool:
        """Free the sandbox. Return False if it is still busy after `patience` seconds."""
        free: bool | None = False
        try:
            free = self._sandbox.is_free(patience)
        finally:
            if free is not None:
                self._release(usable=free, answered=self._answer_known)
        return free is not None

    def finish(self) -> Outcome:
        """Free the sandbox, and return the outcome with its log."""
        outcome = self.report()
        self.end()
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
            self._finish_elsewhere(run)
            raise TimeoutError(f"{run.function.name} has not answered within {timeout} s")
        self._run = run
        return outcome

    def finish(self) -> None:
        """Do the work after the answer. If the function is still busy, another thread waits for it."""
        run, self._run = self._run, None
        if run:
            self._ended(run, run.report())
            if not run.end(_IDLE_LIMIT):
                threading.Thread(target=run.end, name="after an answer", daemon=True).start()

    def _finish_elsewhere(self, run: Run) -> None:
        def finish() -> None:
            self._ended(run, run.finish())

        threading.Thread(target=finish, name="after no answer", daemon=True).start()
