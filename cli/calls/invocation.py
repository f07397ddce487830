"""lambdify invoke: call the deployed function with a payload."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.calls import log_view
from lambdify.cli.console import Console
from lambdify.cli.errors import FunctionFailed, UsageError
from lambdify.cli.failures import places, tracebacks
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stage import Stage

RETRY_PAUSES = (1, 2, 4)
"""Seconds before each further attempt, while the account's concurrency is used up."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """The result of an invocation."""

    payload: Any
    """The JSON value that the handler returned."""
    version: str
    """The published version that ran."""


def invoke(
    stage: Stage, payload: str, console: Console, *, function: str = "", tail: bool = False
) -> Invocation:
    """Invoke the app, or a function of the project by its name, with JSON text; return the result.

    "" is an empty event. The end of the log (Lambda gives 4 KB) is shown with `tail`, and if it failed.
    Raises UsageError for text that is not JSON and for an unknown function, NotDeployed, and FunctionFailed
    if the function raised, ran out of time or died.
    """
    event = _check_json(payload)
    deployed = stack.fetch(stage)
    if function:
        alias = aliases.find(deployed, function)
        answer, returned = call(alias.function, event, stage.account, version=alias.name)
    else:
        answer, returned = call(deployed.outputs["Function"], event, stage.account)
    check(answer, returned, stage.settings, console, tail=tail)
    return Invocation(payload=read_payload(returned), version=answer["ExecutedVersion"])


def check(
    answer: Mapping[str, Any], payload: bytes, settings: Settings, console: Console, *, tail: bool
) -> None:
    """Show the log of an invocation with `tail`, or if it failed. Raises FunctionFailed if it failed."""
    failed = "FunctionError" in answer
    if tail or failed:
        show_log(answer, read_payload(payload) if failed else None, settings, console)
    if failed:
        raise failure(answer, read_payload(payload), settings)


def call(
    function: str,
    event: bytes,
    account: Account,
    *,
    version: str = template.ALIAS,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[dict[str, Any], bytes]:
    """Invoke the live version, or `version`; return Lambda's answer and the payload in it.

    A broken connection is an error: the function may have run, and must not run twice. If Lambda had no
    concurrency left, the function has not run, and it is invoked again after a pause. Raises AwsError.
    """
    send = partial(
        account.without_retries("lambda").invoke,
        FunctionName=function,
        Qualifier=version,
        LogType="Tail",
        Payload=event,
    )
    with translated(during=f"invoking {function}"):
        answer = send_once(send, sleep)
        return answer, answer["Payload"].read()


def send_once(send: Callable[[], Any], sleep: Callable[[float], None] = time.sleep) -> Any:
    """Return the answer to an invocation; it is sent again only while Lambda has no concurrency left."""
    for pause in RETRY_PAUSES:
        answer = attempt(send, none_if="^TooManyRequestsException:")
        if answer is not None:
            return answer
        sleep(pause)
    return send()


def send(function: str, event: bytes, account: Account, *, alias: str) -> None:
    """Hand an event to an alias of a Lambda, which Lambda calls by itself, and again if it fails.

    An event whose answer is lost is sent again: Lambda may call twice in any case. Raises AwsError.
    """
    client = account.client("lambda")
    with translated(during=f"sending an event to {function}:{alias}"):
        client.invoke(FunctionName=function, Qualifier=alias, InvocationType="Event", Payload=event)


def read_payload(payload: bytes) -> Any:
    """Return the JSON value of a payload; for a streamed response, its prelude with the body added."""
    prelude, delimiter, body = payload.partition(bytes(8))
    value = json.loads(prelude or b"null")
    if not delimiter:
        return value
    try:
        return {**value, "body": body.decode()}
    except UnicodeDecodeError:
        return {**value, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def read_log(answer: Mapping[str, Any]) -> str:
    """Return the end of the log, of which Lambda gives 4 KB; "" if it was not asked for."""
    return base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")


def show_log(answer: Mapping[str, Any], value: Any, settings: Settings, console: Console) -> None:
    """Show the end of the log, which holds the traceback of an error; without a log, only the traceback.

    Frames that are not the project's are folded.
    """
    trace = value.get("stackTrace", []) if "FunctionError" in answer else []
    for line in log_view.tail(read_log(answer) or "".join(trace), places.files_of(settings.root)):
        console.note(line)


def _check_json(payload: str) -> bytes:
    text = payload.strip() or "{}"
    try:
        json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"The payload is not JSON: {error}",
            hint="""Such as: '{"key": "value"}'. A request is --http /path, and a stage --stage NAME.""",
        ) from error
    return text.encode()


def explain_log(answer: Mapping[str, Any], settings: Settings) -> tuple[str, str] | None:
    """Return message and hint for the exception that the end of the log shows; None if it shows none.

    An app that fails answers with a 500 all the same, so the payload has no error.
    """
    from lambdify.cli.failures import explanation
    from lambdify.cli.failures.project import look_at

    project = look_at(settings)
    raised = tracebacks.read(read_log(answer), project.owns)
    if raised is None:
        return None
    told = explanation.explain(raised, project)
    return told.message, told.hint


def failure(answer: Mapping[str, Any], value: Mapping[str, Any], settings: Settings) -> FunctionFailed:
    """Return the error for a function that raised, ran out of time or died.

    What is known of the cause is told with what to do; else it is told as Lambda describes it.
    """
    # Not at the top: only failures need what is known of them.
    from lambdify.cli.failures import explanation, reported
    from lambdify.cli.failures.project import look_at

    project = look_at(settings)
    raised = reported.read(value, read_log(answer), project.owns)
    told = explanation.find(raised, project) if raised else None
    said = f"{value.get('errorType', 'Error')}: {value.get('errorMessage', '')}"
    if raised and tracebacks.BEGIN in said:
        said = tracebacks.summarize(tracebacks.unwrap(raised, project.owns))
    return FunctionFailed(
        told.message if told else said,
        hint=told.hint if told else f"`lambdify logs {settings.stage}` shows all that the function wrote.",
        during=f"invoking {settings.full_name}",
    )
