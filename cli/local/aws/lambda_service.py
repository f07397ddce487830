"""Lambda's Invoke: takes an ARN and an event, runs the function, and returns an Outcome.

ARN ──find──▶ Function ──unpack──▶ Code ──▶ Program ──start──▶ Sandbox ──invoke──▶ Outcome
                       ──────── image ────▶
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.aws import Account, translated
from lambdify.cli.errors import NotDeployed, PythonNotFound
from lambdify.cli.local.aws.log_writer import LogWriter, Stream
from lambdify.cli.local.aws.metric_writer import MetricWriter
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import runtime_client
from lambdify.cli.local.functions.call import Call, Run, finish_soon
from lambdify.cli.local.functions.fleet import Fleet, Throttled
from lambdify.cli.local.functions.function import Function, Functions
from lambdify.cli.local.functions.output import Event
from lambdify.cli.local.functions.process import ZipProgram
from lambdify.cli.local.functions.sandbox import Outcome, Program, Sandbox
from lambdify.cli.local.processes import Children
from lambdify.cli.local.response_stream import ResponseStream
from lambdify.cli.programs import pythons
from lambdify.cli.storage import disk

if TYPE_CHECKING:
    from lambdify.cli.local.functions.engine import Engine

THREADS = 100
"""Streamed responses at once, of all functions."""
LOG_PATIENCE = 0.5
"""Seconds that an answer waits for the end of its log, which comes when the function is free."""


class LambdaService:
    """Runs the functions that are deployed at the endpoint; `folder` holds code and temporary files."""

    def __init__(
        self,
        connect: Callable[[str], Account],
        endpoint_url: str,
        credentials: Credentials,
        folder: Path,
        children: Children,
    ) -> None:
        """`credentials` are the keys that the functions get."""
        self._endpoint_url, self._credentials, self._children = endpoint_url, credentials, children
        self._home, self._tmp = folder.parent, folder / "tmp"
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._tmp.mkdir(parents=True, exist_ok=True)
        self.functions = Functions(connect, folder)
        self.logs = LogWriter(connect)
        self.metrics = MetricWriter(connect)
        self.fleet = Fleet(self._start_sandbox)
        self._streams = ThreadPoolExecutor(THREADS, thread_name_prefix="stream")

    @translated(during="invoking a function")
    def invoke(
        self,
        arn: str,
        request_id: str,
        event: bytes,
        stream: ResponseStream | None = None,
        *,
        version: str = "",
    ) -> Outcome:
        """Run the event in `version`, or the one that the ARN leads to; `stream` gets a streamed response.

        The function sees the ARN. Raises NotDeployed, Throttled, PythonNotFound.
        """
        try:
            run = self._begin(arn, request_id, event, None, stream, version)
        except TimeoutError as error:
            raise Throttled from error
        outcome = run.answer()
        assert outcome, "it has no limit but the function's own"
        # A function may go on after its answer, for which the caller does not wait.
        whole = finish_soon(run, partial(self._count, arn), LOG_PATIENCE)
        return whole or outcome._replace(log=run.read_log())

    def start(
        self, arn: str, request_id: str, event: bytes, stream: ResponseStream | None = None
    ) -> "Call | Future[Outcome]":
        """Return the invocation, whose `result` is the Outcome.

        With `stream` it is a Future that runs in a thread of its own. Without, it is a Call, which runs in
        the thread that asks for the result.
        """
        if stream is None:
            return Call(partial(self._begin, arn, request_id, event), partial(self._count, arn))
        return self.stream(arn, request_id, event, stream)

    def stream(
        self, arn: str, request_id: str, event: bytes, stream: ResponseStream, *, version: str = ""
    ) -> Future[Outcome]:
        """Run the event in a thread of its own, and return its Outcome to be."""
        return self._streams.submit(self.invoke, arn, request_id, event, stream, version=version)

    @translated(during="invoking a function")
    def _begin(
        self,
        arn: str,
        request_id: str,
        event: bytes,
        patience: float | None,
        stream: ResponseStream | None = None,
        version: str = "",
    ) -> Run:
        """Pass the event to a sandbox. `patience` is the function's timeout if it is None."""
        function = self._find(f"{arn.rpartition(':')[0]}:{version}" if version else arn)
        wait = function.timeout if patience is None else patience
        return self.fleet.begin(
            function, request_id=request_id, event=event, arn=arn, stream=stream, patience=wait
        )

    @translated(during="preparing a function")
    def prepare(self, arn: str) -> Function:
        """Prepare the first event: fetch code, interpreter and runtime. No process is started.

        Raises NotDeployed, PythonNotFound, LocalCloudFailed.
        """
        self.functions.forget()
        function = self._find(arn)
        self._program(function)
        return function

    def close(self) -> None:
        """End all sandboxes and write what is left of their logs."""
        self._streams.shutdown(wait=False, cancel_futures=True)
        self.fleet.close()
        if self._engine:
            self._engine.close()
        self.logs.close()
        self.metrics.close()

    def _find(self, arn: str) -> Function:
        function = self.functions.find(arn)
        if function is None:
            raise NotDeployed(f"There is no function {arn}.")
        return function

    def _count(self, arn: str, run: Run, outcome: Outcome) -> None:
        qualifier, function = arn.rpartition(":")[2], run.function
        alias = "" if qualifier == function.version else qualifier
        dimensions = (function.region, function.name, alias, function.version)
        failed = outcome.failed or bool(outcome.error_type)
        self.metrics.put(*dimensions, failed=failed, seconds=outcome.duration)

    @disk.explained()
    @translated(during="starting a function")
    def _start_sandbox(self, function: Function) -> Sandbox:
        def sink(name: str, event: Event) -> None:
            self.logs.put(Stream(function.region, function.log_group, name), event)

        return Sandbox(self._program(function), sink)

    @disk.explained()
    def _program(self, function: Function) -> Program:
        if function.image:
            return self._image_program(function)
        # These start children of their own, such as uv, which are not orphans of a sandbox.
        with self._children.allow_others():
            python = find_python(function.python)
            runtime = runtime_client.fetch(python, function.python)
        code = self.functions.unpack(function)
        return ZipProgram(
            function=function,
            python=python,
            runtime=runtime,
            task_root=code.task_root,
            layers=code.layers,
            endpoint_url=self._endpoint_url,
            credentials=self._credentials,
            folder=self._tmp,
            children=self._children,
            leases=self.functions.leases,
        )

    def _image_program(self, function: Function) -> Program:
        # The Docker SDK takes long to import: only a cloud with an image loads it.
        from lambdify.cli.local.functions import engine
        from lambdify.cli.local.functions.container import ImageProgram

        with self._lock:
            if self._engine is None:
                self._engine = engine.connect(self._home, self._children)
        self._engine.check(function.image)
        return ImageProgram(
            function=function,
            endpoint_url=self._endpoint_url,
            credentials=self._credentials,
            engine=self._engine,
        )


@cache
def find_python(minor: str) -> Path:
    """Return an interpreter of that minor version, such as "3.13". Raises PythonNotFound."""
    python = pythons.find(minor)
    if python is None:
        raise PythonNotFound(
            f"This machine has no Python {minor}, which the function runs on.",
            hint="`lambdify deploy --local` lets uv install it.",
        )
    return python
