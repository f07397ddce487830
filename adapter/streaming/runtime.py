"""The handler of a deployed function that streams: `lambdify.adapter.streaming.runtime.handler`.

    AWS's loop ──event──▶ handler ──▶ app ──piece by piece──▶ Runtime API ──▶ client      HTTP
                                  ──▶ entry.handler ──payload──▶ AWS's loop               anything else

AWS's runtime client for Python cannot stream, though the Runtime API can. We keep the client's loop: it
imports the handler, reports a failed init, runs SnapStart's hooks, writes logs as text or JSON, and sets the
trace variable. A loop of our own, started through AWS_LAMBDA_EXEC_WRAPPER, would have to do all that and
follow every change of AWS's. The client lacks one thing: a handler that answers by itself. So a streamed
response is sent over its own connection while the handler runs, and the loop does not post the handler's
result for that invocation.

Rules
1. One method of AWS's client is replaced (answered.py): `LambdaRuntimeClient.post_invocation_result`, which
   each release from 2.0 to 4.2 calls for every result. If it is missing, the init fails, and `deploy` shows
   that.
2. Behind a streaming endpoint every HTTP response is a stream, errors too: of any other the client would get
   the JSON. The function cannot see the kind of endpoint, so the template sets endpoint and handler together.
3. Before the first piece of a body, an exception is a plain 500; after it, the response breaks off. Both are
   logged with their traceback.
4. If the client has gone, Lambda still reads the response to its end
   (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html). If Lambda stops
   reading, the app's iterable is closed, or the app hears http.disconnect.
"""

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

from lambdify.adapter import BAD_REQUEST, SERVER_ERROR, Adapter, entry, event_sources
from lambdify.adapter.errors import ClientGone, ends_the_process, report
from lambdify.adapter.streaming import Reply, answered

if TYPE_CHECKING:
    from lambdify.adapter.event_sources import EventSource


def handler(event: Any, context: Any) -> Any:
    """Answer an HTTP event and return None; return the payload for any other event."""
    source = event_sources.find(event)
    if source is None:
        return entry.answer(event, context)
    write_payload = partial(source.write_payload, event=event)
    reply = Reply(os.environ["AWS_LAMBDA_RUNTIME_API"], context.aws_request_id, write_payload)
    try:
        _respond(source, event, context, reply)
    except ClientGone as error:
        report("a response was no longer read, and given up", error, context, level=logging.INFO)
    finally:
        answered.add(context.aws_request_id)
        refusal = reply.close()
    if refusal:
        logging.getLogger("lambdify.adapter").error("Lambda refused a streamed response: %r", refusal)
    return None


def _respond(source: "EventSource", event: Any, context: Any, reply: Reply) -> None:
    """Send a response to the event, whatever happens. Raises ClientGone."""
    try:
        request = source.read_event(event)
    except event_sources.MALFORMED as error:
        report("an HTTP event could not be read", error, context, level=logging.WARNING)
        reply.send_whole(BAD_REQUEST)
        return
    reply.method = request.method
    try:
        if isinstance(entry.respond, Adapter):
            entry.respond.stream(request, event, context, reply)
        else:  # a handler of the project's own: its whole response still has to be sent as a stream
            reply.send_whole(source.read_payload(entry.respond(event, context)))
    except BaseException as error:  # as in Adapter: whatever the app raises, the client gets a response
        if ends_the_process(error):
            raise
        if reply.ended:
            report(f"{request.method} {request.path} was answered, then the app raised", error, context)
            return
        if reply.gone:
            raise ClientGone(f"{request.method} {request.path}") from error
        if reply.begun:
            report(f"{request.method} {request.path} failed while it was answered", error, context)
            reply.send(reply.fail(error))
        else:
            report(f"{request.method} {request.path} failed", error, context)
            adapted = isinstance(entry.respond, Adapter)
            reply.send_whole(entry.respond.fail(error) if adapted else SERVER_ERROR)


answered.leave_out(LambdaRuntimeClient)
if entry.functions is not None:
    handler = entry.functions.before(handler)  # theirs are never HTTP, whatever they look like
handler = entry.finishing(handler)
