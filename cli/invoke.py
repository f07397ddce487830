"""lambdify invoke: call the deployed function with a payload of one's own."""

from dataclasses import dataclass
from typing import Any

from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What the function gave back."""

    payload: Any
    """The JSON value that the handler returned."""
    version: str
    """The published version that ran."""


def invoke(settings: Settings, account: Account, payload: str, console: Console) -> Invocation:
    """Call the function with JSON text ("" for no event) and wait. Raises FunctionFailed, NotDeployed."""
