"""The handler of a deployed function: `lambdify.adapter.entry.handler`.

The import has effects: it loads the app, so that the app's imports and lifespan run while Lambda initialises,
not in the first request. (For streamed responses, `streaming.runtime` is the handler, and calls this one.)
`.lambdify/bundle.json` in the bundle names the app, {"app": "package.module:attribute"}, and may have:
    "path": "src"                            the folder that the app is imported from
    "on_event": "package.module:function"    the function for events that are not HTTP
    "show_errors": true                      a 500 shows the app's traceback
    "after_reply": false                     a client waits for what the app does after its response
    "remote_user": true                      a WSGI app finds the authorizer's user as REMOTE_USER
    "secrets": {"KEY": "ssm:/shop/key"}      environment variables, and where their values are
    "concurrency": 5                         the most environments that a keep-warm event may ask for
    "functions": {"report": {...}}           the project's functions beside the app, by alias: see `functions`
    "tasks": {"attempts": 5}                 tasks come by the alias "tasks": see `tasks.worker`
    "files": ".lambdify/files.json"          the table of the files that are served before the app
    "static": "0123456789abcdef"             which files a CDN serves for it; for nobody here
    "keep_telemetry": true                   what telemetry holds is not sent before the process is frozen
    "log_requests": true                     each request leaves a line in the log
A bundle with functions may have no app.

Lambda sets TZ to ":UTC". The C library reads that as "UTC", but Python code that reads it (a Django setting,
for one) knows no such zone. So the app finds "UTC", unless the project sets another zone.

The app's imports make tens of thousands of objects, and nearly all of them stay for good. So the garbage
collector runs rarely during init, and afterwards ignores these objects.

Keep-warm events are answered here, without the app. They have lambdify's own keys only. An HTTP event has
other keys as well, so no request can pass for one, whatever its body contains.

An ASGI app's shutdown runs on SIGTERM. Lambda sends that before it ends an execution environment, but only to
functions with an extension registered, which then have 0.3 to 2 seconds; all others end without notice
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown).
And Python handles a signal only while its main thread runs Python: the runtime of Python 3.11 waits for the
next invocation in C, so there it comes too late. So an app must not rely on its shutdown to save anything.
"""

import gc
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from lambdify.adapter import Adapter, loading

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdify.adapter.functions import Functions

KEEP_WARM = {"lambdify": "keep-warm"}
WARM = {"lambdify": "warm"}
OWN_KEYS = {"lambdify", "concurrency", "hold"}
"""The keys of lambdify's own events. Every HTTP event has other keys as well."""

GC_THRESHOLD = 50_000
"""New objects, some megabytes, between two garbage collections during init. With Python's 700 (2,000 in later
releases), an import of Flask, Django or FastAPI takes 2 to 5 % more instructions."""


def handler(event: Any, context: Any) -> Any:
    """Return the payload for an event."""
    if type(event) is dict and "lambdify" in event and event.keys() <= OWN_KEYS:
        return _handle_own_event(event, context)
    return respond(event, context)


def finishing(handler: "Callable[[Any, Any], Any]") -> Any:
    """Return the handler; what it leaves to telemetry is sent before Lambda freezes the process.

    Where the bundle keeps telemetry and logs no requests, it is the handler as it was.
    """
    modules = sys.modules
    if request_lines := modules.get("lambdify.adapter.observability.request_lines"):
        handler = request_lines.warming(handler)
    if not flushes:
        return handler

    def handle(event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            if "sentry_sdk" in modules or "opentelemetry.sdk" in modules:
                from lambdify.adapter.observability import telemetry  # only for apps that have it

                telemetry.flush(context)

    return handle


def _handle_own_event(event: dict[str, Any], context: Any) -> Any:
    """Return the payload for an event of lambdify's own; an unknown one goes to the app like all others."""
    if event == KEEP_WARM:
        return WARM
    root = os.environ["LAMBDA_TASK_ROOT"]
    if event["lambdify"] == "keep-warm":
        if (most := _read_bundle(root).get("concurrency", 1)) > 1:
            from lambdify.adapter.aws import warming  # an HTTP client: only where several are kept warm

            warming.warm(event, context, most)
        return WARM
    return respond(event, context)


def _initialise() -> "tuple[Any, Functions | None, bool]":
    """Return the app as a Lambda handler, the functions beside it, if any, and whether telemetry is sent.

    The garbage collector then ignores all objects of the init.
    """
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *usual[1:])
    try:
        bundle = _read_bundle(os.environ["LAMBDA_TASK_ROOT"])
        app = _load(bundle)
        flushes = "keep_telemetry" not in bundle
        if "functions" not in bundle and "tasks" not in bundle:
            return app, None, flushes
        from lambdify.adapter.functions import Functions

        return app, Functions(bundle, app), flushes
    finally:
        gc.freeze()  # https://docs.python.org/3/library/gc.html#gc.freeze
        if gc.get_threshold()[0] == GC_THRESHOLD:
            gc.set_threshold(*usual)


