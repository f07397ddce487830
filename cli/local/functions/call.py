"""One event on its way through a function: what the caller waits for, and what follows behind the answer."""

import threading
import time
from collections.abc import Callable

from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox

_IDLE_LIMIT = 0.02
"""Seconds in which a process asks for its next event, if it does nothing behind its answer."""


class Run:
    """One event in a sandbox. Whoever began it has to come to `finish`, or nobody has the sandbox again."""

    def __init__(
        self, function: Function, sandbox: Sandbox, answered: Callable[[], None], release: Callable[..., None]
    ) -> None:
        """`answered` is called when the answer is known, `release` when others may have the sandbox."""
        self.function = function
        self._sandbox, self._answered, self._release = sandbox, answered, release
        self._answer_known = False

    def answer(self, patience: float | None = None) -> Outcome | None:
        """How the event went, as soon as that is known; None if it is not within `patience` seconds."""
        outcome = self._sandbox.answer(patience)
        if outcome and not self._answer_known:
            self._answer_known = True
            self._answered()
        return outcome

    def report(self) -> Outcome:
        """The outcome with its log."""
        try:
            return self._sandbox.report()
        except BaseException:
            self._release(usable=False, answered=self._answer_known)
            raise

    def end(self, patience: float | None = None) -> bool:
        """Let others have the sandbox; False if it is not done with the event within `patience` seconds."""
        free: bool | None = False
        try:
            free = self._sandbox.is_free(patience)
        finally:
            if free is not None:
                self._release(usable=free, answered=self._answer_known)
        return free is not None

    def finish(self) -> Outcome:
        """The outcome with its log, when others have the sandbox."""
        outcome = self.report()
        self.end()
        return outcome


class Call:
    """An event that is given to its function by whoever asks for the result, in that thread."""

    def __init__(self, begin: Callable[[float | None], Run], ended: Callable[[Run, Outcome], None]) -> None:
        """`begin` gets the seconds that the caller waits; `ended` is told the outcome, behind the answer."""
        self._begin, self._ended = begin, ended
        self._run: Run | None = None

    def result(self, timeout: float | None = None) -> Outcome:
        """The outcome as soon as it is known; then `finish` is to be called.

        Raises TimeoutError after so many seconds, and what `begin` does.
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
        """What is left to do behind the answer. Does not take long: what does is done in another thread."""
        run, self._run = self._run, None
        if run:
            self._ended(run, run.report())
            if not run.end(_IDLE_LIMIT):
                threading.Thread(target=run.end, name="after an answer", daemon=True).start()

    def _finish_elsewhere(self, run: Run) -> None:
        def finish() -> None:
            self._ended(run, run.finish())

        threading.Thread(target=finish, name="after no answer", daemon=True).start()
