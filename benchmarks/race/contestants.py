"""Who takes part. A contestant is a function that handles an event so many times; before it is timed, its
answer is held against what the app has to say.

`bare` is the app alone, called with an environ or scope made beforehand: what no adapter can do without.
"""

import asyncio
import importlib
import io
import json
import logging
import sys
from base64 import b64decode
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from race import apps
from race.events import CLIENT, HOST, ROWS, Call, Row

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Run = Callable[[int], None]

BARE = "bare"
OURS = "lambdify"
OURS_FASTER = "lambdify, pybase64"
MANGUMS = ("mangum, lifespan off", "mangum, lifespan auto")
APIG_WSGI = "apig-wsgi"
SERVERLESS_WSGI = "serverless-wsgi"
ZAPPA = "zappa"


class Context(NamedTuple):
    """What adapters ask of Lambda's context."""

    aws_request_id: str = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
    function_name: str = "race"

    def get_remaining_time_in_millis(self) -> int:
        """Plenty."""
        return 30_000


def list_names(kind: str) -> tuple[str, ...]:
    """Who takes part with this kind of app, ours first."""
    peers = MANGUMS if kind in apps.ASGI_APPS else (APIG_WSGI, SERVERLESS_WSGI)
    return (OURS, OURS_FASTER, *peers, ZAPPA)


def make_handler(name: str, kind: str, app: Any) -> Handler:
    """The adapter of that name around the app, as Lambda would call it."""
    if name in (OURS, OURS_FASTER):
        return _make_lambdify(app, pybase64=name == OURS_FASTER)
    if name in MANGUMS:
        from mangum import Mangum

        return Mangum(app, lifespan="off" if name == MANGUMS[0] else "auto")
    if name == APIG_WSGI:
        import apig_wsgi

        return apig_wsgi.make_lambda_handler(app, binary_support=True)
    if name == SERVERLESS_WSGI:
        import serverless_wsgi

        return lambda event, context: serverless_wsgi.handle_request(app, event, context)
    return _make_zappa(app, "asgi" if kind in apps.ASGI_APPS else "wsgi")


def takes_part(name: str, row: Row) -> bool:
    """Whether this contestant has anything to show in this row: pybase64 has, where bodies are large."""
    return name != OURS_FASTER or "1 MB" in row.name


def make_run(handler: Handler, event: dict[str, Any]) -> Run:
    """The handler as a contestant."""
    context = Context()

    def run(times: int) -> None:
        for _ in range(times):
            handler(event, context)

    return run


def make_bare(kind: str, app: Any, call: Call) -> Run:
    """The app alone as a contestant."""
    return _make_bare_asgi(app, call) if kind in apps.ASGI_APPS else _make_bare_wsgi(app, call)


def check(handler: Handler, row: Row) -> None:
    """Nothing if the handler's answer is right, else a ValueError."""
    call = row.call
    payload = json.loads(json.dumps(handler(row.event, Context())))
    kind, expected = apps.answer(call.method, call.path, call.query, call.body)
    body = b64decode(payload["body"]) if payload.get("isBase64Encoded") else payload["body"].encode()
    headers = payload.get("headers") or {n: v[-1] for n, v in payload["multiValueHeaders"].items()}
    told = {name.lower(): value for name, value in headers.items()}.get("content-type")
    if (payload["statusCode"], told, body) != (200, kind, expected):
        raise ValueError(f"{payload['statusCode']} {told} {body[:200]!r}, expected {expected[:200]!r}")


def _make_lambdify(app: Any, *, pybase64: bool) -> Handler:
    """Our adapter, loaded anew, with or without pybase64 in its bundle."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("lambdify", "pybase64")]:
        del sys.modules[name]
    if not pybase64:
        sys.modules["pybase64"] = None  # type: ignore[assignment]  # how Python spells "cannot be imported"
    adapter = importlib.import_module("lambdify.adapter").Adapter(app)
    # What it imports with its first events, before another one is loaded: each keeps to its own modules.
    event_sources = importlib.import_module("lambdify.adapter.event_sources")
    for row in ROWS:
        event_sources.find(row.event)
    importlib.import_module("lambdify.adapter.bodies").read("AAAA" * 100_000, True)
    return adapter


def _make_zappa(app: Any, kind: str) -> Handler:
    """Zappa's handler, with the settings that its command line would write."""
    from zappa import handler as zappa

    settings = ModuleType("zappa_settings")
    settings.__dict__.update(
        {
            "API_STAGE": "prod",
            "APP_FUNCTION": "app",
            "APP_MODULE": "zappa_app",
            "APP_TYPE": kind,
            "AWS_EVENT_MAPPING": {},
            "BASE_PATH": None,
            "BINARY_SUPPORT": True,
            "COGNITO_TRIGGER_MAPPING": {},
            "CONTEXT_HEADER_MAPPINGS": {},
            "DEBUG": False,
            "DJANGO_SETTINGS": None,
            "DOMAIN": None,
            "ENVIRONMENT_VARIABLES": {},
            "EXCEPTION_HANDLER": None,
            "LOG_LEVEL": "WARNING",
            "PROJECT_NAME": "race",
        }
    )
    module = ModuleType("zappa_app")
    module.app = app  # type: ignore[attr-defined]
    sys.modules.update(zappa_settings=settings, zappa_app=module)
    logging.getLogger("zappa").setLevel(logging.WARNING)
    stdout, sys.stdout = sys.stdout, io.StringIO()  # it says that it starts
    try:
        handler: Handler = zappa.LambdaHandler().handler
    finally:
        sys.stdout = stdout
    return handler


def _make_bare_wsgi(app: Any, call: Call) -> Run:
    prepared = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": call.path,
        "QUERY_STRING": call.query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": CLIENT,
        "HTTP_HOST": HOST,
        "CONTENT_TYPE": call.kind,
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return None

    def run(times: int) -> None:
        for _ in range(times):
            chunks = app(prepared | {"wsgi.input": io.BytesIO(call.body)}, start_response)
            b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()

    return run


def _make_bare_asgi(app: Any, call: Call) -> Run:
    prepared = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "https",
        "path": call.path,
        "raw_path": call.path.encode(),
        "query_string": call.query.encode(),
        "root_path": "",
        "headers": [(b"host", HOST.encode()), (b"content-type", call.kind.encode())],
        "client": (CLIENT, 0),
        "server": (HOST, 443),
    }
    message = {"type": "http.request", "body": call.body, "more_body": False}

    async def receive() -> dict[str, Any]:
        return message

    async def send(message: dict[str, Any]) -> None: ...

    async def call_often(times: int) -> None:
        for _ in range(times):
            await app(prepared | {"state": {}}, receive, send)

    loop = asyncio.new_event_loop()
    return lambda times: loop.run_until_complete(call_often(times))
