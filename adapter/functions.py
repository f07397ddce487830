"""The project's functions beside the web app: which of them an event is for, and what they find around them.

    the invoked ARN's alias ──▶ function       "…:function:shop-dev:report" → [functions.report]
                            ──▶ the app        "…:function:shop-dev:live"
    no alias that we know   ──▶ the app        HTTP, and lambdify's own events
                            ──▶ function       the one that the event's source calls, if it calls only one
                            ──▶ EventUnknown   anything else

Imported only where the bundle has functions or tasks. `functions` in bundle.json maps each alias to
    {"handler": "package.module:function", "sources": ["arn:aws:sqs:eu-west-1:123456789012:orders", ...]}
where "*" in a source stands for any text.

Rules
1. The endpoint may call the alias `live` only, so no request reaches a function, whatever it holds. The
   alias of the invoked ARN is in the context, which no event can write.
2. The source decides only where the ARN tells nothing. Then nothing is guessed: a source of two functions
   tells nothing, either.
3. A function's module is imported at its first call: a cold start of the web app does not pay for it.
4. A function runs in Flask's app context, between two rounds of Django's close_old_connections; a coroutine
   on the loop of the ASGI app. Those are taken from what the app has imported; nothing is imported for them.
5. Lambda repeats a batch of a queue or a stream whose answer it cannot read, such as "ok". So it gets
   `batchItemFailures`, or none, whatever the function returns.
   https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
   Nor does a source that waits for no answer send its event again for a result that is no JSON.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambdify.adapter import Adapter, describe, event_sources, loading, middleware
from lambdify.adapter.errors import AppNotLoaded, EventUnknown, attempt, report

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator

    Handler = Callable[[Any, Any], Any]

LIVE, TASKS = "live", "tasks"
CHECK = {"lambdify": "check"}
"""The event that has all functions imported, before a version gets traffic. No HTTP event equals it."""
BATCHES = ("aws:sqs", "aws:dynamodb", "aws:kinesis")
"""Sources whose events are batches, answered by their failures."""


class Functions:
    """The functions of a bundle."""

    def __init__(self, bundle: dict[str, Any], app: Any) -> None:
        """`app` is the app as a Lambda handler."""
        self._declared: dict[str, dict[str, Any]] = bundle.get("functions", {})
        self._tasks: dict[str, Any] | None = bundle.get("tasks")
        self._loaded: dict[str, Handler] = {}
        self.surroundings = Surroundings(app)

    def before(self, handler: Handler) -> Any:
        """Return the handler, called only with what is not for a function."""

        def route(event: Any, context: Any) -> Any:
            alias = find_alias(context)
            if alias in self._declared:
                return self._call(alias, event, context)
            if alias == TASKS and self._tasks is not None:
                return self._work(event, context)
            if event == CHECK:
                return {"lambdify": "checked", "failed": self.check()}
            if alias == LIVE or _is_own(event) or event_sources.find(event) is not None:
                return handler(event, context)
            return self._call_by_source(event, context)

        return route

    def check(self) -> dict[str, dict[str, str]]:
        """Import every function. Return what failed: by name, the type of the error and its text."""
        failed = {}
        for name in self._declared:
            _, error = attempt(self._load, name)
            if error is not None:
                report(f"[functions.{name}] cannot be loaded", error, None)
                failed[name] = {"type": type(error).__name__, "message": str(error)}
        return failed

    def _call(self, name: str, event: Any, context: Any) -> Any:
        """Return the payload of a function. Raises what the function raises."""
        # `lambdify logs --function` knows by this line whose request it is: the app's are in the same stream.
        print(f"FUNCTION RequestId: {getattr(context, 'aws_request_id', '')} Name: {name}")
        handler = self._loaded.get(name) or self._load(name)
        result = self.surroundings.run(context, handler, event, context)
        if find_kind(event) in BATCHES:
            return answer_batch(result)
        return drop_what_is_no_json(name, result, context) if find_sources(event) else result

    def _work(self, event: Any, context: Any) -> Any:
        """Return the answer to a batch of tasks. Raises EventUnknown."""
        if find_kind(event) != "aws:sqs":
            raise EventUnknown(f"tasks come from their queue; it received {describe(event)}")
        from lambdify.adapter.tasks import worker  # an HTTP client: only in the Lambda of tasks

        return worker.work(event, context, self._tasks or {}, self.surroundings.run)

    def _call_by_source(self, event: Any, context: Any) -> Any:
        """Return the payload of the one function that the event's source calls. Raises EventUnknown."""
        sources = find_sources(event)
        queue = os.environ.get("LAMBDIFY_TASKS", "").rpartition("/")[2]
        if self._tasks is not None and queue and any(each.endswith(f":{queue}") for each in sources):
            return self._work(event, context)
        called = [name for name in self._declared if self._is_called_by(name, sources)]
        if len(called) == 1:
            return self._call(called[0], event, context)
        several = " and ".join(called) or "none of the functions"
        arn = getattr(context, "invoked_function_arn", None)
        raise EventUnknown(
            f"{describe(event)} came by {arn}, which names no function, from what calls {several}"
        )

    def _is_called_by(self, name: str, sources: tuple[str, ...]) -> bool:
        patterns = self._declared[name].get("sources", ())
        return any(_match(pattern, source) for pattern in patterns for source in sources)

    def _load(self, name: str) -> Handler:
        reference = self._declared[name]["handler"]
        try:
            found = loading.load(reference)
        except AppNotLoaded as error:
            raise AppNotLoaded(
                f"[functions.{name}] handler = {reference!r} cannot be loaded: {error}"
            ) from error
        if not callable(found):
            raise AppNotLoaded(
                f"[functions.{name}] handler = {reference!r} is not a function of event and context"
            )
        self._loaded[name] = found
        return found  # type: ignore[no-any-return]


