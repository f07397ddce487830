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

from lambdify.cli import aws
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.releases.rollback import rollback
from lambdify.cli.undeploy import undeploy


def main() -> None:
    accounts = {}
    for line in sys.stdin:
        command, settings, bundle, number, url, credentials = pickle.loads(base64.b64decode(line))
        if url not in accounts:
            accounts[url] = aws.connect(settings, endpoint_url=url, credentials=credentials)
            # What is loaded before the fork need not be loaded in each.
            for service in ("cloudformation", "s3", "lambda"):
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
        "deploy": partial(deploy, settings, lambda: bundle),
        "rollback": partial(rollback, settings, number=number),
        "undeploy": partial(undeploy, settings),
    }
    commands[command](account, console, yes=True, sleep=lambda _: time.sleep(0.01))
    os._exit(0)


if __name__ == "__main__":
    main()
