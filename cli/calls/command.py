"""A command in the Lambda for commands: it is sent once, and its output comes while it runs.

    Command ──InvokeWithResponseStream──▶ frames ──▶ show(stdout or stderr, data) … ──▶ End

The right to invoke the Lambda is all that this needs: no endpoint, and no right on logs.
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html

Rules
1. A command is never sent twice: a broken connection is an error, and says that the command may go on.
2. What is not known is not guessed: without the frame that says how it ended, there is no exit code.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from lambdify.adapter.commands import frames
from lambdify.cli.aws import translated
from lambdify.cli.calls import invocation
from lambdify.cli.errors import AwsError, CommandNotRun
from lambdify.cli.stacks import stack
from lambdify.cli.stage import Stage
from lambdify.cli.template import commands

Show = Callable[[bytes, bool], None]
"""Takes what came, and whether it was written to stderr."""
NOT_FINISHED = 75
"""The exit code of a command that asks to be run again: EX_TEMPFAIL of sysexits.h."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, as the handler takes it (adapter/commands)."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for this run, which no log has."""
    log: bool = True
    """Whether its output goes to the function's log, too."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What it reads, and where signals come from (command_input.py)."""

    def __str__(self) -> str:
        return shlex.join(self.words)

    @property
    def event(self) -> dict[str, Any]:
        """What the handler gets."""
        return {
            "words": list(self.words),
            "environment": dict(self.environment),
            "log": self.log,
            **self.given,
        }


class End(NamedTuple):
    """How a command ended."""

    code: int
    reason: str
    """"time" if it had to end, "output" if not all of its output could come here, else ""."""


def find_lambda(stage: Stage) -> str:
    """Return the name of the stage's Lambda for commands. Raises NotDeployed, and CommandNotRun for none."""
    if "AliasCommands" not in stack.fetch(stage).outputs:
        raise CommandNotRun(
            f"{stage.name} has no Lambda for commands.",
            hint="Write timeout = 900 below [commands] in lambdify.toml, "
            f"then type `{stage.command('deploy')}`.",
        )
    return commands.function_name(stage.settings)


def run(
    command: Command,
    function: str,
    stage: Stage,
    show: Show,
    *,
    version: str = commands.ALIAS,
    tell: Callable[[str], None] = lambda _: None,
) -> End:
    """Run the command to its end, and return how it ended; `tell` gets the id of the invocation.

    Raises CommandNotRun if the function failed, or the connection broke.
    """
    send = partial(
        stage.account.without_retries("lambda").invoke_with_response_stream,
        FunctionName=function,
        Qualifier=version,
        LogType="Tail",
        Payload=json.dumps(command.event).encode(),
    )
    with translated(during=f"running `{command}`"):
        answer = invocation.send_once(send)
    request_id = answer["ResponseMetadata"]["RequestId"]
    tell(request_id)
    try:
        with translated(during=f"running `{command}`"):
            return _follow(answer["EventStream"], command, stage, show)
    except AwsError as error:
        goes_on = say_it_goes_on(stage, request_id)
        raise CommandNotRun(error.message, hint=goes_on, during=error.during) from error


def start(command: Command, function: str, stage: Stage) -> str:
    """Have the command run without anybody who listens; return the id of the invocation."""
    send = partial(
        stage.account.without_retries("lambda").invoke,
        FunctionName=function,
        Qualifier=commands.ALIAS,
        InvocationType="Event",
        Payload=json.dumps({**command.event, "detached": True}).encode(),
    )
    with translated(during=f"running `{command}`"):
        request_id: str = invocation.send_once(send)["ResponseMetadata"]["RequestId"]
    return request_id


def say_it_goes_on(stage: Stage, request_id: str) -> str:
    """Return the hint for a command that nobody listens to any more."""
    followed = f"`{stage.command('logs')} --request {request_id}`"
    return f"The command goes on to its end, or until its time is over: {followed} shows what it wrote."


def _follow(events: Any, command: Command, stage: Stage, show: Show) -> End:
    """Hand on what comes, and return how the command ended. Raises CommandNotRun."""
    reader, end = frames.Reader(), None
    complete: Mapping[str, str] = {}
    for event in events:
        complete = event.get("InvokeComplete", complete)
        for kind, data in reader.feed(event.get("PayloadChunk", {}).get("Payload", b"")):
            if kind == frames.END:
                end = End(**json.loads(data))
            elif kind in (frames.STDOUT, frames.STDERR):
                show(data, kind == frames.STDERR)
    if end is None or "ErrorCode" in complete:
        raise _explain(complete, reader.rest, command, stage)
    return end


def _explain(complete: Mapping[str, str], rest: bytes, command: Command, stage: Stage) -> CommandNotRun:
    """Return the error for a command of which it is not known how it ended."""
    during = f"running `{command}`"
    logs = f"`{stage.command('logs')}` shows what was written."
    if "ErrorCode" not in complete:
        return CommandNotRun("The connection ended before the command did.", hint=logs, during=during)
    value = _read_error(rest) or _read_error(complete.get("ErrorDetails", "").encode())
    value = value or {"errorType": complete["ErrorCode"], "errorMessage": complete.get("ErrorDetails", "")}
    answer = {"FunctionError": complete["ErrorCode"], "LogResult": complete.get("LogResult", "")}
    failure = invocation.failure(answer, value, stage.settings)
    return CommandNotRun(failure.message, hint=failure.hint or logs, during=during)


def _read_error(text: bytes) -> dict[str, Any]:
    """Return the error that Lambda writes as JSON; {} if the text is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and "errorType" in value else {}
