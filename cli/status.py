"""lambdify status: what is deployed, as AWS tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from lambdify.cli import stack, template
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.settings import Settings

GONE = "^ResourceNotFoundException:"


@dataclass(frozen=True, kw_only=True)
class Status:
    """One stage as it is now; "" and 0 where a failed deployment left nothing."""

    stack: str
    state: str
    """CloudFormation's, such as UPDATE_COMPLETE."""
    reason: str
    """Why the stack is in that state, when CloudFormation says so."""
    region: str
    endpoint: str
    function: str
    version: str
    """The published version that the alias points to."""
    runtime: str
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    code_size: int
    """Bytes of the app zip."""
    changed_at: datetime
    schedule: str
    """Such as "rate(5 minutes)"; "" when the stage is not kept warm."""
    app: str
    layer: str
    """Digests of the archives; "" for a layer that there is not."""


@translated(during="reading what is deployed")
def fetch(settings: Settings, account: Account) -> Status:
    """The stage's status. Raises NotDeployed."""
    found = stack.fetch(settings, account)
    function = _function(settings, account)
    return Status(
        stack=found.name,
        state=found.state,
        reason=found.reason,
        region=account.region,
        endpoint=found.outputs.get("Endpoint", ""),
        function=function.get("FunctionName", ""),
        version=function.get("Version", ""),
        runtime=function.get("Runtime", ""),
        memory=function.get("MemorySize", 0),
        timeout=function.get("Timeout", 0),
        code_size=function.get("CodeSize", 0),
        changed_at=found.changed_at,
        schedule=_schedule(settings, account),
        app=_digest(found.outputs.get("App", "")),
        layer=_digest(found.outputs.get("Layer", "")),
    )


def _function(settings: Settings, account: Account) -> Mapping[str, Any]:
    configuration = attempt(
        account.client("lambda").get_function_configuration,
        none_if=GONE,
        FunctionName=settings.full_name,
        Qualifier=template.ALIAS,
    )
    return configuration or {}


def _schedule(settings: Settings, account: Account) -> str:
    schedule = attempt(account.client("scheduler").get_schedule, none_if=GONE, Name=settings.full_name)
    return str(schedule["ScheduleExpression"]) if schedule else ""


def _digest(key: str) -> str:
    """The digest in "shop/production/app-0123456789abcdef.zip"."""
    return PurePosixPath(key).stem.rpartition("-")[2]
