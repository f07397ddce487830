"""lambdify invoke: call the deployed function with a payload of one's own."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli import stack, template
from lambdify.cli.aws import Account, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import FunctionFailed, UsageError
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What the function gave back."""

    payload: Any
    """The JSON value that the handler returned."""
    version: str
    """The published version that ran."""


def invoke(settings: Settings, account: Account, payload: str, console: Console) -> Invocation:
    """Call the function with JSON text ("" for no event) and wait for what it returns.

    The end of its log (Lambda gives 4 KB) becomes part of the story. Raises UsageError for text that is not
    JSON, NotDeployed, and FunctionFailed when the function raised, ran out of time or died.
    """
    event = _check_json(payload)
    function = stack.fetch(settings, account).outputs["Function"]
    with translated(during=f"invoking {function}"):
        answer = account.client("lambda").invoke(
            FunctionName=function, Qualifier=template.ALIAS, LogType="Tail", Payload=event
        )
        returned = answer["Payload"].read()
    for line in base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").splitlines():
        console.note(line)
    value = json.loads(returned or b"null")
    if "FunctionError" in answer:
        raise _failure(value, settings, console)
    return Invocation(payload=value, version=answer["ExecutedVersion"])


def _check_json(payload: str) -> bytes:
    text = payload.strip() or "{}"
    try:
        json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"The payload is not JSON: {error}", hint="""Such as: '{"key": "value"}'."""
        ) from error
    return text.encode()


def _failure(value: Mapping[str, Any], settings: Settings, console: Console) -> FunctionFailed:
    """Tell where in the function it happened, and give back what."""
    for line in value.get("stackTrace", []):
        console.note(str(line).rstrip())
    return FunctionFailed(
        f"{value.get('errorType', 'Error')}: {value.get('errorMessage', '')}",
        hint=f"`lambdify logs {settings.stage}` shows all that the function wrote.",
        during=f"invoking {settings.full_name}",
    )
