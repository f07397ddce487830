"""Answers requests as the endpoint would, by the app as its files are now, and tells a line for each.

The response is the local cloud's gateway's. Where the app has not answered, a browser gets a page that says
why, with the same status.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from lambdify.cli.local.endpoints.front_ends import describe_api
from lambdify.cli.local.endpoints.gateway import Gateway
from lambdify.cli.local.functions.call import Call, Run
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.runtime_api import RESPONSE_LIMIT
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.http_server import Request, Response, ResponseWithFollowUp, StreamedResponse
from lambdify.cli.local.response_stream import ResponseStream
from lambdify.cli.serve import explained, page
from lambdify.cli.serve.live import DEBUG_TIMEOUT, Live, Version
from lambdify.cli.serve.story import Story

ERROR = 500
_REFUSED = re.compile(r"^lambdify\.adapter\.errors\.ResponseRefused: (.+)", re.MULTILINE)
"""What the adapter logs of a response that Lambda would not let through."""
STREAMS = 32
"""Streamed responses at once."""


@dataclass(kw_only=True)
class _Told:
    """What becomes known of one request while it is answered."""

    run: Run | None = None
    outcome: Outcome | None = None
    log: str = ""
    reasons: list[str] = field(default_factory=list)
    """Why the response is the endpoint's own."""


class _ToldCall(Call):
    """An invocation of which the outcome is told."""

    def __init__(self, told: _Told, begin: Callable[[float | None], Run]) -> None:
        super().__init__(begin, _do_nothing)
        self._told = told

    def result(self, timeout: float | None = None) -> Outcome:
        """Return the outcome as soon as it is known."""
        try:
            self._told.outcome = super().result(timeout)
        except TimeoutError:
            self._told.reasons.append(f"no answer within {timeout:.0f} s, and the endpoint waits no longer")
            raise
        return self._told.outcome


def _do_nothing(_: Run, outcome: Outcome) -> None:
    """Do nothing about the end of an invocation: its outcome is told with its answer."""


class Answers:
    """Answers the requests of one app."""

    def __init__(self, live: Live, story: Story, *, debug: bool = False) -> None:
        """With `debug`, the endpoint waits as long as its developer."""
        self._live, self._story = live, story
        self._limit = float(DEBUG_TIMEOUT) if debug else None
        self._streams = ThreadPoolExecutor(STREAMS, thread_name_prefix="stream")

    def answer(self, request: Request) -> Response | StreamedResponse | ResponseWithFollowUp:
        """Return the response to one request."""
        began = time.monotonic()
        version, told = self._live.current(), _Told()
        version.ready.wait()
        if version.function is None or version.problem:
            response: Response | StreamedResponse | ResponseWithFollowUp = page.of_problem(version, request)
            told.reasons.append(version.problem.message if version.problem else "")
        else:
            api = describe_api(version.settings, version.function.arn)
            start = partial(self._start, version.function, told)
            gateway = Gateway(lambda: api, start, limit=self._limit, tell=told.reasons.append)
            response = gateway.answer(request)
        if told.run:
            told.log = told.run.read_log()  # what it has written comes before its line
        follow_up = response.follow_up if isinstance(response, ResponseWithFollowUp) else None
        plain = response.response if isinstance(response, ResponseWithFollowUp) else response
        reason = _find_reason(told, version, plain.status)
        self._story.request(request.method, request.path, plain.status, time.monotonic() - began, reason)
        if told.outcome and told.outcome.failed and isinstance(plain, Response):
            outcome = told.outcome._replace(log=told.log)
            plain = page.of_outcome(plain, outcome, reason, version, request)
        if follow_up and isinstance(plain, Response):
            return ResponseWithFollowUp(plain, follow_up)
        return plain

    def close(self) -> None:
        """Let streams end."""
        self._streams.shutdown(wait=False, cancel_futures=True)

    def _start(
        self,
        function: Function,
        told: _Told,
        arn: str,
        request_id: str,
        event: bytes,
        stream: ResponseStream | None,
    ) -> "Call | Future[Outcome]":
        begin = partial(self._begin, function, told, arn, request_id, event, stream)
        if stream is None:
            return _ToldCall(told, begin)
        return self._streams.submit(self._stream, told, begin)

    def _stream(self, told: _Told, begin: Callable[[float | None], Run]) -> Outcome:
        run = begin(None)
        told.outcome = run.answer()
        run.finish()
        assert told.outcome, "it has no limit but the function's own"
        return told.outcome

    def _begin(
        self,
        function: Function,
        told: _Told,
        arn: str,
        request_id: str,
        event: bytes,
        stream: ResponseStream | None,
        patience: float | None,
    ) -> Run:
        wait = function.timeout if patience is None else patience
        told.run = self._live.fleet.begin(
            function, request_id=request_id, event=event, arn=arn, stream=stream, patience=wait
        )
        return told.run


def _find_reason(told: _Told, version: Version, status: int) -> str:
    """Return why the response is not the app's, in a line; "" if it is."""
    outcome = told.outcome
    if outcome is None or not outcome.failed:
        refused = _REFUSED.findall(told.log) if status >= ERROR else []
        return "; ".join(filter(None, [*told.reasons, *refused[-1:]]))
    if outcome.refused:
        return f"the response has {outcome.refused:,} bytes, Lambda lets {RESPONSE_LIMIT:,} through"
    if outcome.error_type == "Sandbox.Timedout":
        timeout = version.settings.function.timeout
        return f"no answer within {timeout} s, the function's timeout: [function] timeout"
    return explained.summarize(outcome.payload)
