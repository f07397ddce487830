"""Processes, programs, servers and ports: what a function has not, or nobody can reach."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Call, text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report

SHARED = re.compile(
    r"^multiprocessing\.(pool\.)?(Pool|Queue|JoinableQueue|SimpleQueue|Lock|RLock|Semaphore|BoundedSemaphore|Event"
    r"|Condition|Barrier|Value|Array|get_context\.Pool)$"
    r"|^concurrent\.futures\.(process\.)?ProcessPoolExecutor$"
)
"""What makes a semaphore. multiprocessing.Process and Pipe work."""
STARTERS = names.find("programs", "starters")
PRESENT = names.find("programs", "present")
"""Programs that Lambda's image has."""
SERVERS = names.find("server", "starters")
APPS = re.compile(
    r"^(flask\.Flask|quart\.Quart|flask_socketio\.SocketIO|dash\.Dash|sanic\.Sanic|connexion\.\w+)$"
)
METHODS = names.find("server", "methods")
LISTENERS = names.find("ports", "listeners")
MAIL = frozenset({"smtplib.SMTP"})


def find(code: AppCode) -> Iterator[Finding]:
    """Yield processes, programs, servers and ports."""
    for file, call in code.calls():
        if SHARED.search(call.name):
            yield report("processes", file, call.line, f"{call.last}() of {call.name.partition('.')[0]}")
        elif call.name in STARTERS and not (call.moment.caught and code.starts(file, call.moment)):
            if (program := _program(call, file)) not in PRESENT:
                yield report("programs", file, call.line, f"starts {program}")
        elif _is_server(call, file) and code.will(file, call.moment):
            yield report("server", file, call.line, f"{ast.unparse(call.node.func)}() at import")
        elif _listens(call, file) and call.moment.sure:
            yield report("ports", file, call.line, f"{call.last}() listens on a port of its own")
        elif (
            call.name in MAIL and (port := call.argument(1, "port")) is not None and ast.unparse(port) == "25"
        ):
            yield report("network", file, call.line, "SMTP(..., 25)")
    yield from _mail_settings(code)


def _listens(call: Call, file: CodeFile) -> bool:
    owner = call.name.rpartition(".")[0]
    return call.name in LISTENERS or (call.last == "bind" and file.made.get(owner) == "socket.socket")


def _program(call: Call, file: CodeFile) -> str:
    """Return the program that a call starts, without its arguments; "another program" if none is written."""
    first = call.argument(0, "args")
    if isinstance(first, ast.Name):
        values = [each.value for each in file.sites.assigned if each.form == "name" and each.name == first.id]
        first = values[-1] if values else first
    if isinstance(first, ast.List | ast.Tuple) and first.elts:
        first = first.elts[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    if first is not None and ast.unparse(first) == "sys.executable":
        return "sys.executable"
    words = (text(first) or "").split()
    return words[0].rpartition("/")[2] if words else "another program"


def _is_server(call: Call, file: CodeFile) -> bool:
    if call.name in SERVERS or call.last == "serve_forever":
        return True
    match call.node.func:
        case ast.Attribute(value=ast.Name(id=name), attr=method) if method in METHODS:
            return bool(APPS.search(file.made.get(name, "")))
    return False


def _mail_settings(code: AppCode) -> Iterator[Finding]:
    for file, each in code.assigned():
        if each.name in {"EMAIL_PORT", "MAIL_PORT"} and each.form != "entry":
            value = file.read(each.value)
            if value.literal in (25, "25"):
                yield report("network", file, each.line, f"{each.name} = 25")
