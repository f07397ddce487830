"""Starts ministack in its own environment: behind a guard (guard.py), on a socket that the daemon has bound.

Some functions of ministack are replaced:

- Invocations. ministack can pass one to an HTTP endpoint (MINISTACK_LAMBDA_PROXY_URL), but takes an error of
  the function for an error of the endpoint, and writes log lines of its own. Here the endpoint is always the
  daemon's socket, and its response has the headers of Lambda's Invoke:
  https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseSyntax
- Metrics of invocations. ministack sees its own ones only, and takes the start of an environment for a part
  of them, so the daemon writes all (metric_writer.py).
- Alarms. ministack ignores the dimensions of an alarm's metric, so errors of any version would raise it.
- Schedules. ministack's call no API, but one has to call UpdateAlias to roll an unattended shift back.
- URLs of code, layers and custom resources' responses. They are signed here, as on AWS.
"""

import base64
import http.client
import inspect
import json
import os
import sys
import time
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio  # type: ignore[import-not-found]
from ministack.app import main
from ministack.core import responses
from ministack.services import cloudwatch, eventbridge, lambda_svc
from ministack.services.cloudformation import custom_resource

if TYPE_CHECKING:
    from lambdify.cli.local.unix_http import Connection

COLD_START_ALLOWANCE = 20
"""Seconds in addition to the function's timeout, so that the sandbox reports a timeout first."""
URL_LIFETIME = 600
"""Seconds for which a URL of code is valid:
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html"""
NOT_DEPLOYED = "This function was not deployed with lambdify, and nothing here can run it."
CUSTOM_RESOURCE_LIMIT = 3600
"""Seconds for which the response URL of a custom resource is valid."""