class Surroundings:
    """What a function finds around it: the app's context, usable connections, a loop."""

    def __init__(self, app: Any) -> None:
        """`app` is the app as a Lambda handler."""
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop for coroutines, where the app has none."""
        self._known_tasks: set[asyncio.Task[Any]] = set()

    def run(self, context: object, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Return what the function returns, of a coroutine its result. Raises what the function raises."""
        with _app_context(self._app), _fresh_connections():
            result = function(*arguments, **named)
            if hasattr(result, "__await__"):
                return self._complete(_with_fresh_connections(result), context)
            return result

    def _complete(self, work: Awaitable[Any], context: object) -> Any:
        """Return the result of the work, and wait for the tasks that it leaves behind."""
        if isinstance(self._app, Adapter) and self._app.interface == "asgi":
            return self._app.complete(work, context)
        from lambdify.adapter import event_loop  # asyncio: only for coroutines

        loop = self._loop = self._loop or event_loop.make()
        try:
            return loop.run_until_complete(work)
        finally:
            self._known_tasks = event_loop.wait_for_others(loop, self._known_tasks, context)


def _is_own(event: Any) -> bool:
    """Return whether the event may be one of lambdify's own, which the handler knows."""
    return isinstance(event, dict) and "lambdify" in event


def find_alias(context: object) -> str:
    """Return the alias or version in the ARN that was invoked; "" if it has none."""
    arn = getattr(context, "invoked_function_arn", None)
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[7] if len(parts) == 8 else ""


def find_kind(event: Any) -> str:
    """Return the source that the records of an event name: "aws:sqs"; "" if they do not."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    kind = (first.get("eventSource") or first.get("EventSource")) if isinstance(first, dict) else None
    return kind if isinstance(kind, str) else ""


def find_sources(event: Any) -> tuple[str, ...]:
    """Return all that an event says of where it comes from: ARNs, and the source of EventBridge's events."""
    if not isinstance(event, dict):
        return ()
    found: list[Any] = [event.get("source"), event.get("eventSourceArn")]
    for key in ("resources", "Records"):
        given = event.get(key)
        for each in given if isinstance(given, list) else ():
            if not isinstance(each, dict):
                found.append(each)
                continue
            found.append(each.get("eventSourceARN"))
            for part, name in (("Sns", "TopicArn"), ("s3", "bucket")):
                inner = each.get(part)
                place = inner.get(name) if isinstance(inner, dict) else None
                found.append(place.get("arn") if isinstance(place, dict) else place)
    return tuple(dict.fromkeys(each for each in found if isinstance(each, str)))


def answer_batch(result: Any) -> dict[str, Any]:
    """Return the answer to a batch: the failures in the function's result, or none."""
    failures = result.get("batchItemFailures") if isinstance(result, dict) else None
    return {"batchItemFailures": failures or []}


def drop_what_is_no_json(name: str, result: Any, context: object) -> Any:
    """Return the result of a function that nobody waits for; None for what Lambda could not write as JSON.

    Lambda would take that for a failure, and send the event again.
    """
    try:
        json.dumps(result, default=_write_decimal)
    except (TypeError, ValueError, RecursionError) as error:
        report(f"what {name} returned is not JSON, so it is dropped", error, context, level=logging.WARNING)
        return None
    return result


def _write_decimal(value: object) -> float:
    """Return a number for a Decimal, which AWS's runtime client writes; raise TypeError for all else."""
    from decimal import Decimal  # loaded already, by that client

    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _match(pattern: str, text: str) -> bool:
    """Return whether the text has the form of the pattern, in which "*" stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _app_context(app: Any) -> Any:
    """Return Flask's app context; one that does nothing for other apps."""
    for found in middleware.walk(getattr(app, "app", None)):
        if hasattr(type(found), "app_context"):
            return found.app_context()
    return _nothing()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _fresh_connections() -> Iterator[None]:
    """Have Django close connections that are too old or broken, before and after."""
    _close_old_connections()
    try:
        yield
    finally:
        _close_old_connections()


async def _with_fresh_connections(work: Awaitable[Any]) -> Any:
    """Do the same in the thread in which a coroutine reaches the database; return its result."""
    django = _django()
    if django is None:
        return await work
    close = sys.modules["asgiref.sync"].sync_to_async(django.close_old_connections)
    await close()
    try:
        return await work
    finally:
        await close()


def _close_old_connections() -> None:
    if (django := _django()) is not None:
        django.close_old_connections()


def _django() -> Any:
    """Return Django's module of databases, if the app has imported it and Django is set up; else None."""
    conf, db = sys.modules.get("django.conf"), sys.modules.get("django.db")
    return db if conf is not None and db is not None and conf.settings.configured else None
