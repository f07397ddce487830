"""Hands a complete response to Lambda while the app goes on, as background tasks of FastAPI do.

    app ──response──▶ POST /2018-06-01/runtime/invocation/ID/response ──▶ client
     └──── goes on ──▶ handler returns ──▶ AWS's loop asks for the next event

Lambda keeps the process running until its loop asks for the next event, so the work is done within the time
of the invocation. It is billed, and not repeated if it fails; as with a server that runs until it is ended.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html

AWS's loop must not post the result, too: see `answered`. Where that loop is not what runs us, nothing is
handed over, and the client waits until the app has ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from lambdify.adapter import event_sources
from lambdify.adapter.streaming import answered

if TYPE_CHECKING:
    from lambdify.adapter.messages import Response

CLIENT = "awslambdaric.lambda_runtime_client"
"""The module of AWS's client, which is loaded if that runs us."""
HEAD = """\
POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r
Host: {address}\r
Content-Type: application/json\r
Content-Length: {length}\r
Connection: close\r
\r
"""
ACCEPTED = b"202"
PATIENCE = 5.0
"""Seconds for the Runtime API to answer."""

_prepared: list[Any] = []
"""The classes of AWS's client that leave out what is answered."""


def hand_over(response: Response, event: dict[str, Any], context: Any) -> bool:
    """Send the response to the event; return whether Lambda has taken it."""
    client = getattr(sys.modules.get(CLIENT), "LambdaRuntimeClient", None)
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    source = event_sources.find(event)
    if source is None or not address or not hasattr(client, "post_invocation_result"):
        return False
    payload = json.dumps(source.write_payload(response, event)).encode()
    head = HEAD.format(request_id=context.aws_request_id, address=address, length=len(payload))
    if client not in _prepared:
        answered.leave_out(client)
        _prepared.append(client)
    if not _post(address, head.encode() + payload):
        return False
    answered.add(context.aws_request_id)
    return True


def _post(address: str, data: bytes) -> bool:
    """Send the request; return whether it is accepted. What is not comes again, from AWS's loop."""
    host, _, port = address.rpartition(":")
    answer = b""
    try:
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            connection.sendall(data)
            while b"\r\n" not in answer and (received := connection.recv(4096)):
                answer += received
    except OSError:
        return False
    return answer.split(b" ", 2)[1:2] == [ACCEPTED]
