"""How long `lambdify --help` and `--version` take, against a Python that does nothing.

    python benchmarks/command_line.py [path of lambdify] [--runs 40]

Measures processes from an installed wheel (an editable install pays for its import hook). The runs are
interleaved, so that what else the machine does falls on all of them, and the fastest run of each counts: what
the others took longer is what the machine did beside them.
"""

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

LIMIT = 6.0
"""How many times a bare Python a help page may take."""


def measure(lambdify: Path, runs: int) -> dict[str, float]:
    """Seconds that each process takes at best."""
    python = str(lambdify.with_name("python"))
    lines = {
        "python -c pass": [python, "-c", "pass"],
        "import click": [python, "-c", "import click"],
        "lambdify --help": [str(lambdify), "--help"],
        "lambdify --version": [str(lambdify), "--version"],
        "lambdify deploy --help": [str(lambdify), "deploy", "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in lines}
    # Installers leave bytecode, or the first run does; a setting of this shell must not keep it from that.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for run in range(runs + 1):
        for name, line in lines.items():
            started = time.perf_counter()
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL, env=environ)
            if run:  # the first round writes bytecode and fills the page cache
                seconds[name].append(time.perf_counter() - started)
    return {name: min(taken) for name, taken in seconds.items()}


def main() -> None:
    """Print the times and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "lambdify", nargs="?", type=Path, default=Path(shutil.which("lambdify") or "lambdify")
    )
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    fastest = measure(arguments.lambdify, arguments.runs)
    bare = fastest["python -c pass"]
    if arguments.json:
        print(json.dumps({name: taken / bare for name, taken in fastest.items()}))
        return
    for name, taken in fastest.items():
        print(f"{name:<24} {taken * 1000:6.1f} ms  {taken / bare:5.2f} x")


if __name__ == "__main__":
    main()
