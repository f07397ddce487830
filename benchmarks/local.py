"""How many requests a second the local endpoint takes, beside other servers of the same app; into README.md.

    python benchmarks/local.py [--rounds 5] [--seconds 3] [--clients 1 8 16] [--lambdify PROGRAM]

wrk asks (Debian and Ubuntu: apt-get install wrk; macOS: brew install wrk). A Flask app that says hello is
deployed with `lambdify deploy --local` to a cloud of its own, and served by werkzeug's own server and by
gunicorn from an environment in benchmarks/.venv. They are asked in turns. The median of all rounds counts,
and the median of their ratios: so what else the machine does falls on all of them.
"""

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

HERE = Path(__file__).parent
README = HERE / "README.md"
BEGIN, END = "<!-- local: begin -->", "<!-- local: end -->"
ENVIRONMENT = HERE / ".venv" / "local-{}.{}".format(*sys.version_info)
PACKAGES = ("flask", "gunicorn")
THREADS = 8
OURS, REFERENCE = "lambdify deploy --local", "werkzeug"
WARM = 1.0
"""Seconds of asking that are not counted."""
APP = """\
from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    return "Hello, World!"
"""
WERKZEUG = (
    "import logging\n"
    "from werkzeug.serving import run_simple\n"
    "from app import app\n"
    'logging.getLogger("werkzeug").setLevel(logging.ERROR)\n'
    'run_simple("127.0.0.1", {port}, app, threaded=True)\n'
)


class Took(NamedTuple):
    """What wrk says of one run."""

    rate: float
    """Requests a second."""
    late: float
    """Milliseconds within which 99 % are answered."""
    failed: int
    """Answers that are no 200, and connections that broke."""


def main() -> None:
    """Measure everything, print it, and write it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--lambdify", default=shutil.which("lambdify", path=str(Path(sys.executable).parent)))
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("There is no wrk: `apt-get install wrk` on Debian and Ubuntu, `brew install wrk` on macOS.")
    if not arguments.lambdify:
        sys.exit("There is no lambdify beside this Python: --lambdify says which one to measure.")
    python = _prepare()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        app = _write_app(folder)
        servers = {
            OURS: stack.enter_context(_deploy(arguments.lambdify, app, folder)),
            REFERENCE: stack.enter_context(_serve_werkzeug(python, app)),
            f"gunicorn, {THREADS} threads": stack.enter_context(_serve_gunicorn(python, app)),
        }
        took = _race(servers, arguments.clients, arguments.rounds, arguments.seconds)
    text = "\n\n".join([_write_versions(python), _write_table(took, arguments.clients)])
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(text)


def _prepare() -> Path:
    """The Python of an environment with the servers of others."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "complete").exists():
        _say("installing the servers of others")
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        line = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(line, check=True)
        (ENVIRONMENT / "complete").touch()
    return python


def _write_app(folder: Path) -> Path:
    app = folder / "hello"
    app.mkdir()
    (app / "app.py").write_text(APP, encoding="utf-8")
    (app / "requirements.txt").write_text("flask\n", encoding="utf-8")
    return app


@contextmanager
def _deploy(program: str, app: Path, folder: Path) -> Iterator[str]:
    """The address of the app in a cloud of its own, which ends with the block."""
    environ = os.environ | {"LAMBDIFY_HOME": str(folder / "cloud")}
    _say("lambdify deploy --local")
    line = [program, "deploy", "--local", "--yes"]
    try:
        done = subprocess.run(line, cwd=app, env=environ, check=True, stdout=subprocess.PIPE, text=True)
        yield done.stdout.strip()
    finally:
        subprocess.run([program, "local", "stop"], cwd=app, env=environ, check=False)


@contextmanager
def _serve_werkzeug(python: Path, app: Path) -> Iterator[str]:
    port = _find_free_port()
    with _run([python, "-c", WERKZEUG.format(port=port)], app, port) as url:
        yield url


@contextmanager
def _serve_gunicorn(python: Path, app: Path) -> Iterator[str]:
    port = _find_free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", str(THREADS)]
    with _run([python, "-m", "gunicorn", *options, "app:app"], app, port) as url:
        yield url


@contextmanager
def _run(line: Sequence[str | Path], folder: Path, port: int) -> Iterator[str]:
    """The address of a server, when it answers."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 20
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > give_up:
                sys.exit(f"{' '.join(map(str, line))} does not answer.")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.read() == b"Hello, World!")
    except URLError:
        return False


def _race(
    servers: Mapping[str, str], clients: Sequence[int], rounds: int, seconds: float
) -> dict[str, dict[int, list[Took]]]:
    """Server → clients → what it took in each round."""
    took: dict[str, dict[int, list[Took]]] = {name: {count: [] for count in clients} for name in servers}
    for count in clients:
        for url in servers.values():
            _ask(url, count, WARM)
        for number in range(rounds):
            for name, url in servers.items():
                took[name][count].append(_ask(url, count, seconds))
                _say(
                    f"round {number + 1}, {count} clients, {name}: {took[name][count][-1].rate:,.0f} a second"
                )
    return took


def _ask(url: str, clients: int, seconds: float) -> Took:
    line = ["wrk", "-t1", f"-c{clients}", f"-d{seconds * 1000:.0f}ms", "--latency", f"{url}/"]
    if seconds >= 1:  # wrk counts in whole seconds
        line[3] = f"-d{seconds:.0f}s"
    said = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate, late = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if not rate or not late:
        sys.exit(f"wrk says what nobody understands:\n{said}")
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    failed = sum(map(int, broken.groups())) if broken else 0
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[late[2]]
    return Took(float(rate[1]), float(late[1]) * unit, failed + (int(refused[1]) if refused else 0))


def _write_versions(python: Path) -> str:
    names = (*PACKAGES, "werkzeug")
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    versions = subprocess.check_output([python, "-c", code, *names], text=True).split()
    found = [f"{name} {version}" for name, version in zip(names, versions, strict=True)]
    load = os.getloadavg()[0]
    return (
        f"Ran on CPython {'.'.join(map(str, sys.version_info[:3]))}, {os.cpu_count()} cores, "
        f"{', '.join(found)}; {load:.1f} processes wanted a core when it ended."
    )


def _write_table(took: Mapping[str, Mapping[int, Sequence[Took]]], clients: Sequence[int]) -> str:
    head = ["", *(f"{count} client{'s' if count > 1 else ''}, requests/s" for count in clients)]
    head += [f"99 %, {count}" for count in clients]
    head += [f"of {REFERENCE}, {count}" for count in clients]
    head.append("failed")
    rows = []
    for name, counts in took.items():
        cells = [f"{statistics.median(one.rate for one in counts[count]):,.0f}" for count in clients]
        cells += [f"{statistics.median(one.late for one in counts[count]):.1f} ms" for count in clients]
        cells += [f"{_compare(counts[count], took[REFERENCE][count]):.2f}" for count in clients]
        rows.append([name, *cells, str(sum(one.failed for each in counts.values() for one in each))])
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _compare(ours: Sequence[Took], others: Sequence[Took]) -> float:
    return statistics.median(one.rate / other.rate for one, other in zip(ours, others, strict=True))


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _say(what: str) -> None:
    """Tell what goes on, apart from the result."""
    print(f"* {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