def execute_in_sandbox(func: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    """Pass one invocation to lambdify's daemon; return the result in ministack's format."""
    if url != f"unix:{os.environ['LAMBDIFY_CONTROL']}":
        return {"body": {"errorType": "Sandbox.Failure", "errorMessage": NOT_DEPLOYED}, "error": True}
    config = func.get("config") or func
    timeout = int(config.get("Timeout") or 3)
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-Lambda-Function-Name": config["FunctionName"],
        "X-Amzn-Lambda-Function-Version": config.get("Version", "$LATEST"),
        "X-Amzn-Lambda-Function-Arn": config["FunctionArn"],
        "X-Amzn-Lambda-Request-Id": request_id,
        "X-Amzn-Lambda-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
    }
    connection = reach_daemon(2 * timeout + COLD_START_ALLOWANCE)
    try:
        connection.request("POST", "/invoke", json.dumps(event, ensure_ascii=False).encode(), headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return {"body": {"errorType": "Sandbox.Failure", "errorMessage": str(error)}, "error": True}
    finally:
        connection.close()
    if response.status == http.client.OK:
        return read_result(response.headers, body)
    return read_refusal(response.status, body)


def reach_daemon(timeout: float) -> "Connection":
    """Return a connection to the daemon's socket; `timeout` is in seconds."""
    from lambdify.cli.local.unix_http import Connection

    return Connection(Path(os.environ["LAMBDIFY_CONTROL"]), timeout=timeout)


def read_result(headers: Any, body: bytes) -> dict[str, Any]:
    """Return ministack's result for what the function returned or raised, with the end of its log."""
    log = base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    result = {"body": json.loads(body), "log": log}
    if kind := headers.get("X-Amz-Function-Error"):
        return {**result, "error": True, "function_error": kind}
    return result


def read_refusal(status: int, body: bytes) -> dict[str, Any]:
    """Return ministack's result for an invocation that was throttled or got no sandbox."""
    if status == 429:
        throttle: dict[str, Any] = lambda_svc._throttle_response(
            reason_code="ConcurrentInvocationLimitExceeded", msg="Rate Exceeded."
        )
        return throttle
    refusal = json.loads(body)
    message = f"{refusal['message']} {refusal['hint']}".strip()
    return {"body": {"errorType": refusal["error"], "errorMessage": message}, "error": True}


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


def count_throttles_only() -> None:
    """Leave metrics of invocations to the daemon, which knows how long the function took."""
    original = lambda_svc._emit_lambda_metrics

    def emit(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            original(function_name, duration_ms, error, throttle)

    replace("_emit_lambda_metrics", emit)


def replace(name: str, replacement: Any) -> None:
    """Replace a function of ministack's Lambda; exit if its parameters are not the expected ones."""
    original = getattr(lambda_svc, name)
    wanted = list(inspect.signature(replacement).parameters)
    found = list(inspect.signature(original).parameters)
    if found != wanted:
        sys.exit(
            f"ministack's {name} takes {found}, not {wanted}: this is not the version we were written for."
        )
    setattr(lambda_svc, name, replacement)


def narrow_alarms() -> None:
    """Let an alarm see only the metric with its own dimensions."""
    original = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        key = (alarm.get("Namespace"), alarm.get("MetricName"), dimensions)
        # ministack's own code runs with a namespace that has one metric; the shared metrics stay as they are.
        namespace = {**vars(cloudwatch), "_metrics": {key: cloudwatch._metrics.get(key, [])}}
        types.FunctionType(original.__code__, namespace)(alarm)

    cloudwatch._evaluate_alarm = evaluate


def call_apis() -> None:
    """Let a schedule call UpdateAlias, as EventBridge Scheduler can call any API."""
    original = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
        if not target.get("Arn", "").endswith(":scheduler:::aws-sdk:lambda:updateAlias"):
            return original(target, event, rule, view)
        call = json.loads(target["Input"])
        return lambda_svc._update_alias(call["FunctionName"], call["Name"], call)

    eventbridge._invoke_target = invoke


def sign_locations(keys: dict[str, str]) -> None:
    """Sign the URLs that ministack returns, so that only their recipients can use them."""
    from lambdify.cli.local.aws.signatures import sign_url

    key_id, secret = next(iter(keys.items()))

    def sign(path: str, lifetime: int, method: str = "GET") -> str:
        url = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_ministack/{path}"
        region = responses.get_region()
        now = datetime.now(UTC)
        return sign_url(url, key_id, secret, region=region, now=now, lifetime=lifetime, method=method)

    def account_and_region() -> str:
        return f"{responses.get_account_id()}/{responses.get_region()}"

    def code(func_name: str) -> str:
        return sign(f"lambda-code/{account_and_region()}/{func_name}", URL_LIFETIME)

    def layer(layer_name: str, version: int) -> str:
        return sign(f"lambda-layers/{account_and_region()}/{layer_name}/{version}/content", URL_LIFETIME)

    replace("_presigned_code_url", code)
    replace("_layer_content_url", layer)
    custom_resource._response_url = lambda token: sign(f"cfn-response/{token}", CUSTOM_RESOURCE_LIMIT, "PUT")


def install_guard(keys: dict[str, str], descriptor: int) -> None:
    """Let ministack listen on the inherited socket, behind the guard."""
    from lambdify.cli.local.aws.guard import Guard
    from lambdify.cli.packing.wheels.docker_host import DOCKER_DESKTOP

    original = hypercorn.asyncio.serve

    async def serve(app: Any, config: Any) -> None:
        # The daemon has bound the socket, so no other program can take the port first.
        config.bind = [f"fd://{descriptor}"]
        await original(Guard(app, keys, names={DOCKER_DESKTOP.host}), config)

    hypercorn.asyncio.serve = serve


def make_cli_importable() -> None:
    """Make this folder's `lambdify.cli` importable, but nothing that is installed beside it."""
    cli = types.ModuleType("lambdify.cli")
    cli.__path__ = [str(Path(__file__).parents[2])]
    package = types.ModuleType("lambdify")
    package.__path__ = []
    sys.modules.update({"lambdify": package, "lambdify.cli": cli})


if __name__ == "__main__":
    make_cli_importable()
    keys = json.loads(os.environ.pop("LAMBDIFY_KEYS"))
    narrow_alarms()
    call_apis()
    replace("_execute_function_proxy", execute_in_sandbox)
    replace("_emit_lambda_logs", write_no_logs)
    count_throttles_only()
    sign_locations(keys)
    install_guard(keys, int(os.environ["LAMBDIFY_SOCKET"]))
    main()
