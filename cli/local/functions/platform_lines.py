"""The log lines that Lambda itself writes around an event, in the function's format: text or JSON. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

import json
import math
import time
from dataclasses import dataclass
from typing import Any

from lambdify.cli.local.functions.function import Function


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The time and memory that one event took."""

    duration: float
    """Seconds."""
    init: float
    """Seconds; 0 if the environment existed already."""
    memory: int
    """Peak in MB; 0 if it is not known."""
    error_type: str
    """"" for success, and for an error that the function itself reports."""

    @property
    def billed(self) -> int:
        """Milliseconds, with the init phase, which AWS bills since August 2025:
        https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
        """
        return math.ceil((self.duration + self.init) * 1000)

    @property
    def status(self) -> str:
        """The status in the report."""
        if not self.error_type:
            return "success"
        return "timeout" if self.error_type == "Sandbox.Timedout" else "error"


def init_start(function: Function, now: float) -> list[str]:
    """Return the lines for the start of the process. `now` is in seconds since 1970, here and below.

    An image has no runtime version, so its text log has no line.
    https://docs.aws.amazon.com/lambda/latest/dg/runtime-management-identify.html
    """
    runtime = f"python:{function.python}"
    if not _is_json(function):
        return [] if function.image else [f"INIT_START Runtime Version: {runtime}"]
    record = {"initializationType": "on-demand", "phase": "init"}
    return [_record("initStart", record | ({} if function.image else {"runtimeVersion": runtime}), now)]


def start(function: Function, request_id: str, now: float) -> str:
    """Return the line for the start of an event."""
    if not _is_json(function):
        return f"START RequestId: {request_id} Version: {function.version}"
    return _record("start", {"requestId": request_id, "version": function.version}, now)


def end(function: Function, request_id: str, usage: Usage, now: float) -> list[str]:
    """Return the lines for the end of an event, with its usage."""
    return (_end_json if _is_json(function) else _end_text)(function, request_id, usage, now)


def _end_text(function: Function, request_id: str, usage: Usage, _: float) -> list[str]:
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration * 1000:.2f} ms",
        f"Billed Duration: {usage.billed} ms",
        f"Memory Size: {function.memory} MB",
    ]
    if usage.memory:
        fields.append(f"Max Memory Used: {usage.memory} MB")
    if usage.init:
        fields.append(f"Init Duration: {usage.init * 1000:.2f} ms")
    if usage.status == "timeout":
        fields.append("Status: timeout")
    elif usage.status == "error":
        fields.append(f"Status: error\tError Type: {usage.error_type}")
    return [f"END RequestId: {request_id}", "\t".join(fields) + "\t"]


def _end_json(function: Function, request_id: str, usage: Usage, now: float) -> list[str]:
    metrics: dict[str, Any] = {
        "durationMs": round(usage.duration * 1000, 3),
        "billedDurationMs": usage.billed,
        "memorySizeMB": function.memory,
    }
    if usage.memory:
        metrics["maxMemoryUsedMB"] = usage.memory
    if usage.init:
        metrics["initDurationMs"] = round(usage.init * 1000, 3)
    report = {"requestId": request_id, "metrics": metrics, "status": usage.status}
    if usage.status == "error":
        report["errorType"] = usage.error_type
    done = {"requestId": request_id, "status": usage.status}
    return [_record("runtimeDone", done, now), _record("report", report, now)]


def _is_json(function: Function) -> bool:
    return function.log_format == "JSON"


def write_time(now: float) -> str:
    """Return a time, given in seconds since 1970, in ISO 8601 with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


def _record(kind: str, record: dict[str, Any], now: float) -> str:
    return json.dumps(
        {"time": write_time(now), "type": f"platform.{kind}", "record": record}, separators=(",", ":")
    )
