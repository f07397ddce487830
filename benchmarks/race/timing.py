"""CPU time per event: `python -m race.timing KIND` prints JSON, microseconds by row and contestant.

All contestants of a row take turns of a few milliseconds each, so that what else the machine does falls on
all of them. CPU time and medians do the rest.
"""

import argparse
import gc
import json
import statistics
import time

from race import apps, contestants, events

TURN = 3_000_000
"""Nanoseconds of a turn, at least one event."""


def measure(kind: str, rounds: int) -> dict[str, dict[str, float]]:
    """Row → contestant → microseconds per event."""
    app = apps.MAKERS[kind]()
    handlers = {name: contestants.make_handler(name, kind, app) for name in contestants.list_names(kind)}
    results: dict[str, dict[str, float]] = {}
    for row in events.ROWS:
        runs = {contestants.BARE: contestants.make_bare(kind, app, row.call)}
        for name, handler in handlers.items():
            if contestants.takes_part(name, row):
                contestants.check(handler, row)
                runs[name] = contestants.make_run(handler, row.event)
        results[row.name] = race(runs, rounds)
    return results


def race(runs: dict[str, contestants.Run], rounds: int) -> dict[str, float]:
    """Contestant → median microseconds per event, taking turns."""
    times = {name: max(1, round(TURN / _take(run, 3))) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(_take(run, times[name]) / 1000)
    return {name: statistics.median(values) for name, values in taken.items()}


def _take(run: contestants.Run, times: int) -> float:
    """Nanoseconds of CPU per event."""
    started = time.process_time_ns()
    run(times)
    return max(1, time.process_time_ns() - started) / times


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=apps.MAKERS)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.kind, arguments.rounds)))
