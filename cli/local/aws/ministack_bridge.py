"""Starts ministack in its own environment: behind a guard (guard.py), on a socket that the daemon has bound.

Some functions of ministack are replaced:

- Invocations, and how events come to them: the room `events`.
- Metrics of invocations. ministack sees its own ones only, and takes the start of an environment for a part
  of them, so the daemon writes all (metric_writer.py).
- Alarms. ministack ignores the dimensions of an alarm's metric, so errors of any version would raise it, and
  it does not calculate with metrics.
- Schedules. ministack's call no API, but one has to call UpdateAlias to roll an unattended shift back.
- Checks of signed URLs. ministack knows other keys than this cloud's, and the guard has checked them.
- Certificates. ministack issues each at once; here they wait for their records (certificates.py).
- URLs of code, layers and custom resources' responses. They are signed here, as on AWS.
"""

import ast
import json
import operator
import os
import sys
import time
import types
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypercorn.asyncio  # type: ignore[import-not-found]
from ministack.app import main
from ministack.core import responses
from ministack.services import cloudwatch, eventbridge, lambda_svc
from ministack.services.cloudformation import custom_resource, provisioners

URL_LIFETIME = 600
"""Seconds for which a URL of code is valid:
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html"""
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
CUSTOM_RESOURCE_LIMIT = 3600
"""Seconds for which the response URL of a custom resource is valid."""


def narrow_alarms() -> None:
    """Let an alarm see only the metrics with its own dimensions, and calculate with them."""
    original, original_record = cloudwatch._evaluate_alarm, provisioners._cw_metric_alarm_record

    def evaluate(alarm: dict[str, Any]) -> None:
        key, points = find_points(alarm), []
        if "Metrics" not in alarm:
            points = cloudwatch._metrics.get(key, [])
        elif (value := calculate(alarm["Metrics"])) is not None:
            points = [{"Timestamp": time.time(), "Value": value}]
        # ministack's own code runs with a namespace that has one metric; the shared metrics stay as they are.
        namespace = {**vars(cloudwatch), "_metrics": {key: points}}
        types.FunctionType(original.__code__, namespace)(alarm)

    def record(name: str, props: dict[str, Any]) -> Any:
        queries = props.get("Metrics")
        if not queries:
            return original_record(name, props)
        shown = next(each for each in queries if each.get("ReturnData", True))
        plain = {key: value for key, value in props.items() if key != "Metrics"}
        named = {"Namespace": "calculated", "MetricName": shown["Id"]}
        return {**original_record(name, {**plain, **named}), "Metrics": queries}

    cloudwatch._evaluate_alarm, provisioners._cw_metric_alarm_record = evaluate, record


def find_points(metric: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key that ministack has a metric's values under."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    return (metric.get("Namespace"), metric.get("MetricName"), dimensions)


def calculate(queries: list[dict[str, Any]]) -> float | None:
    """Return the value that an alarm with queries looks at; None where there is none, or we cannot calculate.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    known = {each["Id"]: each for each in queries}

    def find(name: str) -> Any:
        query = known[name]
        if "MetricStat" not in query:
            return compute(ast.parse(query["Expression"], mode="eval").body, find)
        stat = query["MetricStat"]
        since = time.time() - stat["Period"]
        points = cloudwatch._metrics.get(find_points(stat["Metric"]), [])
        recent = [point for point in points if point["Timestamp"] >= since]
        return (
            cloudwatch._stat_value(cloudwatch._calc_stats(recent), stat["Stat"], recent) if recent else None
        )

    try:
        value: float | None = find(next(each["Id"] for each in queries if each.get("ReturnData", True)))
    except (TypeError, ValueError, LookupError, ZeroDivisionError, SyntaxError):
        return None
    return value


def compute(node: Any, find: Callable[[str], Any]) -> Any:
    """Return the value of a part of an expression: numbers, ids, + - * / and FILL. Else raises ValueError."""
    match node:
        case ast.Constant(value=int() | float()):
            return node.value
        case ast.Name(id=name):
            return find(name)
        case ast.BinOp(left=left, op=sign, right=right):
            return OPERATORS[type(sign)](compute(left, find), compute(right, find))
        case ast.Call(func=ast.Name(id="FILL"), args=[inner, other]):
            found = compute(inner, find)
            return compute(other, find) if found is None else found
    raise ValueError(ast.unparse(node))


def call_apis() -> None:
    """Let a schedule call UpdateAlias, as EventBridge Scheduler can call any API."""
    original = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
        if not target.get("Arn", "").endswith(":scheduler:::aws-sdk:lambda:updateAlias"):
            return original(target, event, rule, view)
        call = json.loads(target["Input"])
        return lambda_svc._update_alias(call["FunctionName"], call["Name"], call)

    eventbridge._invoke_target = invoke


def bring_events() -> None:
    """Pass invocations to the daemon, and events to functions as on AWS."""
    from lambdify.cli.local.events import (
        asynchronous,
        invocations,
        log_subscriptions,
        queues,
        response_events,
        schedules,
        stacks,
        streams,
    )

    parts = (
        invocations,
        response_events,
        asynchronous,
        log_subscriptions,
        queues,
        streams,
        schedules,
        stacks,
    )
    for part in parts:
        part.install()


def await_records() -> None:
    """Let certificates wait for their records."""
    from lambdify.cli.local.aws import certificates

    certificates.install()


def leave_signatures_to_guard() -> None:
    """Let S3 take signed URLs whose signature and time the guard has checked already."""
    from ministack.services import s3

    from lambdify.cli.local.events.replacement import replace

    def verify(method: Any, path: Any, headers: Any, query_params: Any) -> None:
        """Return no error."""

    replace(s3, "_verify_presigned_sigv4", verify)


def sign_locations(keys: dict[str, str]) -> None:
    """Sign the URLs that ministack returns, so that only their recipients can use them."""
    from lambdify.cli.local.aws.signatures import sign_url
    from lambdify.cli.local.events.replacement import replace

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

    replace(lambda_svc, "_presigned_code_url", code)
    replace(lambda_svc, "_layer_content_url", layer)
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
    bring_events()
    await_records()
    sign_locations(keys)
    leave_signatures_to_guard()
    install_guard(keys, int(os.environ["LAMBDIFY_SOCKET"]))
    main()
