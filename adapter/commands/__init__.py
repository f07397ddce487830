"""What Lambda calls in a stage's Lambda for commands: `lambdify.adapter.commands.handler`.

    {"words": ["python", "manage.py", "migrate"], ...}

The words run in the project's folder, with the function's code, variables, secrets, role and network.

    "environment": {}       variables for this run
    "stdin": base64         or "stdin_url": what the command reads
    "typed_url": "..."      an object that grows: signals, and with "typed": true what is typed (typed.py)
    "log": false            no output in the function's log
    "detached": true        nobody listens: the result says how it ended

Rules
1. Only this handler runs commands, and no endpoint, schedule, queue or permission leads to its Lambda: who
   may run commands is who may invoke it. The app's handler imports nothing of this room.
2. It imports nothing of the app: a command must run where the app does not start.
3. The command ends before Lambda would end it, and the caller is told (process.py).
"""

import json
import os
import shlex
import sys
import threading
import time
from functools import cache
from typing import Any

from lambdify.adapter.commands import process, program, stdin
from lambdify.adapter.commands.caller import Caller, Log
from lambdify.adapter.commands.frames import END, NOTHING, STDERR
from lambdify.adapter.commands.process import End, Running, Write


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Run the event's command. Return how it ended if it is detached, else None: then it is answered.

    Raises SecretMissing, and OSError if stdin cannot be read.
    """
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    bundle = _prepare()
    given = stdin.open_stdin(event)
    log = Log() if event.get("log", True) else None
    if event.get("detached"):
        return _run(event, bundle, given, log, _send_nothing, until)._asdict()
    from lambdify.adapter.streaming import answered

    caller = Caller(os.environ["AWS_LAMBDA_RUNTIME_API"], context.aws_request_id)
    try:
        end = _run(event, bundle, given, log, caller.send, until)
    except BaseException:
        caller.abandon()
        raise
    if caller.is_cut:
        end = end._replace(reason=end.reason or "output")
    caller.send(END, json.dumps(end._asdict()).encode())
    answered.add(context.aws_request_id)
    caller.close()
    return None


def _send_nothing(_: int, __: bytes) -> None:
    """Nobody listens to a command that is detached."""


def _run(
    event: dict[str, Any], bundle: dict[str, Any], given: Any, log: Log | None, send: Write, until: float
) -> End:
    """Run the command, and return how it ended; its output goes to `send` and to the log."""

    def write(kind: int, data: bytes) -> None:
        if log and kind != NOTHING:
            log.write(kind, data)
        send(kind, data)

    seconds = until - time.monotonic()
    asked_to_end = time.time() + seconds - process.give_notice(seconds).grace
    environ = program.write_environ(event.get("environment", {}), bundle, asked_to_end)
    words = program.find(event["words"])
    try:
        running = Running(words, root=os.environ["LAMBDA_TASK_ROOT"], environ=environ, stdin=given)
    except OSError as error:
        write(STDERR, f"{event['words'][0]}: {error.strerror}\n".encode())
        missing = isinstance(error, FileNotFoundError)
        end = End(process.NOT_FOUND if missing else process.CANNOT_RUN)
    else:
        _follow(event, running, write)
        end = process.run(running, write, seconds=until - time.monotonic())
    if log:
        log.close()
        print(f"{shlex.join(event['words'])} ended with {end.code}", flush=True)
    return end


def _follow(event: dict[str, Any], running: Running, write: Write) -> None:
    """Pass on what the caller types, and signals, where there is somebody who may."""
    if "typed_url" not in event:
        return
    from lambdify.adapter.commands import typed

    is_typed = bool(event.get("typed"))
    how = {"stdin": running.process.stdin, "pause": typed.PAUSE if is_typed else typed.PAUSE_FOR_SIGNALS}
    arguments = event["typed_url"], running, write
    threading.Thread(target=typed.follow, args=arguments, kwargs=how, name="typed", daemon=True).start()


@cache
def _prepare() -> dict[str, Any]:
    """Do once what an app's Lambda does before it loads the app, and return the bundle's note."""
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    from lambdify.adapter.streaming import answered

    root = os.environ["LAMBDA_TASK_ROOT"]
    if os.environ.get("TZ") == ":UTC":
        os.environ["TZ"] = "UTC"  # as for the app (entry.py)
    with open(os.path.join(root, ".lambdify", "bundle.json"), encoding="utf-8") as file:
        bundle: dict[str, Any] = json.load(file)
    if "secrets" in bundle:
        from lambdify.adapter.aws import secrets

        secrets.load(bundle["secrets"])
    if "path" in bundle:
        sys.path.insert(0, os.path.join(root, bundle["path"]))
    answered.leave_out(LambdaRuntimeClient)
    process.adopt_orphans()
    return bundle
