"""Writes Lambda's own metrics for requests to the endpoints; ministack counts its own invocations only.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#invocation-metrics
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from lambdify.cli.aws import Account, translated
from lambdify.cli.errors import LambdifyError

WRITE_INTERVAL = 1.0
"""Seconds between two writes."""
_log = logging.getLogger(__name__)


class Metric(NamedTuple):
    """A metric with its dimensions."""

    region: str
    function: str
    alias: str
    version: str
    name: str
    """Invocations or Errors."""


class MetricWriter:
    """A thread that writes the counts of `put`."""

    def __init__(self, connect: Callable[[str], Account]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._counts: Counter[Metric] = Counter()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metric writer", daemon=True)
        self._thread.start()

    def put(self, region: str, function: str, alias: str, version: str, *, failed: bool) -> None:
        """Count an invocation of a version through an alias; return at once."""
        with self._lock:
            self._counts[Metric(region, function, alias, version, "Invocations")] += 1
            self._counts[Metric(region, function, alias, version, "Errors")] += failed

    def close(self) -> None:
        """Write the remaining counts, then end the thread."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(WRITE_INTERVAL):
            self._write_all()
        self._write_all()

    def _write_all(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for metric, count in counts.items():
            try:
                self._write(metric, count)
            except LambdifyError as error:
                _log.warning("metrics lost: %s", error.message)

    @translated(during="writing metrics")
    def _write(self, metric: Metric, count: int) -> None:
        alias = {"Resource": f"{metric.function}:{metric.alias}", "ExecutedVersion": metric.version}
        name = {"FunctionName": metric.function}
        self._connect(metric.region).client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    "Value": float(count),
                    "Unit": "Count",
                }
                for dimensions in (name, name | alias)
            ],
        )
