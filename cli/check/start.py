"""The start of the app: it is packed and rehearsed, as a deployment does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lambdify.cli.errors import LambdifyError
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.rehearsal import explanation
from lambdify.cli.rehearsal.outcome import Outcome
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Start:
    """How the app starts."""

    kind: Literal["starts", "fails", "untold", "unpacked"]
    """It starts; it does not; this machine cannot tell; or it cannot even be packed."""
    message: str = ""
    hint: str = ""
    lines: tuple[str, ...] = ()
    """The project's own frames."""
    seconds: float = 0.0

    @property
    def stops(self) -> bool:
        """Whether a deployment would end there."""
        return self.kind in {"fails", "unpacked"}


def attempt(
    settings: Settings, pack: Callable[[], Bundle], rehearse: Callable[[Bundle, Settings], Outcome]
) -> Start:
    """Pack the app and start it, and return how that went. What packing cannot do is told, not raised."""
    try:
        bundle = pack()
    except LambdifyError as error:
        return Start(kind="unpacked", message=error.message, hint=error.hint)
    outcome = rehearse(bundle, settings)
    if outcome.kind == "fails":
        explained = explanation.explain(outcome, settings, bundle)
        return Start(
            kind="fails", message=explained.message, hint=explained.hint, lines=tuple(explained.lines)
        )
    return Start(kind=outcome.kind, message=outcome.reason, seconds=outcome.seconds)
