"""The outcome of a rehearsal: how the app started here, or why it did not."""

from dataclasses import dataclass
from typing import Literal

from lambdify.cli.failures.raised import Frame, Raised

__all__ = ["Blocked", "Frame", "Outcome", "Raised"]

Kind = Literal["starts", "fails", "untold"]
"""The app starts; it cannot start, here or on Lambda; or this machine cannot tell."""


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """What the guard refused."""

    what: Literal["connect", "write", "program"]
    target: str
    """"db.internal:5432", "/var/task/logs/app.log", "git"."""
    frame: Frame | None = None
    """The innermost frame of the project's code, else the innermost one of a package."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a rehearsal ended."""

    kind: Kind
    interface: Literal["wsgi", "asgi", ""] = ""
    """"" if it did not start, or is a Lambda handler itself."""
    asked: bool = False
    """Whether the interface was found by a request to the app, since the app does not show it."""
    raised: Raised | None = None
    unset: tuple[str, ...] = ()
    """Environment variables that the project's code looked up, or had looked up, and that were not set."""
    blocked: tuple[Blocked, ...] = ()
    output: str = ""
    """The end of what the app wrote to stdout and stderr."""
    seconds: float = 0.0
    reason: str = ""
    """Why it fails without an error, or why it cannot be told: a sentence's part, "it ..." or "this ..."."""
