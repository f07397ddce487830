"""Invocations on their way from ministack to lambdify's daemon, which runs the function.

ministack can pass an invocation to an HTTP endpoint (MINISTACK_LAMBDA_PROXY_URL), but takes an error of the
function for an error of the endpoint, and writes log lines of its own. Here the endpoint is always the
daemon's socket (daemon/control.py), and its response has the headers of Lambda's Invoke:
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseSyntax

A function that is called through an alias sees the alias in its ARN, and the version is drawn by the alias's
weights. An invocation has the id that its caller is told, and keeps it when it is repeated.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

import base64
import http.client
import json
import os
import random
import time
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from lambdify.cli.local.events.replacement import replace
from lambdify.cli.local.unix_http import Connection

COLD_START_ALLOWANCE = 20
"""Seconds in addition to the function's timeout, so that the sandbox reports a timeout first."""
EVENT_LIMIT, ASYNCHRONOUS_LIMIT = 6 * 1024 * 1024, 1024 * 1024
"""Bytes of an event: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
NOT_DEPLOYED = "This function was not deployed with lambdify, and nothing here can run it."
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the invocation, for the threads that work on it."""
_ANSWER_ID: ContextVar[str] = ContextVar("answer_id", default="")
"""The id in ministack's answer to the request that is worked on."""


def install() -> None:
    """Replace what ministack does with an invocation."""
    replace(lambda_svc, "_execute_function_proxy", execute_in_sandbox)
    replace(lambda_svc, "_emit_lambda_logs", write_no_logs)
    _count_throttles_only()
    _show_aliases()
    _note_answers()
    _limit_and_name()


