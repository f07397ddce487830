"""Writes Lambda's own metrics for every invocation, however it came; ministack writes those of throttling.

A duration is the function's own, as in its log: the start of its environment is no part of it.

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
MOST_VALUES = 150
"""Different values in one write: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""
UNITS = {"Duration": "Milliseconds"}
"""Units of metrics that do not count."""
_log = logging.getLogger(__name__)


class Source(NamedTuple):
    """The version that ran, and by which alias it was called."""

    region: str
    function: str
    alias: str
    """"" for an invocation of the version itself."""
    version: str


Values = dict[str, Counter[float]]
"""How often each value was measured, by metric: Invocations, Errors and Duration."""


class MetricWriter:
    """A thread that writes the counts of `put`."""

    def __init__(self, connect: Callable[[str], Account]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._values: dict[Source, Values] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metric writer", daemon=True)
        self._thread.start()

    def put(
        self, region: str, function: str, alias: str, version: str, *, failed: bool, seconds: float
    ) -> None:
        """Count an invocation of a version, through an alias if it has a name; return at once."""
        measured = {"Invocations": 1.0, "Errors": float(failed), "Duration": round(seconds * 1000, 2)}
        with self._lock:
            values = self._values.setdefault(Source(region, function, alias, version), {})
            for name, value in measured.items():
                values.setdefault(name, Counter())[value] += 1

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
            measured, self._values = self._values, {}
        for source, values in measured.items():
            try:
                self._write(source, values)
            except LambdifyError as error:
                _log.warning("metrics lost: %s", error.message)

    @translated(during="writing metrics")
    def _write(self, source: Source, values: Values) -> None:
        """Write all metrics in one request, so that nobody reads a count without its durations."""
        name = {"FunctionName": source.function}
        resource = {**name, "Resource": f"{source.function}:{source.alias or source.version}"}
        executed = ({**resource, "ExecutedVersion": source.version},) if source.alias else ()
        self._connect(source.region).client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    "Values": [value for value, _ in part],
                    "Counts": [float(count) for _, count in part],
                    "Unit": UNITS.get(metric, "Count"),
                }
                for metric, counts in values.items()
                for dimensions in (name, resource, *executed)
                for part in _split([*counts.items()])
            ],
        )


def _split(pairs: list[tuple[float, int]]) -> list[list[tuple[float, int]]]:
    """Return the pairs in parts of the size that one write may have."""
    return [pairs[start : start + MOST_VALUES] for start in range(0, len(pairs), MOST_VALUES)]
