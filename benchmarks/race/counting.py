"""Instructions per event: `python -m race.counting KIND` prints JSON, thousands by row and contestant.

Each contestant runs in a process of its own under valgrind's callgrind, which begins a new count whenever a
C function that nothing else calls is entered: `os.getloadavg()` is the mark. The difference between few and
many events is what an event takes, whatever the process did to get there. Counts repeat where times do not.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from race import apps, contestants, events

MARK = "getloadavg"


def measure(kind: str) -> dict[str, dict[str, float]]:
    """Row → contestant → thousands of instructions per event."""
    results: dict[str, dict[str, float]] = {row.name: {} for row in events.ROWS}
    for name in (contestants.BARE, *contestants.list_names(kind)):
        for row, thousands in count(kind, name).items():
            results[row][name] = thousands
    return results


def count(kind: str, name: str) -> dict[str, float]:
    """Row → thousands of instructions per event, of one contestant."""
    rows = [row for row in events.ROWS if contestants.takes_part(name, row)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "count")
        line = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--dump-before={MARK}"]
        line += [sys.executable, "-m", "race.counting", kind, "--perform", name]
        environ = os.environ | {"PYTHONHASHSEED": "0"}
        subprocess.run(line, check=True, stderr=subprocess.DEVNULL, env=environ)
        # The first count is of everything before the first mark; then each row has three.
        totals = [_read_total(Path(f"{out}.{number}")) for number in range(2, 2 + 3 * len(rows))]
    counts = {}
    for position, row in enumerate(rows):
        _, few, many = totals[3 * position : 3 * position + 3]
        counts[row.name] = (many - few) / (_many(row) - _few(row)) / 1000
    return counts


def perform(kind: str, name: str) -> None:
    """Run one contestant between marks: warm, few, many for each row. This is what valgrind watches."""
    app = apps.MAKERS[kind]()
    handler = contestants.make_handler(name, kind, app) if name != contestants.BARE else None
    for row in events.ROWS:
        if contestants.takes_part(name, row):
            run = (
                contestants.make_run(handler, row.event)
                if handler
                else contestants.make_bare(kind, app, row.call)
            )
            for times in (_few(row), _few(row), _many(row)):
                os.getloadavg()
                run(times)
    os.getloadavg()


def _few(row: events.Row) -> int:
    return 1 if "1 MB" in row.name else 200  # so many that a round of garbage collection more is nothing


def _many(row: events.Row) -> int:
    return 3 * _few(row)


def _read_total(dump: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{dump} holds no count")
    return int(found[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=apps.MAKERS)
    parser.add_argument("--perform")
    arguments = parser.parse_args()
    if arguments.perform:
        perform(arguments.kind, arguments.perform)
    else:
        print(json.dumps(measure(arguments.kind)))