def execute_in_sandbox(func: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    """Pass one invocation to lambdify's daemon; return the result in ministack's format."""
    config = func.get("config") or func
    if not is_ours(url):
        return {"body": {"errorType": "Sandbox.Failure", "errorMessage": NOT_DEPLOYED}, "error": True}
    connection = reach_daemon(config)
    try:
        connection.request("POST", "/invoke", write_event(event), write_headers(config, request_id))
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return {"body": {"errorType": "Sandbox.Failure", "errorMessage": str(error)}, "error": True}
    finally:
        connection.close()
    if response.status == http.client.OK:
        return read_result(response.headers, body)
    return read_refusal(response.status, body)


def is_ours(url: str | None) -> bool:
    """Return whether a function with that proxy is run by lambdify's daemon."""
    return url == f"unix:{os.environ['LAMBDIFY_CONTROL']}"


def reach_daemon(config: Mapping[str, Any]) -> Connection:
    """Return a connection to the daemon's socket that waits as long as the function may take."""
    timeout = 2 * int(config.get("Timeout") or 3) + COLD_START_ALLOWANCE
    return Connection(Path(os.environ["LAMBDIFY_CONTROL"]), timeout=timeout)


def write_event(event: Any) -> bytes:
    """Return the event as JSON."""
    return json.dumps(event, ensure_ascii=False).encode()


def answer_id() -> str:
    """Return the id of ministack's answer to the request that is worked on."""
    return _ANSWER_ID.get()


def write_headers(config: Mapping[str, Any], request_id: str = "") -> dict[str, str]:
    """Return what the daemon is told of an invocation; its id is REQUEST_ID, unless that is not set."""
    deadline = time.time() + int(config.get("Timeout") or 3)
    return {
        "Content-Type": "application/json",
        "X-Amzn-Lambda-Function-Name": config["FunctionName"],
        "X-Amzn-Lambda-Function-Version": draw_version(config),
        "X-Amzn-Lambda-Function-Arn": config["FunctionArn"],
        "X-Amzn-Lambda-Request-Id": REQUEST_ID.get() or request_id or new_uuid(),
        "X-Amzn-Lambda-Deadline-Ms": str(int(deadline * 1000)),
    }


def draw_version(config: Mapping[str, Any]) -> str:
    """Return the version that runs: the alias's, or its other one as often as its weight says."""
    qualifier = config["FunctionArn"].split(":")[7:]
    function = lambda_svc._functions.get(config["FunctionName"]) or {}
    alias = function.get("aliases", {}).get(qualifier[0]) if qualifier else None
    if alias is None:
        return str(config.get("Version", "$LATEST"))
    left = random.random()  # noqa: S311 - no secret is made of it
    for version, weight in ((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}).items():
        left -= float(weight)
        if left < 0:
            return str(version)
    return str(alias["FunctionVersion"])


def read_result(headers: Any, body: bytes) -> dict[str, Any]:
    """Return ministack's result for what the function returned or raised, with the end of its log."""
    log = base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    result = {"body": json.loads(body), "log": log}
    if kind := headers.get("X-Amz-Function-Error"):
        return {**result, "error": True, "function_error": kind}
    return result


def read_refusal(status: int, body: bytes) -> dict[str, Any]:
    """Return ministack's result for an invocation that was throttled or got no sandbox."""
    if status == http.client.TOO_MANY_REQUESTS:
        throttle: dict[str, Any] = lambda_svc._throttle_response(
            reason_code="ConcurrentInvocationLimitExceeded", msg="Rate Exceeded."
        )
        return throttle
    refusal = json.loads(body)
    message = f"{refusal['message']} {refusal['hint']}".strip()
    return {"body": {"errorType": refusal["error"], "errorMessage": message}, "error": True}


def refuse_size(headers: Mapping[str, str]) -> Any:
    """Return Lambda's answer to a request with too large an event; None for any other request."""
    said = {name.lower(): value for name, value in headers.items()}
    kind = said.get("x-amz-invocation-type") or "RequestResponse"
    limit = ASYNCHRONOUS_LIMIT if kind == "Event" else EVENT_LIMIT
    size = int(said.get("content-length") or 0)
    if size <= limit:
        return None
    message = f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
    return lambda_svc.error_response_json("RequestEntityTooLargeException", message, 413)


def write_no_logs(
    func: dict[str, Any],
    request_id: str,
    log_text: str,
    error: bool,
    duration_ms: int,
    *,
    log_source: str | None = None,
) -> None:
    """Write nothing: the sandbox has written the log already."""


def _count_throttles_only() -> None:
    """Leave metrics of invocations to the daemon, which knows how long the function took."""

    def emit(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            original(function_name, duration_ms, error, throttle)

    original = replace(lambda_svc, "_emit_lambda_metrics", emit)


def _show_aliases() -> None:
    """Keep the alias in the ARN of a function that an event source calls; ministack leaves the version's."""

    def find(func: dict[str, Any] | None, qualifier: str | None) -> tuple[Any, Any]:
        record, config = original(func, qualifier)
        if func is None or record is None or qualifier not in func.get("aliases", {}):
            return record, config
        config = {**config, "FunctionArn": f"{func['config']['FunctionArn']}:{qualifier}"}
        return {**record, "config": config}, config

    original = replace(lambda_svc, "_effective_func_record_for_qualifier", find)


def _note_answers() -> None:
    """Note the id that ministack's answer to a request will have."""

    async def dispatch(
        method: str, path: str, headers: Any, body: bytes, query_params: Any, request_id: str
    ) -> Any:
        _ANSWER_ID.set(request_id)
        return await original(method, path, headers, body, query_params, request_id)

    original = replace(app, "_dispatch_service_request", dispatch)


def _limit_and_name() -> None:
    """Refuse too large events, and give each invocation the id of the answer to its caller."""

    async def invoke(
        name: str, event: Any, headers: Any, path_qualifier: str | None = None, query_params: Any = None
    ) -> Any:
        if (refusal := refuse_size(headers)) is not None:
            return refusal
        token = REQUEST_ID.set(_ANSWER_ID.get())
        try:
            return await original(name, event, headers, path_qualifier, query_params)
        finally:
            REQUEST_ID.reset(token)

    original = replace(lambda_svc, "_invoke", invoke)
