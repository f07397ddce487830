"""How long it takes to enqueue a task, against boto3 and against the least that a request takes.

    python benchmarks/tasks.py [--rounds 200] [--local]

A server on the loopback, in a process of its own, takes whatever comes. It is asked in turns: by the least
that a client can do (a body of that size on a connection that stays open, unsigned), by `enqueue`, and by
boto3. With `results = true` there are two requests: the result is written first. With --local the same is
asked of a local cloud, without the floor: it refuses what is unsigned. The first quartile of all rounds
counts, since other work on the machine falls on the rest.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from lambdify.adapter.tasks import task

LIMIT = 5e-3
"""Seconds that an enqueue may take on the loopback."""
REGION = "us-east-1"
WARM = 20
"""Calls that are not counted."""
SERVER = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"here"]
"""
Call = Callable[[], object]


@task
def work(number: int) -> None:
    """Do nothing; it is never run."""


def main() -> None:
    """Print what each takes; end with an error if an enqueue on the loopback takes more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--local", action="store_true", help="also ask a local cloud of its own")
    arguments = parser.parse_args()
    work.func.__module__ = "benchmarks.tasks"  # no worker could import a program's own
    with _served() as url:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        os.environ |= {**keys, "AWS_ENDPOINT_URL": url, "AWS_REGION": REGION}
        found = _race(url, f"{url}/000000000000/tasks", arguments.rounds)
        worst = max(_show("loopback", found))
    if arguments.local:
        with _local_cloud() as (url, queue):
            os.environ["AWS_ENDPOINT_URL"] = url
            _show("local cloud", _race(url, queue, arguments.rounds, floor=False))
    print(f"at most {worst * 1e3:.2f} ms of {LIMIT * 1e3:.0f}")
    raise SystemExit(worst > LIMIT)


def _race(url: str, queue: str, rounds: int, *, floor: bool = True) -> dict[str, dict[str, float]]:
    """Return the seconds of each, without results and with them."""
    session = boto3.Session(region_name=REGION)
    sqs, table = session.client("sqs", endpoint_url=url), session.client("dynamodb", endpoint_url=url)
    message = {"id": "0", "task": "benchmarks.tasks:work", "args": [1], "kwargs": {}}
    item = {name: {"S": json.dumps(message)} for name in ("id", "arguments", "task", "status")}

    def send() -> None:
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))

    def send_with_result() -> None:
        table.put_item(TableName="tasks", Item=item)
        send()

    os.environ["LAMBDIFY_TASKS"] = queue
    found = {}
    for name, requests, boto in (("one request", 1, send), ("with its result", 2, send_with_result)):
        os.environ["LAMBDIFY_TASKS_RESULTS"] = "tasks" if requests == 2 else ""
        calls: dict[str, Call] = {"enqueue": lambda: work.enqueue(1), "boto3": boto}
        found[name] = _time(calls | ({"floor": _floor(url, requests)} if floor else {}), rounds)
    return found


def _time(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM + rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            if number >= WARM:
                took[name].append(time.perf_counter() - begun)
    return {name: statistics.quantiles(each, n=4)[0] for name, each in took.items()}


def _floor(url: str, requests: int) -> Call:
    """Return what sends as many requests of a usual size on one connection, and reads the answers."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    body, headers = b"x" * 200, {"content-type": "application/x-amz-json-1.0"}

    def send() -> None:
        for _ in range(requests):
            connection.request("POST", "/", body, headers)
            connection.getresponse().read()

    return send


def _show(where: str, found: dict[str, dict[str, float]]) -> list[float]:
    for name, each in found.items():
        told = ", ".join(f"{who} {took * 1e3:.2f} ms" for who, took in each.items())
        print(f"{where}, {name}: {told}; {each['enqueue'] / each['boto3']:.2f} of boto3")
    return [each["enqueue"] for each in found.values()]


@contextmanager
def _served() -> Iterator[str]:
    """The address of a server that takes everything, and ends with the block."""
    line = [sys.executable, "-c", SERVER]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()


@contextmanager
def _local_cloud() -> Iterator[tuple[str, str]]:
    """The address of a local cloud of its own, and the URL of a queue in it; there is a table, too."""
    program = shutil.which("lambdify", path=str(Path(sys.executable).parent)) or "lambdify"
    with tempfile.TemporaryDirectory() as home:
        environ = os.environ | {"LAMBDIFY_HOME": f"{home}/cloud"}
        environ.pop("AWS_ENDPOINT_URL", None)
        project = Path(home) / "project"
        project.mkdir()
        (project / "main.py").write_text(APP, encoding="utf-8")

        def run(*words: str) -> str:
            return subprocess.run(
                [program, *words], env=environ, cwd=project, check=True, capture_output=True, text=True
            ).stdout

        run("deploy", "--local", "--yes")  # which opens the cloud
        try:
            lines = [line.removeprefix("export ").partition("=") for line in run("local", "env").splitlines()]
            said: dict[str, Any] = {name: value.strip("'\"") for name, _, value in lines}
            os.environ |= {name: value for name, value in said.items() if name.startswith("AWS_")}
            session = boto3.Session(region_name=REGION)
            url = said["AWS_ENDPOINT_URL"]
            queue = session.client("sqs", endpoint_url=url).create_queue(QueueName="tasks")["QueueUrl"]
            session.client("dynamodb", endpoint_url=url).create_table(
                TableName="tasks",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            )
            yield url, queue
        finally:
            run("local", "stop")


if __name__ == "__main__":
    main()
