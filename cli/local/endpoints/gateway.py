"""The gateway of one stage: turns HTTP requests into events, and payloads into responses.

front_ends.py has the differences between the kinds of endpoints. http_server.py refuses bodies over 10 MB. If
the endpoint streams, the client gets each piece that the function sends, and a payload that the function
returns whole is passed on as JSON, as on AWS.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future

from lambdify.adapter import wire
from lambdify.adapter.errors import PayloadRefused
from lambdify.adapter.messages import Request, Response
from lambdify.cli.errors import LambdifyError, NotDeployed
from lambdify.cli.local import hosts
from lambdify.cli.local.endpoints.front_ends import FRONT_ENDS, Api, FrontEnd
from lambdify.cli.local.endpoints.plain_http import read_headers, read_response, write_request
from lambdify.cli.local.functions.call import Call
from lambdify.cli.local.functions.fleet import Throttled
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.http_server import ResponseWithFollowUp, StreamedResponse, plain
from lambdify.cli.local.response_stream import ResponseStream

EVENT_LIMIT = 6 * 1024 * 1024 + 100
"""Bytes of an event, including a binary body in base64: Lambda's own limit."""
NO_WEBSOCKET = "A WebSocket cannot be opened here: no endpoint of a function keeps connections open."
_log = logging.getLogger(__name__)


Start = Callable[[str, str, bytes, ResponseStream | None], "Call | Future[Outcome]"]
"""(ARN, request id, event, stream or None) → the invocation: a Future if it has a stream, else a Call."""


class Gateway:
    """Answers the requests of one stage. `find_api` returns its endpoint as deployed now, or None."""

    def __init__(
        self,
        find_api: Callable[[], Api | None],
        start: Start,
        *,
        limit: float | None = None,
        tell: Callable[[str], None] = _log.error,
    ) -> None:
        """`limit` replaces the time limit of the endpoint's kind, in seconds.

        `tell` gets the reason for each response that is the endpoint's own.
        """
        self._find_api, self._start, self._limit, self._tell = find_api, start, limit, tell

    def answer(self, request: Request) -> Response | StreamedResponse | ResponseWithFollowUp:
        """Return the response to one request, as a client of the endpoint would get it."""
        api = self._find_api()
        if not hosts.is_ours(request.host) and not (api and api.answers_to(request.host)):
            return plain(403, hosts.REFUSAL)
        if _wants_websocket(request):
            return plain(400, NO_WEBSOCKET)
        if api is None:
            return plain(404, "Not Found")
        front = FRONT_ENDS[api.kind]
        wanted = api.mount_on(request.host)
        mount, path = wire.split_mount(request.path, wanted)
        if mount != wanted:
            return front.missing
        if mount != api.mount:  # the path of a domain is no stage: it stays where it is
            mount, path = "", request.path
        original, request = request, write_request(request, mount=mount, path=path or "/")
        request_id = str(uuid.uuid4())
        event = json.dumps(front.write_event(request, api, request_id, time.time_ns() // 1_000_000)).encode()
        if len(event) > EVENT_LIMIT:
            self._tell(f"the event of {request.path} has {len(event):,} bytes, Lambda takes {EVENT_LIMIT:,}")
            return front.too_large
        if api.streams:
            answer = self._stream(api, front, request_id, event)
            if isinstance(answer, StreamedResponse):
                return answer._replace(headers=read_headers(answer.headers, original))
            return read_response(answer, original)
        call = self._start(api.integration, request_id, event, None)
        response = read_response(self._await(front, call), original)
        return ResponseWithFollowUp(response, call.finish) if isinstance(call, Call) else response

    def _stream(
        self, api: Api, front: FrontEnd, request_id: str, event: bytes
    ) -> Response | StreamedResponse:
        stream = ResponseStream()
        call = self._start(api.integration, request_id, event, stream)
        assert isinstance(call, Future)
        # This ends the stream in any case, so that the client never waits. After a complete response the
        # stream has ended already, and this call changes nothing.
        call.add_done_callback(lambda _: stream.end(broken=True))
        prelude = stream.read_prelude()
        if prelude is None:
            return self._await(front, call, read=_as_bytes)
        try:
            head = front.read_payload(json.loads(prelude))
        except (PayloadRefused, ValueError) as error:
            self._tell(str(error))
            stream.close()
            return front.failed
        return StreamedResponse(head.status, head.headers, stream)

    def _await(
        self,
        front: FrontEnd,
        call: "Call | Future[Outcome]",
        read: Callable[[FrontEnd, bytes], Response] | None = None,
    ) -> Response:
        try:
            outcome = call.result(front.limit if self._limit is None else self._limit)
        except TimeoutError:
            return front.late
        except Throttled:
            return front.throttled
        except NotDeployed:
            return front.missing
        except LambdifyError as error:
            self._tell(f"{error.message} {error.hint}".rstrip())
            return front.failed
        if outcome.failed:
            return front.failed
        try:
            return (read or _as_response)(front, outcome.payload)
        except (PayloadRefused, ValueError) as error:
            self._tell(str(error))
            return front.failed


def _wants_websocket(request: Request) -> bool:
    """Whether a client offers to go on with a WebSocket: https://www.rfc-editor.org/rfc/rfc6455#section-4.1"""
    return any(name == "upgrade" and "websocket" in value.lower() for name, value in request.headers)


def _as_response(front: FrontEnd, payload: bytes) -> Response:
    return front.read_payload(json.loads(payload))


def _as_bytes(_: FrontEnd, payload: bytes) -> Response:
    """Return the response of a streaming endpoint to a payload that was not streamed."""
    return Response(200, (("content-type", "application/octet-stream"),), payload)
