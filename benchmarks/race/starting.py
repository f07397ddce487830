"""What a cold start pays for the adapter: `python -m race.starting [--rounds N]` prints JSON.

Each measurement is a process of its own that first imports what is there anyway, Lambda's runtime client and
the app's framework, and then the adapter: CPU milliseconds, and how many modules came with it. All from
bytecode that is not checked against dates, as lambdify packs it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

FRAMEWORKS = {
    "Flask": "import flask",
    "Django": "import django.core.wsgi, django.core.handlers.wsgi",
    "FastAPI": "import fastapi",
}
WSGI = {
    "lambdify": "from lambdify.adapter import Adapter, loading, wsgi",
    "apig-wsgi": "import apig_wsgi",
    "serverless-wsgi": "import serverless_wsgi",
    "zappa": "import zappa.handler",
}
ASGI = {
    "lambdify": "from lambdify.adapter import Adapter, asgi, loading",
    "mangum": "import mangum",
    "zappa": "import zappa.handler",
}
MEASURE = """
import awslambdaric.bootstrap
{framework}
import sys, time
before = set(sys.modules)
started = time.process_time_ns()
{adapter}
taken = time.process_time_ns() - started
new = set(sys.modules) - before
print(taken / 1e6, len(new), "asyncio" in new)
"""


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Framework → adapter → {"ms": median CPU milliseconds, "modules": how many}."""
    taken: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for _ in range(rounds):
        for framework in FRAMEWORKS:
            for adapter, code in (ASGI if framework == "FastAPI" else WSGI).items():
                taken.setdefault((framework, adapter), []).append(_import(FRAMEWORKS[framework], code))
    results: dict[str, dict[str, dict[str, float]]] = {framework: {} for framework in FRAMEWORKS}
    for (framework, adapter), samples in taken.items():
        milliseconds = statistics.median(sample[0] for sample in samples)
        results[framework][adapter] = {"ms": milliseconds, "modules": samples[0][1]}
    return results


def _import(framework: str, adapter: str) -> tuple[float, int]:
    script = MEASURE.format(framework=framework, adapter=adapter)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environ
    )
    milliseconds, modules, asyncio = done.stdout.split()
    if asyncio == "True" and "FastAPI" not in framework and "lambdify" in adapter:
        raise ValueError("a WSGI app made the adapter import asyncio")
    return float(milliseconds), int(modules)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    print(json.dumps(measure(parser.parse_args().rounds)))
