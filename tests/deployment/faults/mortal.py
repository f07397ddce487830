"""A process that runs commands and may be killed: it forks one for each command that it is told of.

On stdin a line for each: base64 of the pickled (command, settings, bundle, number of a release, endpoint URL,
credentials); then, when whoever told it is ready, another. On stdout the process id of the
fork, and then the status it ended with.
"""

import base64
import io
import os
import pickle
import sys
import time
from functools import partial

# This is a program: what it is beside is where it looks first.
import stages

from lambdify.cli import aws
from lambdify.cli.console import Console
from lambdify.cli.packing.wheels import docker

LOADED = docker
"""What is loaded before the fork need not be loaded in each."""
SERVICES = ("cloudformation", "s3", "lambda", "ecr")


def main() -> None:
    accounts = {}
    for line in sys.stdin:
        command, settings, bundle, number, url, credentials = pickle.loads(base64.b64decode(line))
        if url not in accounts:
            accounts[url] = aws.connect(settings, endpoint_url=url, credentials=credentials)
            for service in SERVICES:
                accounts[url].client(service)
        begin, told = os.pipe()
        child = os.fork()
        if not child:
            os.read(begin, 1)
            run(command, settings, bundle, number, accounts[url])
        print(child, flush=True)
        sys.stdin.readline()
        os.write(told, b"1")
        _, status = os.waitpid(child, 0)
        os.close(begin)
        os.close(told)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(command, settings, bundle, number, account):
    console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ={})
    commands = {
        "deploy": partial(stages.ship, settings, bundle),
        "rollback": partial(stages.give_back, settings, number=number),
        "undeploy": partial(stages.remove, settings),
    }
    commands[command](account, console, yes=True, sleep=lambda _: time.sleep(0.01))
    os._exit(0)


if __name__ == "__main__":
    main()