def _load(bundle: dict[str, Any]) -> Any:
    """Return the app as a Lambda handler. An app that is a handler already is returned as it is."""
    root = os.environ["LAMBDA_TASK_ROOT"]
    if os.environ.get("TZ") == ":UTC":
        os.environ["TZ"] = "UTC"  # the same zone for the C library, so no time.tzset()
    if "secrets" in bundle:
        from lambdify.adapter.aws import secrets  # an HTTP client, 25 ms of CPU: only if there are secrets

        secrets.load(bundle["secrets"])
    if "path" in bundle:
        # It comes first, as if `flask run` or `manage.py` were started in that folder.
        sys.path.insert(0, os.path.join(root, bundle["path"]))
    if loading.brings_distutils():
        __import__("_distutils_hack").add_shim()
    if "app" not in bundle:
        return _refuse
    app = _load_reference(bundle["app"])
    on_event = _load_on_event(bundle["on_event"]) if "on_event" in bundle else None
    # Told where the app does not show it, and a start of it before the deployment has.
    interface: Any = os.environ.get("LAMBDIFY_INTERFACE") or loading.find_interface(app)
    if interface == "handler":
        if on_event is not None or "files" in bundle:
            from lambdify.adapter.errors import AppNotLoaded

            what = "on_event has" if on_event else "[static] and the files that it serves have"
            raise AppNotLoaded(
                f"{bundle['app']!r} is a Lambda handler, which gets every event itself: {what} to go"
            )
        return app
    adapter = Adapter(
        app,
        interface=interface,
        on_event=on_event,
        show_errors=bundle.get("show_errors", False),
        remote_user=bundle.get("remote_user", False),
        after_reply=bundle.get("after_reply", True),
        log_requests=bundle.get("log_requests", False),
    )
    if "files" in bundle:
        adapter.serve_files(root, bundle["files"])
    if hosts := os.environ.get("LAMBDIFY_HOSTS"):
        adapter.answer_to(hosts, os.environ.get("LAMBDIFY_PATH", ""))
    if secret := os.environ.pop("LAMBDIFY_CDN", ""):  # which the app need not know
        adapter.stand_behind_cdn(secret, alone="LAMBDIFY_CDN_ALONE" in os.environ)
    if adapter.interface == "asgi":
        _close_on_sigterm(adapter)
    return adapter


def _refuse(event: Any, _: Any) -> Any:
    """Answer for the app where there is none: only functions are deployed."""
    from lambdify.adapter import describe
    from lambdify.adapter.errors import EventUnknown

    raise EventUnknown(f"there is no web app here, only functions; it received {describe(event)}")


def _load_reference(reference: str) -> Any:
    try:
        return loading.load(reference)
    except ImportError as error:
        from lambdify.adapter.errors import report

        # The runtime reports an ImportError without its traceback, as if this module had failed.
        report(f"while importing {reference!r}, this was raised", error, None)
        raise


def _load_on_event(reference: str) -> Any:
    from lambdify.adapter.errors import AppNotLoaded

    try:
        function = _load_reference(reference)
    except AppNotLoaded as error:
        raise AppNotLoaded(f"on_event = {reference!r} cannot be loaded: {error}") from error
    if not callable(function):
        raise AppNotLoaded(f"on_event = {reference!r} is not a function of event and context")
    return function


def _close_on_sigterm(adapter: Adapter) -> None:
    """Run the app's shutdown on SIGTERM, unless the app handles SIGTERM itself."""
    import signal  # loaded already, by asyncio; not for WSGI apps, which have no shutdown

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def close(number: int, _: object) -> None:
        adapter.close()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(128 + number)  # sys.exit would wait for AWS's thread, which waits for Lambda

    signal.signal(signal.SIGTERM, close)


def _read_bundle(root: str) -> dict[str, Any]:
    path = os.path.join(root, ".lambdify", "bundle.json")
    try:
        with open(path, encoding="utf-8") as file:
            bundle: dict[str, Any] = json.load(file)
    except FileNotFoundError as error:
        from lambdify.adapter.errors import AppNotLoaded

        raise AppNotLoaded(
            f"{path} is missing: this handler works in a bundle that lambdify packed"
        ) from error
    return bundle


respond, functions, flushes = _initialise()
answer = handler if functions is None else functions.before(handler)
handler = finishing(answer)
