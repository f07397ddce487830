"""Responses: streamed, large, or long in coming."""

import ast
from collections.abc import Iterator

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.sites import Call, text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report
from lambdify.cli.check.rules.surroundings import LIMITS

STREAMS = names.find("streaming", "streams")
DOWNLOADS = names.find("streaming", "downloads")
EVENTS = names.find("streaming", "events")
SLEEPS = frozenset({"time.sleep"})
CLIENTS = ("requests.", "httpx.", "urllib.request.")
BODIES = names.find("bodies", "settings")
LARGEST = 6 * 1024 * 1024
"""Bytes of an event. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
SENDFILE_HEADERS = frozenset({"X-Sendfile", "X-Accel-Redirect", "X-SENDFILE"})
LONG_SLEEP = 5
"""Seconds."""
PACKAGES = tuple(names.find("streaming", "packages"))


def find(code: AppCode) -> Iterator[Finding]:
    """Yield responses that an endpoint collects, or gives up on."""
    yield from _sendfile(code)
    yield from _bodies(code)
    for file, call in code.calls():
        if not call.moment.function:
            continue
        if call.name.startswith(CLIENTS) and (seconds := _waits(call)) > _limit(code):
            yield report("long", file, call.line, f"{call.name}() waits up to {seconds:g} s for its answer")
        elif call.name in SLEEPS:
            if (seconds := _seconds(call)) >= LONG_SLEEP and not call.moment.repeated:
                yield report("long", file, call.line, f"{call.name}({seconds:g})")
        elif code.settings.http.streaming:
            continue
        elif call.last in EVENTS or _is_event_stream(call):
            what = f"{call.last}() sends events, which arrive when the response ends"
            yield report("streaming", file, call.line, what)
        elif call.last in STREAMS and call.name.startswith(PACKAGES):
            what = f"{call.last}() is collected, up to 6 MB"
            yield report("streaming", file, call.line, what, level="note")
        elif call.last in DOWNLOADS and call.name.startswith(PACKAGES):
            yield report("streaming", file, call.line, f"{call.last}() sends up to 6 MB", level="note")


def _sendfile(code: AppCode) -> Iterator[Finding]:
    """Yield what asks a web server in front to send a file."""
    for file, each in code.assigned():
        if each.name == "USE_X_SENDFILE" and file.read(each.value).literal is True:
            yield report("sendfile", file, each.line, "USE_X_SENDFILE = True")
        elif each.name in SENDFILE_HEADERS and each.form in {"item", "entry"}:
            yield report("sendfile", file, each.line, f"the header {each.name}")


def _limit(code: AppCode) -> int:
    """Return the seconds that the endpoint waits."""
    return LIMITS.get(code.settings.http.endpoint, code.settings.function.timeout)


def _waits(call: Call) -> float:
    """Return the timeout of a request to somebody else, in seconds; 0 if it says none."""
    timeout = call.argument(-1, "timeout")
    value = timeout.value if isinstance(timeout, ast.Constant) else 0
    return value if isinstance(value, int | float) else 0


def _bodies(code: AppCode) -> Iterator[Finding]:
    """Yield settings that let larger requests in than Lambda does."""
    for file, each in code.assigned():
        if each.name in BODIES and (size := _product(each.value)) > LARGEST:
            what = f"{each.name} is {size / 2**20:,.0f} MiB"
            yield report("bodies", file, each.line, what)


def _product(node: ast.expr) -> float:
    """Return a number, or a product of numbers: 16 * 1024 * 1024; 0 for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(left) * _product(right)
    return 0


def _seconds(call: Call) -> float:
    first = call.argument(0)
    value = first.value if isinstance(first, ast.Constant) else 0
    return value if isinstance(value, int | float) else 0


def _is_event_stream(call: Call) -> bool:
    values = (*call.node.args, *(each.value for each in call.node.keywords))
    return "esponse" in call.last and any(
        (text(each) or "").startswith("text/event-stream") for each in values
    )
