"""Run by ministack's own Python, in ministack's environment: starts it with four of its functions replaced.

ministack can hand an invocation to an HTTP endpoint (MINISTACK_LAMBDA_PROXY_URL), but takes an error of the
function for an error of the endpoint, and writes log lines of its own beside those that our sandbox writes.
Here the endpoint's answer says what Lambda's Invoke says, in the same headers:
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseSyntax

It takes every metric of a name for the one that an alarm is on: an error of any version would ring for one.
And its schedules call no API, where one has to take back a shift that nobody leads.
"""

import base64
import inspect
import json
import sys
import time
import types
import urllib.error
import urllib.request
from typing import Any

from ministack.app import main
from ministack.services import cloudwatch, eventbridge, lambda_svc

COLD_START = 20
"""Seconds on top of the function's timeout: our sandbox is the one who tells a timeout."""
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Past any proxy that the developer's environment names."""


def execute_in_sandbox(func: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    """Hand one invocation to lambdify's daemon; the result in ministack's own terms."""
    config = func.get("config") or func
    timeout = int(config.get("Timeout") or 3)
    request = urllib.request.Request(  # noqa: S310 - the URL is our own
        url,
        data=json.dumps(event, ensure_ascii=False).encode(),
        headers={
            "Content-Type": "application/json",
            "X-Amzn-Lambda-Function-Name": config["FunctionName"],
            "X-Amzn-Lambda-Function-Version": config.get("Version", "$LATEST"),
            "X-Amzn-Lambda-Function-Arn": config["FunctionArn"],
            "X-Amzn-Lambda-Request-Id": request_id,
            "X-Amzn-Lambda-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
        },
    )
    try:
        with LOOPBACK.open(request, timeout=2 * timeout + COLD_START) as response:
            return read_result(response.headers, response.read())
    except urllib.error.HTTPError as error:
        return read_refusal(error.code, error.read())
    except OSError as error:
        return {"body": {"errorType": "Sandbox.Failure", "errorMessage": str(error)}, "error": True}


def read_result(headers: Any, body: bytes) -> dict[str, Any]:
    """What the function returned or raised, and the end of its log."""
    log = base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    result = {"body": json.loads(body), "log": log}
    if kind := headers.get("X-Amz-Function-Error"):
        return {**result, "error": True, "function_error": kind}
    return result


def read_refusal(status: int, body: bytes) -> dict[str, Any]:
    """Why the invocation never reached the function: too many at once, or no sandbox to be had."""
    if status == 429:
        throttle: dict[str, Any] = lambda_svc._throttle_response(
            reason_code="ConcurrentInvocationLimitExceeded", msg="Rate Exceeded."
        )
        return throttle
    return {"body": json.loads(body), "error": True}


def write_no_logs(
    func: dict[str, Any],
    request_id: str,
    log_text: str,
    error: bool,
    duration_ms: int,
    *,
    log_source: str | None = None,
) -> None:
    """The sandbox has written the log, with what the function printed in its place."""


def replace(name: str, replacement: Any) -> None:
    """Put the replacement where ministack looks its function up; refuse if it is not what we know."""
    original = getattr(lambda_svc, name)
    wanted = list(inspect.signature(replacement).parameters)
    found = list(inspect.signature(original).parameters)
    if found != wanted:
        sys.exit(
            f"ministack's {name} takes {found}, not {wanted}: this is not the version we were written for."
        )
    setattr(lambda_svc, name, replacement)


def narrow_alarms() -> None:
    """Have an alarm look at the metric with its own dimensions only."""
    original = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        key = (alarm.get("Namespace"), alarm.get("MetricName"), dimensions)
        # ministack's own code, that sees one metric: what the others share is left alone.
        sees = {**vars(cloudwatch), "_metrics": {key: cloudwatch._metrics.get(key, [])}}
        types.FunctionType(original.__code__, sees)(alarm)

    cloudwatch._evaluate_alarm = evaluate


def call_apis() -> None:
    """Have a schedule call UpdateAlias, as EventBridge Scheduler calls any API."""
    original = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
        if not target.get("Arn", "").endswith(":scheduler:::aws-sdk:lambda:updateAlias"):
            return original(target, event, rule, view)
        call = json.loads(target["Input"])
        return lambda_svc._update_alias(call["FunctionName"], call["Name"], call)

    eventbridge._invoke_target = invoke


if __name__ == "__main__":
    narrow_alarms()
    call_apis()
    replace("_execute_function_proxy", execute_in_sandbox)
    replace("_emit_lambda_logs", write_no_logs)
    main()
