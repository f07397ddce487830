"""An outcome in words: what happened to the app, the lines of its own code, and the line to write next."""

from dataclasses import dataclass

from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.rehearsal.outcome import Frame, Outcome, Raised
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why an app cannot start, for the person who wrote it."""

    message: str
    """One sentence."""
    hint: str
    """What to do; "" if that is not known."""
    lines: tuple[str, ...]
    """The project's own frames, the outermost first, and what belongs to them."""


def explain(outcome: Outcome, settings: Settings, bundle: Bundle) -> Explanation:  # noqa: ARG001 - hints need them
    """Explain an outcome whose kind is "fails"."""
    raised = outcome.raised
    if raised is None:
        return Explanation(message=f"The app cannot start: {outcome.reason}.", hint="", lines=())
    own = _own_frames(raised)
    return Explanation(
        message=f"The app cannot start: {raised.type.removeprefix('builtins.')}: {raised.message}",
        hint="",
        lines=tuple(f"{frame.path}:{frame.line} in {frame.function}: {frame.source}" for frame in own),
    )


def _own_frames(raised: Raised) -> tuple[Frame, ...]:
    return tuple(frame for frame in raised.frames if frame.own)
