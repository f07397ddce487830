"""An exception as Lambda reports it of a function: in the payload, and in the end of its log. Pure.

    {"errorType": "KeyError", "errorMessage": "'API_KEY'", "stackTrace": ["  File ...", ...]}

Lambda reports a failed import without its traceback, which the adapter writes to the log (adapter/entry.py):
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

import re
from collections.abc import Mapping
from typing import Any

from lambdify.cli.failures import tracebacks
from lambdify.cli.failures.places import Owns
from lambdify.cli.failures.raised import Raised

WITHOUT_TRACE = ("Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError")
"""Types that Lambda gives to what it does not describe any further."""
_SYNTAX_PLACE = re.compile(r'\A(\s*File "[^"]*") Line (\d+)')
_SYNTAX_MODULE = re.compile(r"\ASyntax error in module '[^']*': ")


def read(value: object, log: str, owns: Owns) -> Raised | None:
    """Return the exception in the payload `value`, with what the log adds; None if there is none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("errorType"), str):
        return None
    reported = _from_payload(value, owns)
    logged = tracebacks.read(log, owns)
    if logged and (reported.type in WITHOUT_TRACE or not reported.frames) and _are_one(logged, reported):
        return logged
    if logged and logged.name == reported.type and logged.cause:
        # The payload has no causes.
        return Raised(type=logged.type, message=reported.message, frames=reported.frames, cause=logged.cause)
    return reported


def _from_payload(value: Mapping[str, Any], owns: Owns) -> Raised:
    trace = value.get("stackTrace")
    lines = [each for each in trace if isinstance(each, str)] if isinstance(trace, list) else []
    # Lambda writes the place of a syntax error in its own way: File "app.py" Line 3.
    lines = [_SYNTAX_PLACE.sub(r"\1, line \2", line) for line in lines]
    return Raised(
        type=value["errorType"],
        message=_SYNTAX_MODULE.sub("", str(value.get("errorMessage", ""))),
        frames=tracebacks.read_frames(lines, owns),
    )


def _are_one(logged: Raised, reported: Raised) -> bool:
    """Whether the log's last traceback is about what the payload reports."""
    return logged.message.partition("\n")[0] in reported.message
