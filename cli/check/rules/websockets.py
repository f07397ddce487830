"""WebSockets: their routes, and the libraries for them."""

import ast
from collections.abc import Iterator

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.sites import Call
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report

SERVERS = names.find("websockets", "servers")
ROUTES = names.find("websockets", "routes")
DECORATORS = names.find("websockets", "decorators")


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what wants a connection to stay open."""
    for file, call in code.calls():
        if what := _describe(call):
            yield report("websockets", file, call.line, what)
    for file in code.files:
        for each in file.sites.decorated:
            if each.name.rpartition(".")[2] in DECORATORS and "." in each.name:
                what = f"{each.function.name}() is the route of a WebSocket"
                yield report("websockets", file, each.line, what)


def _describe(call: Call) -> str:
    if call.name in SERVERS:
        return f"{call.last}() serves WebSockets"
    if call.last in ROUTES:
        return f"{call.last}() is the route of a WebSocket"
    if call.name == "channels.routing.ProtocolTypeRouter" and "websocket" in ast.unparse(call.node):
        return "ProtocolTypeRouter has a route for WebSockets"
    return ""
