"""InvokeWithResponseStream: each piece as the function sends it, where ministack waits for the whole.

The daemon answers POST /invoke-stream with frames (response_frames.py), and each becomes an event of AWS's
event stream. The function's pace is the client's: a frame is read when the last one has been sent.
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

import base64
import http.client
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import StreamingResponse
from ministack.services import lambda_svc

from lambdify.cli.local.events import invocations
from lambdify.cli.local.events.replacement import replace
from lambdify.cli.local.response_frames import Kind, read_frame

PIECE = 64 * 1024
"""Bytes of one event at most."""
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


def install() -> None:
    """Replace ministack's InvokeWithResponseStream for the functions that lambdify runs."""

    async def invoke(
        name: str, event: Any, headers: Any, path_qualifier: str | None = None, query_params: Any = None
    ) -> Any:
        qualifier = path_qualifier or lambda_svc._qp_first(query_params or {}, "Qualifier") or None
        _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
        if config is None or not invocations.is_ours(lambda_svc._proxy_url_for(config)):
            return await original(name, event, headers, path_qualifier, query_params)
        return invocations.refuse_size(headers) or await _open(config, event)

    original = replace(lambda_svc, "_invoke_with_response_stream", invoke)


async def _open(config: Mapping[str, Any], event: Any) -> Any:
    """Start the invocation, and return ministack's answer to it as soon as the function begins to answer."""
    told = invocations.write_headers(config, invocations.answer_id())
    connection = invocations.reach_daemon(config)

    def ask() -> http.client.HTTPResponse:
        connection.request("POST", "/invoke-stream", invocations.write_event(event), told)
        return connection.getresponse()

    try:
        response = await run_reentrant(ask, thread_name="response stream")
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return lambda_svc.error_response_json("ServiceException", str(error), 500)
    if response.status != http.client.OK:
        result = invocations.read_refusal(response.status, response.read())
        connection.close()
        kind = result["body"].get("__type") or "ServiceException"
        message = result["body"].get("message") or result["body"].get("errorMessage")
        return lambda_svc.error_response_json(kind, message, 429 if result.get("throttle") else 502)

    async def run(send: Send, _: Any) -> None:
        try:
            await _pass_on(response, send)
        finally:
            connection.close()

    headers = {
        "Content-Type": "application/vnd.amazon.eventstream",
        "X-Amz-Executed-Version": told["X-Amzn-Lambda-Function-Version"],
    }
    return 200, headers, StreamingResponse(run)


async def _pass_on(response: BinaryIO | http.client.HTTPResponse, send: Send) -> None:
    """Send each frame of the daemon's response as events, to the one that ends it."""
    kind = Kind.PAYLOAD
    while kind is Kind.PAYLOAD:
        kind, body = await run_reentrant(read_frame, response, thread_name="response stream")
        if kind is Kind.END:
            await _send(send, "InvokeComplete", _write_end(json.loads(body)))
        else:
            for start in range(0, len(body), PIECE):
                await _send(send, "PayloadChunk", body[start : start + PIECE])
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _write_end(said: Mapping[str, Any]) -> bytes:
    complete = {"LogResult": base64.b64encode(said["log"].encode()).decode()}
    if said["failed"]:
        complete |= {"ErrorCode": "Unhandled", "ErrorDetails": said["error"]}
    return json.dumps(complete).encode()


async def _send(send: Send, kind: str, payload: bytes) -> None:
    content = "application/json" if kind == "InvokeComplete" else "application/octet-stream"
    headers = {":message-type": "event", ":event-type": kind, ":content-type": content}
    body = lambda_svc._es_encode_message(headers, payload)
    await send({"type": "http.response.body", "body": body, "more_body": True})
