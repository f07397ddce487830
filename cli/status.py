"""lambdify status: what is deployed, as AWS tells it."""

from dataclasses import dataclass
from datetime import datetime

from lambdify.cli.aws import Account
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Status:
    """One stage as it is now; "" and 0 where a failed deployment left nothing."""

    stack: str
    state: str
    reason: str
    """Why the stack is in that state, when CloudFormation says so."""
    region: str
    endpoint: str
    function: str
    version: str
    runtime: str
    memory: int
    code_size: int
    """Bytes of the app zip."""
    changed_at: datetime
    schedule: str
    """Such as "rate(5 minutes)"; "" when the stage is not kept warm."""
    app: str
    layer: str
    """Digests of the archives."""


def fetch(settings: Settings, account: Account) -> Status:
    """The stage's status. Raises NotDeployed."""
